"""Runs a command and says what it cost, as a small process of its own: ``python one.py COST.json COMMAND…``.

Of a child the kernel counts as peak memory what its parent had when it was started, too: this parent has little.
"""

from __future__ import annotations

import json
import os
import sys
import time


def main(target: str, command: list[str]) -> int:
    began = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, dict(os.environ))
    _, status, usage = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    cost = {
        "wall_s": time.perf_counter() - began,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1000,
        "code": code,
    }
    with open(target, "w", encoding="utf-8") as file:  # noqa: PTH123 (pathlib would be a third of its start)
        json.dump(cost, file)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
