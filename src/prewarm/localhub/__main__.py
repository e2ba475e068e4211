"""``python -m prewarm.localhub FOLDER``: serve a folder of repositories until interrupted. Standard library only."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from prewarm.localhub.quota import ANONYMOUS, Quotas
from prewarm.localhub.repository import from_folder
from prewarm.localhub.server import LocalHub


def main() -> int:
    """Serve, and say where."""
    parser = argparse.ArgumentParser(prog="python -m prewarm.localhub", description=__doc__)
    parser.add_argument("folder", type=Path, help="holds namespace/name and datasets/namespace/name")
    parser.add_argument("--port", type=int, default=8484)
    parser.add_argument("--unlimited", action="store_true", help="no quotas")
    asked = parser.parse_args()
    repositories = from_folder(asked.folder)
    with LocalHub(repositories, quotas=Quotas({} if asked.unlimited else ANONYMOUS), port=asked.port) as hub:
        sys.stdout.write(f"{len(repositories)} repositories; use it with: export HF_ENDPOINT={hub.url}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
