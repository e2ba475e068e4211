"""The two origins on loopback: sockets, quotas, the log, and faults on the wire. Standard library only."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import cast

from prewarm.localhub.access import Access
from prewarm.localhub.faults import Fault, Faults
from prewarm.localhub.line import Line
from prewarm.localhub.mirror import Mirror
from prewarm.localhub.quota import Quotas, bucket_of
from prewarm.localhub.repository import Repository
from prewarm.localhub.requests import Request, RequestLog
from prewarm.localhub.routes import Routes
from prewarm.localhub.wire_faults import misbehave
from prewarm.wire.answers import Answer, Content, api_error, parse_range
from prewarm.wire.handler import Handler
from prewarm.wire.origin import Origin

_BLOCK_BYTES = 1 << 18
_PROXY_PAGE = (
    b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>This network wants you to sign in.</body></html>\n"
)


class LocalHub:
    """A Hub on two loopback ports; use it as a context manager.

    Args:
        repositories: what it serves.
        quotas: how many requests it answers.
        access: who may read what.
        meters_resolve_cache: whether the hop of small files counts as well; the real Hub does not say.
        round_trip_s: seconds that every answer takes on the way.
        bytes_per_s: bandwidth of one connection to the second origin; None: as fast as loopback is.
        uplink_bytes_per_s: of all connections to it together; None: no limit.
        tree_page: entries on one page of a tree.
        link_lifetime_s: how long a signed address of the second origin holds.
        port: of the Hub's origin; 0: a free one.
        storage_tls: with what the second origin speaks TLS; None: it does not.

    Attributes:
        url: of the Hub, for ``HF_ENDPOINT``.
        log: of every request that came: ``log.all()``.
        faults: what goes wrong on demand: ``faults.add(Fault(…))``.
    """

    def __init__(
        self,
        repositories: Iterable[Repository] = (),
        *,
        quotas: Quotas | None = None,
        access: Access | None = None,
        meters_resolve_cache: bool = False,
        round_trip_s: float = 0.0,
        bytes_per_s: float | None = None,
        uplink_bytes_per_s: float | None = None,
        tree_page: int = 1000,
        link_lifetime_s: float = 3600.0,
        port: int = 0,
        storage_tls: ssl.SSLContext | None = None,
    ) -> None:
        self.access = access or Access()
        self.quotas = quotas or Quotas({})
        self.faults = Faults()
        self.log = RequestLog()
        self.round_trip_s = round_trip_s
        self.bytes_per_s = bytes_per_s
        self.line = Line(uplink_bytes_per_s) if uplink_bytes_per_s else None
        self.meters_resolve_cache = meters_resolve_cache
        self.mirror = Mirror()
        self.routes = Routes(self.access, tree_page=tree_page, link_lifetime_s=link_lifetime_s)
        for repository in repositories:
            self.routes.add(repository)
        self._servers = [Origin(self, "hub", port, _Handler), Origin(self, "cdn", 0, _Handler)]
        # As the real one's, the storage has a host of its own: clients compare hosts.
        self.url = f"http://127.0.0.1:{self._servers[0].server_port}"
        self.cdn_url = f"http://localhost:{self._servers[1].server_port}"
        if storage_tls is not None:
            self.cdn_url = self.cdn_url.replace("http:", "https:")
            self._servers[1].tls = storage_tls
        self.routes.hub_url, self.routes.cdn_url = self.url, self.cdn_url
        self._threads: list[threading.Thread] = []

    def add(self, repository: Repository) -> Repository:
        """Serve one more repository."""
        self.routes.add(repository)
        return repository

    def rename(self, old: str, new: str) -> None:
        """Answer for the repository ``old`` with a redirect to ``new``."""
        self.routes.renamed[old] = new

    def behind(self, mirror: Mirror) -> None:
        """Answer as through ``mirror``; its address is ``url`` from now on."""
        self.mirror = mirror
        self.url = self.routes.hub_url = self.url.removesuffix(mirror.prefix) + mirror.prefix

    def start(self) -> None:
        """Answer requests, in threads of its own."""
        for server in self._servers:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop answering, and cut what is open."""
        for server in self._servers:
            if self._threads:
                server.shutdown()
            server.cut_all()
            server.server_close()
        for thread in self._threads:
            thread.join(timeout=5)
        self._threads.clear()

    def __enter__(self) -> LocalHub:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Stop(Exception):
    """The fault has dealt with the connection."""


