"""A server that does nothing, to find the generator's own limit. Standard library only.

``python …/_echo``: prints its port, and answers every request with ``{}`` until its standard input ends.
"""

from __future__ import annotations

import asyncio
import sys

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Echo(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._left = b""
        self._body = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers go to."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        self._left += data
        while True:
            if self._body:
                if len(self._left) < self._body:
                    return
                self._left, self._body = self._left[self._body :], 0
                self._transport.write(_ANSWER)
                continue
            head, end, rest = self._left.partition(b"\r\n\r\n")
            if not end:
                return
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            self._left, self._body = rest, int(lengths[0].split(b":")[1]) if lengths else 0
            if not self._body:
                self._transport.write(_ANSWER)


async def main() -> None:
    """Answer until nobody wants it any more."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
