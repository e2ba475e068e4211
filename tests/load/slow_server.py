"""A server that sleeps: its capacity is ``slots / sleep``, and it says what it really was. Standard library only.

``python slow_server.py --slots 4 --sleep 0.02``: prints its port. GET /told says how many were answered, and the mean
time that one took in its slot.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time


async def main(given: argparse.Namespace) -> None:
    slots = asyncio.Semaphore(given.slots)
    count, busy_s = 0, 0.0
    stalled = False

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count, busy_s, stalled
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)
            status, body = "200 OK", b"{}"
            if head.startswith(b"GET /told"):
                body = json.dumps({"answered": count, "slot_s": busy_s / max(1, count)}).encode()
            elif given.endless:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n")
                while True:
                    writer.write(bytes(1 << 20))
                    await writer.drain()
            elif given.silent:
                await asyncio.sleep(1000)
            else:
                async with slots:
                    entered = time.perf_counter()
                    if given.stall and not stalled and count >= given.stall_after:
                        stalled = True
                        time.sleep(given.stall)  # noqa: ASYNC251 (all of it stands still)
                    await asyncio.sleep(given.sleep)
                    count, busy_s = count + 1, busy_s + time.perf_counter() - entered
                if given.die_after and count >= given.die_after:
                    os._exit(9)
                if given.fail_every and count % given.fail_every == 0:
                    status = "500 Internal Server Error"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--slots", type=int, default=1000)
    parser.add_argument("--sleep", type=float, default=0.005)
    parser.add_argument("--stall", type=float, default=0.0)
    parser.add_argument("--stall-after", type=int, default=100)
    parser.add_argument("--fail-every", type=int, default=0)
    parser.add_argument("--die-after", type=int, default=0)
    parser.add_argument("--silent", action="store_true")
    parser.add_argument("--endless", action="store_true")
    asyncio.run(main(parser.parse_args()))
