"""``prewarm demo``: the flow against a Hub on this machine. Changes with what the demo shows."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from prewarm.records.errors import DemoError


@click.command("demo", short_help="Show the whole flow against a Hub on this machine.")
def command() -> int:
    """Make tiny models, serve them as the Hub does, warm them into a temporary cache, and prove them offline.

    Needs no internet, touches neither your cache nor your token, and leaves nothing behind.
    """
    from prewarm.demo.models import MANIFEST

    with tempfile.TemporaryDirectory(prefix="prewarm-demo-") as name:
        folder = Path(name)
        environ = _environment(folder)
        click.echo("Making tiny models with transformers' own classes …", err=True)
        _make_models(folder / "repositories", environ)
        (folder / "prewarm.toml").write_text(MANIFEST, encoding="utf-8")
        return _show(folder, environ, MANIFEST)


def _show(folder: Path, environ: dict[str, str], manifest: str) -> int:
    from prewarm.localhub import LocalHub, Quotas
    from prewarm.localhub.quota import ANONYMOUS
    from prewarm.localhub.repository import from_folder

    with LocalHub(from_folder(folder / "repositories"), quotas=Quotas(ANONYMOUS)) as hub:
        environ["HF_ENDPOINT"] = hub.url
        click.echo(f"The Hub of this demo is {hub.url}. The manifest, prewarm.toml:\n")
        click.echo("".join(f"    {line}\n" for line in manifest.splitlines()))
        _title("prewarm: an empty cache")
        code = _prewarm(folder, environ)
        first = len(hub.log.metered())
        hub.log.clear()
        _title("prewarm, once more")
        code = _prewarm(folder, environ) or code
        second = len(hub.log.all())
        click.echo(
            f"\nThe Hub counted {first} metered requests in the first run, and {second} of any kind in the second."
        )
    return code or int(second > 0)


def _title(text: str) -> None:
    click.echo(f"\n── {text} {'─' * max(0, 70 - len(text))}\n")


def _environment(folder: Path) -> dict[str, str]:
    # The user's own Hub, cache and token have no part in it.
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PREWARM_", "TRANSFORMERS_"))
    }
    return {**kept, "HF_HOME": str(folder / "home"), "HF_TOKEN_PATH": str(folder / "no-token")}


def _make_models(root: Path, environ: dict[str, str]) -> None:
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


def _prewarm(folder: Path, environ: dict[str, str]) -> int:
    sys.stdout.flush()
    return subprocess.run([sys.executable, "-m", "prewarm"], cwd=folder, env=environ, check=False).returncode
