"""Serves an artifact, or tries it out. Changes with which folder is meant, and what it needs.

Imports little: the server's start is what its users wait for.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from prewarm.export import RECORD, damaged
from prewarm.records.errors import CommandError, ServeError
from prewarm.records.text import harmless

_NEEDS = ("numpy", "onnxruntime", "tokenizers")
_ANSWERS = ("starlette", "uvicorn")
_SHOWN = 30


def folder_to_serve(which: str | None, manifest: Path | None, environ: Mapping[str, str]) -> Path:
    """The folder of an artifact with an embedding model.

    Args:
        which: a folder, or an entry's id or name; None: the only one of the manifest.
        manifest: where it is; None: in the working directory.
        environ: the process's environment.

    Raises:
        CommandError: it is not clear which, or it is no such folder.
    """
    if which is not None and (found := _named(Path(which))) is not None:
        return _with_vectors(found)
    if which is not None and (which.startswith((".", "/", "~")) or which.count("/") > 1):
        raise CommandError(f"there is no folder {which}", hint="prewarm export makes one; or name an entry")
    from prewarm.operations.artifacts import chosen, folder_of  # noqa: PLC0415 (not needed for a folder)
    from prewarm.operations.project import load  # noqa: PLC0415

    project = load(manifest, environ=environ, only=[which] if which else [])
    folders = {entry.id: folder_of(project, entry) for entry in chosen(project, is_named=which is not None)}
    there = {name: folder for name, folder in folders.items() if (folder / RECORD).is_file()}
    if not there:
        name = which or next(iter(folders))
        raise CommandError(f"{folders[next(iter(folders))]} is not there", hint=f"prewarm export {name}")
    able = {name: folder for name, folder in there.items() if _dimensions(folder) is not None} or there
    if len(able) > 1:
        raise CommandError(f"there are {len(able)} artifacts", hint=f"name one: prewarm serve {next(iter(able))}")
    return _with_vectors(next(iter(able.values())))


def _named(folder: Path) -> Path | None:
    """The folder of that name, where there is one.

    Raises:
        CommandError: it is there, and no artifact.
    """
    try:
        if (folder / RECORD).is_file():
            return folder
        if not folder.is_dir() or len(folder.parts) == 1:
            # A folder of the application's may be called like an entry.
            return None
    except OSError as error:
        raise CommandError(f"{folder} cannot be read: {error.strerror}", hint="run as who may read it") from None
    raise CommandError(f"{folder} has no {RECORD}", hint="name a folder that prewarm export has made")


def look_for_packages(*, draws: bool, answers: bool) -> None:
    """Raise ServeError where a package is missing."""
    wanted = {"serve": [*_NEEDS, *(_ANSWERS if answers else ())], "plot": ["matplotlib"] if draws else []}
    for extra, names in wanted.items():
        if lost := [name for name in names if importlib.util.find_spec(name) is None]:
            raise ServeError(f"a package is missing: {', '.join(lost)}", hint=f'pip install "hf-prewarm[{extra}]"')


def serve(
    folder: Path, *, host: str, port: int, threads: int | None, queue_tokens: int | None, environ: Mapping[str, str]
) -> None:
    """Answer until a signal comes.

    Raises:
        ServeError: the folder's files are not what they were, or the port cannot be had.
    """
    refuse_damaged(folder)
    from prewarm.serve._server import server  # noqa: PLC0415 (imports onnxruntime)

    more = {} if queue_tokens is None else {"queue_tokens": queue_tokens}
    key = environ.get(server.KEY_VARIABLE) or None
    try:
        server.serve(folder, host=host, port=port, threads=threads, key=key, **more)
    except SystemExit:
        # uvicorn has said why on standard error.
        raise ServeError(f"nobody can answer at {host}:{port}", hint="name another one: --port 8081") from None
    except Exception as error:  # noqa: BLE001 (what reads the files raises anything)
        raise _unreadable(folder, error) from None


def try_out(folder: Path, texts: Sequence[str], output: Path | None) -> list[str]:
    """Lines that say how alike texts are, by the cosine of their vectors.

    Raises:
        ServeError: it cannot be computed or drawn.
    """
    refuse_damaged(folder)
    from prewarm.serve.alike import alike, draw  # noqa: PLC0415 (imports onnxruntime)

    try:
        found = alike(folder, texts)
    except Exception as error:  # noqa: BLE001 (what reads the files raises anything)
        raise _unreadable(folder, error) from None
    if output is not None:
        try:
            draw(found, texts, output)
        except (OSError, ValueError) as error:
            raise ServeError(f"{output} cannot be drawn: {error}", hint="such as -o alike.svg") from None
    names = [f"{at + 1}" for at in range(len(texts))]
    shown = [harmless(" ".join(text.split())) for text in texts]
    lines = ["    " + "".join(f"{name:>7}" for name in names)]
    lines += [
        f"{name:>3} " + "".join(f"{value:>7.3f}" for value in row) + f"  {text[:_SHOWN]}"
        for name, row, text in zip(names, found, shown, strict=True)
    ]
    return [*lines, *([f"{output}: the same as a picture"] if output is not None else [])]


def refuse_damaged(folder: Path) -> None:
    """Raise ServeError where a file is not what was made: it would be served without a word."""
    from prewarm.operations.artifacts import remembering  # noqa: PLC0415

    try:
        with remembering(folder) as is_right:
            lost = damaged(folder, is_right=is_right)
    except OSError as error:
        raise ServeError(
            f"{error.filename or folder}: {error.strerror or error}", hint="prewarm export makes what is missing"
        ) from None
    if lost:
        said = f"{', '.join(lost)} of {folder} is not what was made"
        raise ServeError(said, hint="prewarm export --force makes it anew")


def _with_vectors(folder: Path) -> Path:
    if _dimensions(folder) is None:
        raise CommandError(
            f"{folder} does not give one vector for each text",
            hint="an embedding model is exported by its own class: model_class = "
            '"sentence_transformers:SentenceTransformer"',
        )
    return folder


def _dimensions(folder: Path) -> int | None:
    """Of the vectors that an artifact gives; None: it gives something else.

    Raises:
        CommandError: its record cannot be read.
    """
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8")).get("dimensions")
    except (OSError, ValueError, AttributeError):
        raise CommandError(f"{folder / RECORD} cannot be read", hint="prewarm export --force makes it anew") from None
    return found if isinstance(found, int) else None


def _unreadable(folder: Path, error: Exception) -> ServeError:
    said = " ".join(str(error).split())[:300] or type(error).__name__
    return ServeError(f"{folder}: {said}", hint="prewarm export --check says what of it is not as it was made")
