"""What a mirror has answered, in Prometheus' text format. Changes with what is counted."""

from __future__ import annotations

import threading
from collections import Counter


class Counts:
    """Counts answers; its methods may be called from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers = Counter[tuple[str, int]]()
        self._bytes = 0
        self._busy = 0
        self._open = 0
        self._turned_away = 0

    def turned_away(self) -> None:
        """A connection found no room, or was closed to make some."""
        with self._lock:
            self._turned_away += 1

    def connected(self, change: int) -> None:
        """So many connections more are open."""
        with self._lock:
            self._open += change

    def began(self) -> None:
        """A request is being answered."""
        with self._lock:
            self._busy += 1

    def sent(self, count: int) -> None:
        """Bytes of a body."""
        with self._lock:
            self._bytes += count

    def ended(self, method: str, status: int) -> None:
        """A request was answered."""
        with self._lock:
            self._busy -= 1
            self._answers[method, status] += 1

    @property
    def busy(self) -> int:
        """Requests that are being answered."""
        return self._busy

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return self._open

    def text(self) -> str:
        """All of it."""
        with self._lock:
            lines = [
                "# HELP prewarm_mirror_requests_total Requests that were answered.",
                "# TYPE prewarm_mirror_requests_total counter",
                *(
                    f'prewarm_mirror_requests_total{{method="{method}",status="{status}"}} {count}'
                    for (method, status), count in sorted(self._answers.items())
                ),
                "# HELP prewarm_mirror_sent_bytes_total Bytes of bodies that were sent.",
                "# TYPE prewarm_mirror_sent_bytes_total counter",
                f"prewarm_mirror_sent_bytes_total {self._bytes}",
                "# HELP prewarm_mirror_requests_in_flight Requests that are being answered.",
                "# TYPE prewarm_mirror_requests_in_flight gauge",
                f"prewarm_mirror_requests_in_flight {self._busy}",
                "# HELP prewarm_mirror_connections Connections that are open.",
                "# TYPE prewarm_mirror_connections gauge",
                f"prewarm_mirror_connections {self._open}",
                "# HELP prewarm_mirror_turned_away_total Connections that were closed for want of room.",
                "# TYPE prewarm_mirror_turned_away_total counter",
                f"prewarm_mirror_turned_away_total {self._turned_away}",
            ]
        return "\n".join(lines) + "\n"
