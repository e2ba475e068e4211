"""The process that looks into files: confined, a line an answer. Changes with how it is asked.

``python …/_scan CONFINE``: a JSON file says how it is confined. A question is a line of JSON on standard input,
``[path, name]``; its answer is one on standard output: the findings. A file that breaks the process has none.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from prewarm.audit.look import findings
from prewarm.worker.confine import Wanted, confine


def main() -> None:
    """Look at each file, until nobody asks any more."""
    confine(Wanted.read_from(Path(sys.argv[1])))
    for line in sys.stdin:
        path, name = json.loads(line)
        sys.stdout.write(json.dumps(findings(Path(path), name)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
