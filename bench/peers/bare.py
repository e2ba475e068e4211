"""The least that a verified download can be: ranges into own buffers, pwrite, a hash behind.

    python bare.py URL SIZE SHA256 FILE CONNECTIONS

What prewarm is compared with on a fast line: no retries, no resume, no limits, no other file. Without arguments it ends
after its imports.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import ssl
import sys
import threading
from queue import SimpleQueue
from urllib.parse import urlsplit

BLOCK = 1 << 20
RANGE = 32 << 20


def main(url: str, size: int, sha256: str, path: str, connections: int) -> None:
    parts = urlsplit(url)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    ranges: SimpleQueue[tuple[int, int] | None] = SimpleQueue()
    changed = threading.Condition()
    done: dict[int, int] = {start: start for start in range(0, size, RANGE)}
    for start in done:
        ranges.put((start, min(start + RANGE, size)))

    def bring() -> None:
        view = memoryview(bytearray(BLOCK))
        if parts.scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.netloc, context=ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
            )
        else:
            connection = http.client.HTTPConnection(parts.netloc)
        while not ranges.empty():
            found = ranges.get()
            assert found is not None
            start, end = found
            connection.request("GET", parts.path, headers={"Range": f"bytes={start}-{end - 1}"})
            response = connection.getresponse()
            at = start
            while count := response.readinto(view):
                os.pwrite(descriptor, view[:count], at)
                at += count
                with changed:
                    done[start] = at
                    changed.notify()
            response.read()

    threads = [threading.Thread(target=bring, daemon=True) for _ in range(connections)]
    for thread in threads:
        thread.start()
    state, at, view = hashlib.sha256(), 0, memoryview(bytearray(BLOCK))
    while at < size:
        first = at // RANGE * RANGE
        with changed:
            while done[first] <= at:
                changed.wait()
            whole = done[first]
        count = os.preadv(descriptor, [view[: min(BLOCK, whole - at)]], at)
        state.update(view[:count])
        at += count
    assert state.hexdigest() == sha256


if __name__ == "__main__" and len(sys.argv) > 1:
    url, size, sha256, path, connections = sys.argv[1:]
    main(url, int(size), sha256, path, int(connections))
