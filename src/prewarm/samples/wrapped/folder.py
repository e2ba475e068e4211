"""What a wrapped model's folder holds. Changes with its layout."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from prewarm.lock.content import sha256_of
from prewarm.records.errors import WrappedError

_PYTHON = re.compile(r"\d+\.\d+(\.\d+)?")
_NESTED = re.compile(r"(?:-r|--requirement)(?:\s+|=)?(.+)")
_COMMENT = re.compile(r"(^|\s)#.*")
_OPTIONS = re.compile(r"\s--\S.*")
_LAYOUT = "model/, src/inference.py, src/requirements.txt, src/settings.yml, and wheels in privatepkgs/"


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder that is whole."""

    path: Path
    wheels: tuple[Path, ...]
    """Private packages."""
    python: str | None
    """The version that it wants, such as 3.11; None: any."""
    pip: str | None
    """The version of pip that it wants."""
    files: int
    bytes: int
    required: str
    """A digest of what decides its environment: all that is neither code nor model."""
    digest: str
    """Of what decides the answer: code, requirements and wheels by content, the model by names, sizes and times."""

    @property
    def inference(self) -> Path:
        """The module with the class."""
        return self.path / "src" / "inference.py"

    @property
    def requirements(self) -> Path:
        """What the class needs."""
        return self.path / "src" / "requirements.txt"


def look(path: Path) -> Folder:
    """What a folder holds.

    Raises:
        WrappedError: something is missing, or cannot be.
    """
    try:
        return _looked(path)
    except OSError as error:
        said = f"{error.filename or path} cannot be read: {error.strerror or error}"
        raise WrappedError("load-error", said, hint="run as who may read it") from None


def _looked(path: Path) -> Folder:
    if not path.is_dir():
        raise WrappedError("not-found", f"there is no folder {path}", hint=f"a folder with {_LAYOUT}")
    src = path / "src"
    for name in ("inference.py", "requirements.txt", "settings.yml"):
        if not (src / name).is_file():
            raise WrappedError("not-found", f"{path.name}/src has no {name}", hint=f"a wrapped model has {_LAYOUT}")
    if not (path / "model").is_dir():
        raise WrappedError("not-found", f"{path.name} has no folder model", hint=f"a wrapped model has {_LAYOUT}")
    wheels = tuple(sorted((path / "privatepkgs").glob("*.whl")))
    _refuse_private_requirements(src / "requirements.txt", wheels)
    settings = _settings(src / "settings.yml")
    found, required = hashlib.sha256(), hashlib.sha256()
    count = size = 0
    for file in _files(path):
        status = file.stat()
        count, size = count + 1, size + status.st_size
        name = file.relative_to(path).as_posix()
        is_model = name.startswith("model/")
        told = f"{status.st_size} {status.st_mtime_ns}" if is_model else sha256_of(file)
        line = f"{name}\0{told}\n".encode("utf-8", "surrogateescape")
        found.update(line)
        if not is_model and not name.endswith(".py"):
            required.update(line)
    return Folder(
        path=path,
        wheels=wheels,
        python=_version(settings, "python", src / "settings.yml"),
        pip=_version(settings, "pip", src / "settings.yml"),
        files=count,
        bytes=size,
        required=required.hexdigest(),
        digest=found.hexdigest(),
    )


def _files(path: Path) -> Iterator[Path]:
    """Every file, also in folders that links lead to; each folder once."""
    seen: set[str] = set()
    for name, folders, files in os.walk(path, followlinks=True):
        real = os.path.realpath(name)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(folder for folder in folders if folder != "__pycache__")
        for file in sorted(files):
            if (found := Path(name, file)).is_file():
                yield found


def _refuse_private_requirements(requirements: Path, wheels: tuple[Path, ...]) -> None:
    """Raise WrappedError where a private package is required too: an index would be asked for what it must not have."""
    private: dict[str, str] = {}
    for wheel in wheels:
        try:
            private[parse_wheel_filename(wheel.name)[0]] = wheel.name
        except InvalidWheelFilename:
            raise WrappedError(
                "load-error", f"privatepkgs/{wheel.name} is not named as a wheel is", hint="name-1.0-py3-none-any.whl"
            ) from None
    for place, said in _requirements(requirements, set()):
        try:
            name = canonicalize_name(Requirement(_OPTIONS.sub("", said.rstrip("\\")).strip()).name)
        except InvalidRequirement:
            # An address, a file, or a variable: who installs knows what that is.
            if any(mark in said for mark in ("://", "/", "${", ".whl")) or said.startswith("."):
                continue
            raise WrappedError(
                "load-error",
                f"{place}: '{said[:80]}' is no requirement",
                hint='such as "numpy>=1.26"',
            ) from None
        if name in private:
            raise WrappedError(
                "load-error",
                f"{place} names {name}, which is private: privatepkgs/{private[name]}",
                hint="take it out there: whoever has that name on an index would be installed",
            )


def _requirements(path: Path, seen: set[Path]) -> Iterator[tuple[str, str]]:
    """What a file requires, and those that it names with ``-r``: where it stands, and the line."""
    seen.add(path.resolve())
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise WrappedError("load-error", f"{path.name} is not UTF-8", hint="save it as UTF-8") from None
    for number, line in enumerate(lines, start=1):
        said = _COMMENT.sub("", line).strip()
        if more := _NESTED.fullmatch(said):
            nested = path.parent / more[1].strip("\"'")
            # What is elsewhere, or not there, is a matter of who installs.
            if nested.is_file() and nested.resolve() not in seen:
                yield from _requirements(nested, seen)
        elif said and not said.startswith("-"):
            yield f"{path.name}:{number}", said


def _settings(path: Path) -> Any:
    import yaml  # noqa: PLC0415 (for wrapped models alone)

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise WrappedError("load-error", f"settings.yml is no YAML: {said}", hint='env:\n  python: "3.11"') from None


def _version(settings: Any, name: str, path: Path) -> str | None:
    env = (settings or {}).get("env", {}) if isinstance(settings, dict) or settings is None else None
    if env is None or not isinstance(env, dict):
        raise WrappedError("load-error", f"{path.name} has no table env", hint='env:\n  python: "3.11"')
    said = env.get(name)
    if said is None:
        return None
    if not isinstance(said, (str, int, float)) or isinstance(said, bool) or not _PYTHON.fullmatch(str(said)):
        raise WrappedError(
            "load-error", f"{path.name}: env.{name} is '{said!s:.40}', and no version", hint=f'{name}: "3.11"'
        )
    # YAML reads 3.10 as a number, and that as 3.1.
    return "3.10" if said == 3.1 else str(said)
