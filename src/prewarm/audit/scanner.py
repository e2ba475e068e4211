"""Lets a process of its own look into files, with limits. Changes with how that process is talked to."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from prewarm.audit.kinds import HEAD_BYTES, kind_of, may_execute
from prewarm.records.text import quoted
from prewarm.worker.confine import Wanted
from prewarm.worker.supervised import Bounds, Supervised
from prewarm.worker.temporary import OwnFolder

_SCAN = Path(__file__).with_name("_scan") / "__main__.py"
_START_S = 60.0
_FILE_S = 20.0
_BYTES_PER_S = 20_000_000
_MEMORY_BYTES = 4 << 30
_SHOWN = 8


class Scanner:
    """Looks into files, each content once; ``close`` ends its process.

    Args:
        cache: the folder that it may read.
        environ: for the process; it holds no secret.
    """

    def __init__(self, cache: Path, environ: Mapping[str, str]) -> None:
        self._cache = cache
        self._environ = environ
        self._known: dict[tuple[object, ...], tuple[str, ...]] = {}
        self._one_at_a_time = threading.Lock()
        self._process: _Process | None = None

    def look(self, path: Path, name: str) -> tuple[str, ...]:
        """What a file would execute, or do, when it is opened, in words; nothing where nothing was found.

        Args:
            path: of its content.
            name: under which it is opened.
        """
        if not may_execute(name) or not path.is_file():
            return ()
        with self._one_at_a_time:
            stamp = _stamp(path, name)
            if stamp not in self._known:
                self._known[stamp] = self._asked(path, name)
            return self._known[stamp]

    def close(self) -> None:
        """End the process; it is started again when it is needed."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def _asked(self, path: Path, name: str) -> tuple[str, ...]:
        if name.endswith(".json") and b"chat_template" not in path.read_bytes():
            return ()
        path = path.resolve()
        try:
            if not path.is_relative_to(self._cache.resolve()):
                # A blob may be a link to where another cache has it.
                process = _Process(path.parent, self._environ)
                try:
                    return process.ask(path, name)
                finally:
                    process.close()
            if self._process is None:
                self._process = _Process(self._cache, self._environ)
            said = self._process.ask(path, name)
        except OSError:
            return _without_a_process(path, name)
        if said:
            # What is found may have changed the process that has found it.
            self.close()
        return said


def _without_a_process(path: Path, name: str) -> tuple[str, ...]:
    """Where none can be started, as without a folder for temporary files: here, what only reads."""
    with path.open("rb") as data:
        kind = kind_of(name, data.read(HEAD_BYTES))
    if kind in ("template", "gguf"):
        # What is rendered needs a limit; whoever cannot start a process loads nothing either.
        return ()
    from prewarm.audit.look import findings  # noqa: PLC0415 (rarely needed here)

    return tuple(quoted(said, 200) for said in findings(path, name)[:_SHOWN])


class _Process:
    def __init__(self, cache: Path, environ: Mapping[str, str]) -> None:
        self._folder = OwnFolder("scan")
        name = str(self._folder.path)
        wanted = Wanted(readable=[str(cache)], writable=[name], memory_bytes=_MEMORY_BYTES)
        self._limit_s = _START_S
        try:
            self._process = Supervised(
                [sys.executable, str(_SCAN), str(wanted.written_to(Path(name)))],
                python=sys.executable,
                env={**environ, "TMPDIR": name, "HOME": name},
                bounds=Bounds(memory_bytes=_MEMORY_BYTES, processes=8),
                cwd=name,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError:
            self._folder.close()
            raise
        self._answers = self._process.listen()

    def ask(self, path: Path, name: str) -> tuple[str, ...]:
        """The findings; where the file breaks the process or holds it, that is one."""
        line: str | None = None
        try:
            self._process.tell(json.dumps([str(path), name]))
            line = self._answers.get(timeout=self._limit_s + _FILE_S + path.stat().st_size / _BYTES_PER_S)
        except queue.Empty:
            return ("what looks into it does not come to an end",)
        except BrokenPipeError:
            pass
        self._limit_s = 0.0
        if line is None:
            return ("what looks into it is broken by it",)
        return tuple(quoted(said, 200) for said in json.loads(line)[:_SHOWN])

    def close(self) -> None:
        """End it."""
        self._process.end()
        self._folder.close()


def _stamp(path: Path, name: str) -> tuple[object, ...]:
    found = path.stat()
    return name, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