class _Handler(Handler):
    def answer(self) -> None:
        server = cast("Origin", self.server)
        hub: LocalHub = server.hub
        path, _, query = self.path.partition("?")
        authorization = self.headers.get("Authorization")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if hub.round_trip_s:
            time.sleep(hub.round_trip_s)
        bucket = None
        if server.origin == "cdn":
            answer = hub.routes.cdn(path, query, authorization, self.headers.get("Range"))
            quota_headers: dict[str, str] = {}
        elif isinstance(passed := hub.mirror.passed_on(path, query, authorization), Answer):
            answer, quota_headers = passed, {}
        else:
            path, query, authorization = passed
            is_free_hop = path.startswith("/api/resolve-cache/") and not hub.meters_resolve_cache
            bucket = None if is_free_hop else bucket_of(path)
            caller = authorization or str(self.client_address[0])
            decision = hub.quotas.charge(bucket, caller) if bucket else None
            quota_headers = dict(decision.headers) if decision else {}
            if decision and not decision.allowed:
                answer = api_error(429, "We had to rate limit you. Retry after the reset, or use a token.")
            else:
                answer = hub.routes.hub(path, query, authorization, body)
        answer = hub.mirror.answered(server.origin, path, answer)
        fault = hub.faults.take(origin=server.origin, method=self.command, path=answer.fault_path or path)
        if fault is not None and fault.kind == "status":
            answer, fault = api_error(fault.status, "Injected", headers=fault.headers), None
        elif fault is not None and fault.kind == "html":
            answer, fault = Answer(status=200, headers={"Content-Type": "text/html"}, body=_PROXY_PAGE), None
        self._place = hub.log.add(
            Request(
                origin=server.origin,
                method=self.command,
                path=path,
                query=query,
                status=answer.status,
                bucket=bucket,
                authorized=authorization is not None,
                range=self.headers.get("Range"),
                user_agent=self.headers.get("User-Agent", ""),
            )
        )
        try:
            self._send(answer, quota_headers, fault, hub.bytes_per_s if server.origin == "cdn" else None)
        except (_Stop, OSError):
            self.close_connection = True

    def _send(self, answer: Answer, extra: dict[str, str], fault: Fault | None, bytes_per_s: float | None) -> None:
        if fault is not None and fault.kind == "hang":
            time.sleep(fault.seconds)
            raise _Stop
        if fault is not None and misbehave(self.wfile, fault):
            raise _Stop
        if fault is not None and fault.kind == "reset" and fault.at_byte == 0:
            self._reset()
        size = answer.body.size if not isinstance(answer.body, bytes) else len(answer.body)
        start, end, status = 0, size, answer.status
        headers = {**answer.headers, **extra}
        if not isinstance(answer.body, bytes) and status == 200:
            headers["Accept-Ranges"] = "bytes"
            asked = None if fault is not None and fault.kind == "ignore-range" else self.headers.get("Range")
            if asked is not None:
                chosen = parse_range(asked, size) if fault is None or fault.kind != "refuse-range" else None
                if chosen is None:
                    self._send(api_error(416, "Range", headers={"Content-Range": f"bytes */{size}"}), extra, None, None)
                    return
                start, end = chosen
                status = 206
                if fault is None or fault.kind != "nameless-range":
                    headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        length = end - start
        if fault is not None and fault.kind == "wrong-length" and length:
            length = length - 1
            end = start + length
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault is not None and fault.kind == "slow":
            bytes_per_s = fault.bytes_per_s
        self._send_body(answer.body, start, end, fault, bytes_per_s)

    def _send_body(
        self, body: bytes | Content, start: int, end: int, fault: Fault | None, bytes_per_s: float | None
    ) -> None:
        server = cast("Origin", self.server)
        log: RequestLog = server.hub.log
        line: Line | None = server.hub.line if server.origin == "cdn" else None
        stop_at = end
        if fault is not None and fault.kind in ("cut", "reset"):
            stop_at = min(end, start + fault.at_byte)
        if fault is not None and fault.kind == "cut-at":
            stop_at = min(end, fault.at_byte)
        block = _BLOCK_BYTES if bytes_per_s is None else max(1, min(_BLOCK_BYTES, int(bytes_per_s / 50)))
        began, at = time.monotonic(), start
        while at < stop_at:
            piece = (
                body.read(at, min(block, stop_at - at))
                if not isinstance(body, bytes)
                else body[at : min(at + block, stop_at)]
            )
            if fault is not None and fault.kind == "flip" and at <= fault.at_byte < at + len(piece):
                wrong = bytearray(piece)
                wrong[fault.at_byte - at] ^= 0xFF
                piece = bytes(wrong)
            if line is not None:
                line.pass_on(len(piece))
            log.sent(self._place, len(piece))
            self.wfile.write(piece)
            at += len(piece)
            if bytes_per_s is not None:
                self.wfile.flush()
                time.sleep(max(0.0, (at - start) / bytes_per_s - (time.monotonic() - began)))
        self.wfile.flush()
        if fault is not None and fault.kind == "reset":
            self._reset()
        if fault is not None and fault.kind in ("cut", "cut-at"):
            raise _Stop

    def _reset(self) -> None:
        # A linger of zero seconds makes the close a RST, as from a crashed peer or a firewall.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Detached, because close() waits for the files made of the socket, and those would send a FIN first.
        os.close(self.connection.detach())
        raise _Stop
