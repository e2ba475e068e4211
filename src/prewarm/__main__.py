"""``python -m prewarm``, and ``prewarm``: what an interrupt means from the first moment to the last.

Imports are not over when Ctrl-C may come, and Python still works when the command has ended: neither may end in a
trace.
"""

import os
import signal
import sys
from types import FrameType

_SAID = b"interrupted\n  try: run the command again: it goes on from what is in the cache\n"


def _end_at_once(_: int, frame: FrameType | None) -> None:  # noqa: ARG001 (a handler's)
    try:
        os.write(2, _SAID)
    finally:
        os._exit(130)


def main() -> int:
    """Run the command, and return its exit code."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        # Nothing has begun yet: there is nothing to put in order.
        signal.signal(signal.SIGINT, _end_at_once)
    signal.signal(signal.SIGTERM, _end_at_once)
    from prewarm.cli.main import main as run

    code = run()
    # From here on there is nothing to interrupt.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # CPython notes that an interrupt came while it ran a text as code, as dataclasses are made, and would end this
    # process by the signal, whatever became of the interrupt; the next text that it runs lets it forget.
    exec("")  # noqa: S102
    return code


if __name__ == "__main__":
    sys.exit(main())
