"""The file of ``prewarm script`` in an environment without prewarm, rich and tenacity, with transformers 4.57."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from conftest import Prewarm
from prewarm.localhub import LocalHub
from prewarm.localhub.quota import Quota, Quotas
from prewarm.localhub.repository import from_folder

PYTHON = os.environ.get("PREWARM_TEST_TRANSFORMERS_4", "")
MANIFEST = 'simple = ["zoo/text", "zoo/speech", "zoo/bin-only"]\n'


def test_it_runs_with_transformers_4_under_a_quota_and_again_offline(tmp_path: Path, zoo: Path) -> None:
    prewarm = Prewarm(tmp_path, "")
    with LocalHub(from_folder(zoo)) as hub:
        prewarm.environ["HF_ENDPOINT"] = hub.url
        prewarm.manifest(MANIFEST)
        assert prewarm("-q").code == 0
        assert prewarm("script", "-o", "download_models.py").code == 0
        hub.quotas = Quotas({"resolvers": Quota(requests=6, window_s=3)})
        environ = {**prewarm.environ, "HF_HOME": str(tmp_path / "other")}
        done = run(tmp_path, environ)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "loaded BertModel + BertTokenizerFast" in done.stdout
        assert [request for request in hub.log.all() if request.status == 429], "it had to wait"
        text = (tmp_path / "download_models.py").read_text()
        (tmp_path / "download_models.py").write_text(
            text.replace('    "zoo/text",\n', '    "zoo/text",\n    "zoo/both",\n', 1)
        )
        assert run(tmp_path, environ).returncode == 0, "an entry that was added by hand"
    assert run(tmp_path, environ, "--offline").returncode == 0
    assert run(tmp_path, environ, "--check").returncode == 0


def run(folder: Path, environ: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PYTHON, "download_models.py", *args], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


def test_its_environment_has_nothing_of_ours() -> None:
    assert PYTHON, "named by .ci/peers"
    for name in ("prewarm", "rich", "tenacity"):
        assert subprocess.run([PYTHON, "-c", f"import {name}"], capture_output=True, check=False).returncode == 1
