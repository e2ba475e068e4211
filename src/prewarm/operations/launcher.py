"""Runs commands of the application's: through the gateway, or offline; no token, and no other network.

Changes with what such a process is started with.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from prewarm.flow.ports import Source
from prewarm.flow.stop import Stop
from prewarm.gateway import Gateway
from prewarm.proof.environment import command_environment
from prewarm.records.entry import Application
from prewarm.records.errors import ProofError
from prewarm.records.run import Ran
from prewarm.records.text import harmless_lines, without_secrets
from prewarm.worker.supervised import Supervised
from prewarm.worker.temporary import OwnFolder

_LAUNCH = Path(__file__).parents[1] / "worker" / "_launch" / "__main__.py"
_OF_INSTALLERS = ("PIP_", "UV_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_POLL_S = 0.05
_LAST_LINES = 20
_LAST_BYTES = 20_000


class CommandLauncher:
    """Starts one command at a time.

    Args:
        environ: the user's environment.
        token: kept from the commands.
        cache: where the models are.
        stop: ends what runs.
    """

    def __init__(self, *, environ: Mapping[str, str], token: str | None, cache: Path, stop: Stop) -> None:
        self._environ = environ
        self._token = token
        self._cache = cache
        self._stop = stop

    def online(self, application: Application, source: Source) -> Ran:
        """With ``source`` in the place of the Hub, and an empty cache.

        Raises:
            Exception: what ``source`` has raised.
            Interrupted: it was stopped.
        """
        with OwnFolder() as folder, Gateway(source, folder / "hub") as gateway:
            own = gateway.environment(self._environment(folder))
            door = gateway.descriptor
            ran = self._run(application, ["--door", str(door)], own, folder, [door], gateway)
            if gateway.failure is not None:
                self._stop.check()
                raise gateway.failure
            return ran

    def offline(self, application: Application) -> Ran:
        """With the cache, and no network.

        Raises:
            Interrupted: it was stopped.
        """
        with OwnFolder() as folder:
            return self._run(application, ["--network-of-its-own"], self._environment(folder), folder, [], None)

    def installing(self, application: Application) -> Ran:
        """With the network as it is, and what installers read of the environment.

        Raises:
            Interrupted: it was stopped.
        """
        given = {name: value for name, value in self._environ.items() if name.upper().startswith(_OF_INSTALLERS)}
        with OwnFolder() as folder:
            return self._run(application, [], {**self._environment(folder), **given}, folder, [], None)

    def _environment(self, folder: Path) -> dict[str, str]:
        return command_environment(self._environ, token=self._token, cache=self._cache, folder=folder)

    def _run(
        self,
        application: Application,
        options: list[str],
        environ: Mapping[str, str],
        folder: Path,
        passed: list[int],
        gateway: Gateway | None,
    ) -> Ran:
        began = time.monotonic()
        with (folder / "output.log").open("w+b") as output:
            try:
                process = Supervised(
                    [sys.executable, str(_LAUNCH), *options, "--", *application.command],
                    python=sys.executable,
                    env=environ,
                    passed=passed,
                    cwd=application.cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            except OSError as error:
                said = f"its folder cannot be entered: {application.cwd}: {error.strerror or error}"
                raise ProofError("load-error", said, hint="look at cwd, which starts at the manifest") from None
            try:
                if gateway is not None:
                    with contextlib.suppress(OSError):
                        # Where it has died, its end says how.
                        gateway.started(process.end)
                code = self._awaited(process, application.timeout_s, gateway)
            finally:
                # With what it has started.
                process.end()
            self._stop.check()
            return Ran(exit_code=code, last_words=_last_words(output), elapsed_s=time.monotonic() - began)

    def _awaited(self, process: Supervised, timeout_s: float, gateway: Gateway | None) -> int | None:
        """Its exit code; None: it took longer than it may, what it waited for the gateway left out."""
        left_s, now = timeout_s, time.monotonic()
        while (code := process.poll()) is None:
            self._stop.wait(_POLL_S)
            if self._stop.is_set():
                return None
            before, now = now, time.monotonic()
            left_s -= 0.0 if gateway is not None and gateway.is_answering else now - before
            if left_s <= 0:
                return None
        return code


def _last_words(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _LAST_BYTES))
    text = output.read().decode("utf-8", errors="replace")
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return without_secrets(harmless_lines("\n".join(lines[-_LAST_LINES:])))
