"""Whole repositories in one process: ``python snapshot_download.py ID…``."""

from __future__ import annotations

import sys

from huggingface_hub import snapshot_download

for repo_id in sys.argv[1:]:
    snapshot_download(repo_id)
