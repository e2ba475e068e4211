"""A console for a stream. Changes with what terminals and pipes need."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console

PIPE_WIDTH = 160
"""Columns where nobody says how wide the reader is: a log wraps by itself."""


def make(stream: TextIO) -> Console:
    """A console that draws colours on a terminal only, and wraps at the terminal's width."""
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=False)
