"""Lines of text on a stream, from several threads. Changes with what becomes of them where nobody reads."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TextIO


class Lines:
    """Writes each line whole.

    Args:
        stream: where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        """Write one line, at once."""
        # Whoever reads it may have gone, or its disk may be full: the work goes on.
        with self._lock, suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()
