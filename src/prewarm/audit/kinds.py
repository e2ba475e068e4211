"""Which files may execute something when they are opened, by their names and first bytes. Standard library only."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "pickle", "torch", "zip", "tar", "gzip", "bzip2", "xz", "zlib", "7z", "numpy", "hdf5", "gguf", "onnx", "template",
    "",
]  # fmt: skip

HEAD_BYTES = 512
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""How pickles begin, but for the oldest, which are text."""
_BY_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"), (b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\x00", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7z"), (b"\x93NUMPY", "numpy"), (b"\x89HDF\r\n\x1a\n", "hdf5"), (b"GGUF", "gguf"),
    *((magic, "pickle") for magic in PICKLES),
)  # fmt: skip
_OF_TORCH = {".bin", ".pt", ".pth", ".ckpt", ".pt2", ".pts", ".pdparams"}
_OF_PICKLE = {".pkl", ".pickle", ".p", ".joblib", ".dill", ".cloudpickle", ".pck", ".pcl", ".z"}
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_OTHERS = {
    ".npy", ".npz", ".h5", ".hdf5", ".keras", ".nemo", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".zip", ".mar",
    ".gguf", ".onnx", ".jinja",
}  # fmt: skip
_TEMPLATES = {"tokenizer_config.json", "chat_template.json", "processor_config.json"}
_TAR_AT = 257


def may_execute(path: str) -> bool:
    """Whether a file of that name is looked at; what has another name is not opened by anything that executes it."""
    name = PurePosixPath(path).name.lower()
    return PurePosixPath(name).suffix in _OF_TORCH | _OF_PICKLE | _OTHERS or name in _TEMPLATES


def kind_of(name: str, head: bytes) -> Kind:
    """What a file is.

    Args:
        name: its path, or that of a member of an archive.
        head: its first ``HEAD_BYTES``.
    """
    lower = PurePosixPath(name).name.lower()
    suffix = PurePosixPath(lower).suffix
    if lower in _TEMPLATES or suffix == ".jinja":
        return "template"
    if suffix == ".onnx":
        return "onnx"
    for magic, kind in _BY_MAGIC:
        if head.startswith(magic):
            return "torch" if kind == "pickle" and suffix in _OF_TORCH else kind
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return "tar"
    if suffix in _OF_PICKLE:
        return "zlib" if head.startswith(_ZLIB) else "pickle"
    return "torch" if suffix in _OF_TORCH else ""
