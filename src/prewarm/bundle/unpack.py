"""Reads a bundle: nothing in it is believed. Changes with what a bundle may have."""

from __future__ import annotations

import contextlib
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, NoReturn

from prewarm.bundle import members
from prewarm.records.errors import BundleError

_BLOCK_BYTES = 4 << 20
Read = Callable[[], Iterator[bytes]]


class Bundle:
    """An open bundle; use it as a context manager.

    Args:
        path: of the file.

    Raises:
        BundleError: it is no bundle, or one of a newer schema.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._archive = tarfile.open(path, mode="r:")  # noqa: SIM115 (closed by the context)
        except (tarfile.TarError, EOFError):
            raise BundleError(f"{path} is no bundle, or is cut short", hint="it is made by: prewarm bundle") from None
        except OSError as error:
            raise BundleError(f"{path} cannot be read: {error.strerror or error}") from None
        try:
            head = self._head(self._text(members.HEAD))
            self.manifest = self._text(members.MANIFEST, head.get("manifest"))
            self.lock = self._text(members.LOCK, head.get("lock"))
        except BaseException:
            self._archive.close()
            raise

    def contents(self, sizes: Mapping[str, int]) -> Iterator[tuple[str, Read]]:
        """The members with content, in their order, each with what reads it once.

        Args:
            sizes: the members that the lock names, and their sizes in bytes.

        Raises:
            BundleError: a member is there that nobody named, one is missing, or the bundle is cut short.
        """
        missing = set(sizes)
        while (member := self._next()) is not None:
            if member.name not in sizes:
                self._refuse(f"has {member.name[:200]}, which its lock does not name")
            if member.name not in missing:
                self._refuse(f"has {member.name[:200]} twice")
            if member.size != sizes[member.name]:
                self._refuse(f"has {member.name[:200]} with another size than its lock says")
            missing.remove(member.name)
            yield member.name, lambda member=member: self._pieces(member)  # type: ignore[misc]
        if missing:
            self._refuse(f"lacks {min(missing)}: it is cut short")

    def _pieces(self, member: tarfile.TarInfo) -> Iterator[bytes]:
        left = member.size
        opened = self._opened(member)
        while left:
            try:
                piece = opened.read(min(_BLOCK_BYTES, left))
            except (tarfile.TarError, EOFError, OSError):
                piece = b""
            if not piece:
                self._refuse("is cut short")
            left -= len(piece)
            yield piece

    def _opened(self, member: tarfile.TarInfo) -> IO[bytes]:
        opened = self._archive.extractfile(member)
        if opened is None:
            self._refuse(f"has {member.name[:200]}, which is no file")
        return opened

    def _text(self, name: str, sha256: object = None) -> str:
        member = self._next()
        if member is None or member.name != name or member.size > members.TEXT_MAX_BYTES:
            self._refuse(f"is no bundle: it has no {name} where that belongs")
        content = b"".join(self._pieces(member))
        if name != members.HEAD and members.sha256(content) != sha256:
            self._refuse(f"is damaged: {name} is not what its head says")
        try:
            return content.decode()
        except UnicodeDecodeError:
            self._refuse(f"has a {name} that is no text")

    def _next(self) -> tarfile.TarInfo | None:
        try:
            member = self._archive.next()
        except (tarfile.TarError, EOFError, OSError, ValueError):
            self._refuse("is no bundle, or it is damaged or cut short")
        if member is not None and not member.isreg():
            self._refuse(f"has {member.name[:200]}, which is no file: a bundle has no links and no folders")
        return member

    def _head(self, text: str) -> dict[str, object]:
        said: dict[str, object] = {}
        schema = None
        with contextlib.suppress(ValueError, TypeError, KeyError):
            said = json.loads(text)
            schema = said["schema"] if said["prewarm"] == "bundle" else None
        if not isinstance(schema, int):
            self._refuse("is no bundle: its head says something else")
        if schema != members.SCHEMA:
            raise BundleError(
                f"{self._path} is of schema {schema}, and this prewarm knows {members.SCHEMA}",
                hint="pip install -U hf-prewarm",
            )
        return dict(said)

    def _refuse(self, said: str) -> NoReturn:
        raise BundleError(f"{self._path} {said}", hint="copy it again, or make it anew with: prewarm bundle")

    def __enter__(self) -> Bundle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._archive.close()
