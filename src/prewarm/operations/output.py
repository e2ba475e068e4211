"""Writes what a user asks for into the file that the user names. Changes with what may be named."""

from __future__ import annotations

from pathlib import Path

from prewarm.cache.place import write_text
from prewarm.records.errors import CommandError


def look_at(path: Path, option: str, *suffixes: str) -> None:
    """Say what cannot be written before anything is done for it.

    Raises:
        CommandError: it cannot.
    """
    hint = f"{option} report{suffixes[0]}" if suffixes else f"{option} FILE"
    if not str(path) or str(path) == "." or path.is_dir():
        raise CommandError(f"{option} {path}: a folder, and no file", hint=hint)
    if suffixes and path.suffix.lower() not in suffixes:
        raise CommandError(f"{option} {path}: it ends with {suffixes[0]}", hint=hint)
    if not path.absolute().parent.is_dir():
        raise CommandError(f"there is no folder {path.absolute().parent}", hint="make it, or name another one")


def write(path: Path, text: str) -> None:
    """Write it: a file is whole or as it was; what is no file, such as a pipe, is written to and stays what it is.

    Raises:
        CommandError: it cannot be written.
    """
    try:
        real = path.resolve()
        if real.exists() and not real.is_file():
            with real.open("w", encoding="utf-8") as stream:
                stream.write(text)
        else:
            write_text(real, text)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror or error}", hint="name another file") from None
