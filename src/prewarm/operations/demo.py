"""The flow against a Hub on this machine. Changes with what the demo shows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prewarm.demo.models import APPLICATION, MANIFEST
from prewarm.localhub import LocalHub, Quotas
from prewarm.localhub.quota import ANONYMOUS
from prewarm.localhub.repository import from_folder
from prewarm.records.errors import DemoError
from prewarm.worker.temporary import OwnFolder


@dataclass(frozen=True, kw_only=True)
class Demo:
    """A folder with a manifest, an empty cache, and a Hub that serves its models."""

    manifest: str
    """The text of it."""
    folder: Path
    hub: LocalHub
    environ: Mapping[str, str]

    def prewarm(self) -> int:
        """Run ``prewarm`` there, on this process's streams; gives its exit code."""
        sys.stdout.flush()
        self.hub.log.clear()
        command = [sys.executable, "-m", "prewarm"]
        return subprocess.run(command, cwd=self.folder, env=self.environ, check=False).returncode

    @property
    def metered(self) -> int:
        """Metered requests of the last run."""
        return len(self.hub.log.metered())

    @property
    def requests(self) -> int:
        """Requests of any kind of the last run."""
        return len(self.hub.log.all())


@contextmanager
def demo(environ: Mapping[str, str]) -> Iterator[Demo]:
    """Make tiny models, and serve them as the Hub does; nothing of it is left behind.

    Args:
        environ: the process's environment; the user's own Hub, cache and token have no part in it.

    Raises:
        DemoError: the models cannot be made.
    """
    with OwnFolder("demo") as folder:
        kept = {
            name: value for name, value in environ.items() if not name.startswith(("HF_", "PREWARM_", "TRANSFORMERS_"))
        }
        # The application's "python" is the one that this is installed in.
        path = os.pathsep.join(filter(None, [str(Path(sys.executable).parent), kept.get("PATH")]))
        own = {**kept, "PATH": path, "HF_HOME": str(folder / "home"), "HF_TOKEN_PATH": str(folder / "no-token")}
        _make_models(folder / "repositories", own)
        (folder / "prewarm.toml").write_text(MANIFEST, encoding="utf-8")
        (folder / "app.py").write_text(APPLICATION, encoding="utf-8")
        with LocalHub(from_folder(folder / "repositories"), quotas=Quotas(ANONYMOUS)) as hub:
            yield Demo(manifest=MANIFEST, folder=folder, hub=hub, environ={**own, "HF_ENDPOINT": hub.url})


def _make_models(root: Path, environ: Mapping[str, str]) -> None:
    root.mkdir()
    made = subprocess.run(
        [sys.executable, "-m", "prewarm.demo.models", str(root)],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        said = (made.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise DemoError(f"the models of the demo cannot be made: {said}", hint="pip install -U transformers torch")
