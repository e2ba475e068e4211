"""An interrupt that comes while Python cleans something up, where an exception leads nowhere."""

from __future__ import annotations

from conftest import Prewarm

CODE = """
import os, signal, sys, time
from prewarm.cli import interrupts

class Cleaned:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(100_000): pass

with interrupts.handled():
    try:
        one = Cleaned()
        del one
        time.sleep(5)
        print("nobody was told")
    except KeyboardInterrupt:
        print("interrupted")
"""


def test_it_comes_once_more_and_nothing_is_printed(prewarm: Prewarm) -> None:
    done = prewarm.python(CODE)
    assert done.out == "interrupted\n"
    assert done.err == ""
    assert done.code == 0
