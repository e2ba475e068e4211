"""Looks into one file, and into what is in it. Changes with the wrappings that files come in.

Called in a process of its own: what it opens may be made to break it.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import mmap
import re
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from prewarm.audit import templates
from prewarm.audit.kinds import HEAD_BYTES, PICKLES, Kind, kind_of

_DEEPEST = 4
_IN_MEMORY_BYTES = 64 << 20
_UNPACKED_MAX_BYTES = 32 << 30
_BLOCK_BYTES = 1 << 20
_LAMBDA = re.compile(rb'"class_name":\s*"(Lambda|TFOpLambda|SlicingOpLambda)"')
_EXTERNAL = re.compile(rb"\x0a\x08location\x12([\x01-\x7f]|[\x80-\xff][\x01-\x7f])", re.DOTALL)
"""The place of a tensor's data, as ONNX writes it: a key, and a text with its length."""
_GGUF_HEAD_BYTES = 256 << 20


def findings(path: Path, name: str) -> list[str]:
    """What would be executed, or done, where the file is opened, in words; each once.

    Args:
        path: of its content.
        name: under which it is opened.
    """
    with path.open("rb") as data:
        return list(dict.fromkeys(_in(data, name, 0)))


def _in(data: IO[bytes], name: str, depth: int) -> Iterator[str]:
    head = data.read(HEAD_BYTES)
    data.seek(0)
    kind = kind_of(name, head)
    if depth > _DEEPEST:
        yield "archives in archives, deeper than is looked"
    elif kind in ("pickle", "torch", "zip", "numpy"):
        yield from _pickled(data, name, kind, head, depth)
    elif kind == "7z":
        yield "a 7z archive, which is not looked into"
    elif kind == "tar":
        yield from _tar(data, depth)
    elif kind in ("gzip", "bzip2", "xz", "zlib"):
        yield from _unpacked(data, name, kind, depth)
    else:
        yield from _otherwise(data, name, kind)


def _pickled(data: IO[bytes], name: str, kind: Kind, head: bytes, depth: int) -> Iterator[str]:
    # Its scanner takes as long to import as all the rest.
    from prewarm.audit import pickles  # noqa: PLC0415

    if kind == "torch" and not head.startswith(PICKLES):
        if not pickles.may_be_one(data):
            return
        data.seek(0)
    if kind == "zip":
        yield from _zip(data, depth)
        data.seek(0)
    yield from pickles.findings(data, name, PurePosixPath(name.lower()).suffix)
    if kind in ("pickle", "torch"):
        data.seek(0)
        yield from pickles.unreadable(data, streams=pickles.streams_of(head))


def _zip(data: IO[bytes], depth: int) -> Iterator[str]:
    from prewarm.audit import pickles  # noqa: PLC0415 (as above)

    try:
        with zipfile.ZipFile(data) as archive:
            for member in archive.infolist():
                if member.is_dir():
                    continue
                with archive.open(member) as opened:
                    head = opened.read(HEAD_BYTES)
                if member.filename.endswith("config.json"):
                    yield from _lambdas(archive.read(member)) if member.file_size < _IN_MEMORY_BYTES else ()
                kind = kind_of(member.filename, head)
                if kind in ("pickle", "torch") and (head.startswith(PICKLES) or member.filename.endswith(".pkl")):
                    with archive.open(member) as opened:
                        yield from pickles.unreadable(opened, streams=1)
                elif kind in ("zip", "tar", "gzip", "bzip2", "xz", "7z", "hdf5"):
                    with archive.open(member) as opened, _kept(_pieces(opened)) as content:
                        yield from _in(content, member.filename, depth + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        yield f"an archive that cannot be read ({type(error).__name__})"


def _tar(data: IO[bytes], depth: int) -> Iterator[str]:
    try:
        with tarfile.open(fileobj=data, mode="r:") as archive:
            for member in archive:
                if member.name.startswith("/") or ".." in PurePosixPath(member.name).parts:
                    yield f"a member outside of its archive ({member.name[:100]})"
                opened = archive.extractfile(member) if member.isfile() else None
                if opened is not None:
                    with opened, _kept(_pieces(opened)) as content:
                        yield from _in(content, member.name, depth + 1)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        yield f"an archive that cannot be read ({type(error).__name__})"


def _unpacked(data: IO[bytes], name: str, kind: Kind, depth: int) -> Iterator[str]:
    inner = name
    if PurePosixPath(name.lower()).suffix in (".gz", ".bz2", ".xz"):
        inner = str(PurePosixPath(name).with_suffix(""))
    try:
        with _kept(_unpacked_pieces(data, kind)) as content:
            yield from _in(content, inner, depth + 1)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
        yield f"a compressed file that cannot be read ({type(error).__name__})"


def _unpacked_pieces(data: IO[bytes], kind: Kind) -> Iterator[bytes]:
    if kind == "zlib":
        state = zlib.decompressobj()
        for block in _pieces(data):
            left = block
            while left:
                yield state.decompress(left, _BLOCK_BYTES)
                left = state.unconsumed_tail
        return
    opened: Any = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}[kind]
    with opened(data, "rb") as stream:
        yield from _pieces(stream)


def _pieces(opened: IO[bytes]) -> Iterator[bytes]:
    while block := opened.read(_BLOCK_BYTES):
        yield block


def _kept(pieces: Iterable[bytes]) -> IO[bytes]:
    """What can be read from its beginning again.

    Raises:
        ValueError: it is too large to be kept.
    """
    content = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 (whoever asked for it closes it)
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > _UNPACKED_MAX_BYTES:
            raise ValueError("too large")
        content.write(piece)
    content.seek(0)
    return cast("IO[bytes]", content)


def _otherwise(data: IO[bytes], name: str, kind: Kind) -> Iterator[str]:
    if kind == "hdf5":
        with _mapped(data) as content:
            yield from _lambdas(content)
    elif kind == "onnx":
        with _mapped(data) as content:
            yield from _external(content)
    elif kind == "gguf":
        for text in templates.in_gguf(data.read(_GGUF_HEAD_BYTES)):
            yield from templates.findings(text)
    elif kind == "template":
        said = data.read()
        for text in templates.in_json(said) if name.endswith(".json") else [said.decode(errors="replace")]:
            yield from templates.findings(text)


def _mapped(data: IO[bytes]) -> mmap.mmap:
    return mmap.mmap(data.fileno(), 0, access=mmap.ACCESS_READ)


def _lambdas(content: bytes | mmap.mmap) -> Iterator[str]:
    if found := _LAMBDA.search(content):
        yield f"a layer of Keras that is Python code ({found[1].decode()})"


def _external(content: mmap.mmap) -> Iterator[str]:
    for found in _EXTERNAL.finditer(content):
        size = found[1]
        length = size[0] if len(size) == 1 else (size[0] & 0x7F) | size[1] << 7
        place = content[found.end() : found.end() + length].decode("utf-8", errors="replace")
        if place.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", place) or re.match(r"[A-Za-z]:", place):
            yield f"data outside of its folder ({place[:100]})"
