"""How a wrapped model's requirements come into a virtual environment of their own. Changes with uv and pip.

Both resolve all of them before they install the first, so that a conflict is named before anything is there.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from prewarm.records.errors import WrappedError
from prewarm.samples.wrapped.folder import Folder


@dataclass(frozen=True, kw_only=True)
class Installing:
    """Commands, one after the other, and the interpreter that is there afterwards."""

    commands: tuple[tuple[str, ...], ...]
    python: Path
    by: str
    """uv or pip."""


def installing(folder: Folder, target: Path, *, uv: str | None, python: str = sys.executable) -> Installing:
    """How the environment of a folder is made.

    Args:
        folder: what is to be installed.
        target: where.
        uv: its path; None: pip does it.
        python: the interpreter that pip is used with.

    Raises:
        WrappedError: pip alone cannot make it.
    """
    interpreter = target / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = ["-r", str(folder.requirements), *map(str, folder.wheels)]
    if uv is not None:
        made = (uv, "venv", "--quiet", "--python", folder.python or python, str(target))
        installed = (uv, "pip", "install", "--quiet", "--python", str(interpreter), *wanted)
        return Installing(commands=(made, installed), python=interpreter, by="uv")
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if folder.python is not None and ".".join(folder.python.split(".")[:2]) != here:
        raise WrappedError(
            "load-error",
            f"it wants Python {folder.python}, and this is {here}",
            hint="pip install uv, which gets other versions of Python",
        )
    pip = (str(interpreter), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    commands: list[tuple[str, ...]] = [(python, "-m", "venv", str(target))]
    commands += [(*pip, f"pip=={folder.pip}")] if folder.pip is not None else []
    return Installing(commands=(*commands, (*pip, *wanted)), python=interpreter, by="pip")
