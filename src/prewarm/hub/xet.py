"""Ranges of files through Xet, by hf_xet's streams. Changes with hf_xet.

The protocol is published at huggingface.co/docs/xet. hf_xet (1.8) as huggingface_hub uses it writes files by itself,
without resuming or hashing them; its streams give the bytes to us, so that a file that comes through Xet is journalled
and hashed like any other. Their offsets count from the start of the range, and a store that cannot be reached gives an
empty stream instead of an error: the caller compares what arrived with what was asked for.
"""

from __future__ import annotations

import importlib.util
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import constants

from prewarm.hub import session
from prewarm.hub.addresses import Addresses
from prewarm.hub.governor import Governor
from prewarm.hub.patience import Patience
from prewarm.hub.transport_errors import Transient, first_line
from prewarm.records.errors import HubError

_AUTH_LINK = re.compile(r'<([^>]+)>\s*;\s*rel="?xet-auth"?')
_HASH = re.compile(r"[0-9a-f]{64}")
_EXPIRY_MARGIN_S = 60
_TOKEN_MAX_BYTES = 1 << 20


class XetFailedError(Exception):
    """The store does not give the bytes; they can be had over plain HTTP.

    Attributes:
        requests: metered requests that it took to find out.
    """

    def __init__(self, message: str, *, requests: int = 0) -> None:
        super().__init__(message)
        self.requests = requests


@dataclass(frozen=True)
class XetFile:
    """What a resolver says of a file in Xet."""

    hash: str
    token_path: str
    """Path of the route for read tokens, on the Hub that was asked."""


def parse(headers: Mapping[str, str]) -> XetFile | None:
    """The file in Xet that a resolver's answer names, or None."""
    found, link = headers.get("X-Xet-Hash", ""), _AUTH_LINK.search(headers.get("Link", ""))
    if link is None or not _HASH.fullmatch(found):
        return None
    # The Hub may name any host here; the token goes to the one that was asked.
    try:
        return XetFile(hash=found, token_path=urlsplit(link[1]).path)
    except ValueError:
        return None


class Xet:
    """One session with the stores of a run.

    Args:
        addresses: the Hub's.
        headers: with the token.
        governor: lets the requests for read tokens pass.
        patience: how long an answer is waited for.
    """

    def __init__(
        self, addresses: Addresses, headers: Mapping[str, str], governor: Governor, patience: Patience
    ) -> None:
        self._addresses = addresses
        self._patience = patience
        self._headers = dict(headers)
        self._governor = governor
        self._lock = threading.Lock()
        self._session: Any = None
        self._groups: dict[str, tuple[Any, float]] = {}
        self._failures: dict[str, str] = {}
        """By the route for tokens: what has failed once is not tried for every file."""

    @cached_property
    def is_available(self) -> bool:
        """Whether hf_xet is there, with streams, and not switched off: asked when it is needed, as it imports much."""
        if constants.HF_HUB_DISABLE_XET or importlib.util.find_spec("hf_xet") is None:
            return False
        import hf_xet

        return hasattr(getattr(hf_xet, "XetSession", None), "new_download_stream_group")

    def stream(self, file: XetFile, size: int, start: int, end: int) -> tuple[Iterator[tuple[int, bytes]], int]:
        """(offset in the file, bytes) of a range, in any order, and the metered requests that it took.

        Raises:
            XetFailedError: there is no way to the store.
        """
        import hf_xet

        requests = 0
        with self._lock:
            group, expires = self._groups.get(file.token_path, (None, 0.0))
            if file.token_path in self._failures:
                raise XetFailedError(self._failures[file.token_path])
            if group is None or expires - _EXPIRY_MARGIN_S < time.time():
                requests = 1
                try:
                    group, expires = self._open(file)
                except XetFailedError as error:
                    self._failures[file.token_path] = str(error)
                    raise XetFailedError(str(error), requests=requests) from None
                self._groups[file.token_path] = (group, expires)
        return self._pieces(group, hf_xet.XetFileInfo(file.hash, size), start, end), requests

    def _pieces(self, group: Any, info: Any, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        try:
            for offset, piece in group.download_unordered_stream(info, start, end):
                yield start + offset, piece
        except (OSError, RuntimeError, ValueError) as error:
            raise XetFailedError(first_line(error)) from None

    def _open(self, file: XetFile) -> tuple[Any, float]:
        import hf_xet

        url = self._addresses.here(file.token_path)
        try:
            with self._governor.request("api") as answered, session.get(url, self._headers, self._patience) as reply:
                answered([reply.headers])
                self._governor.heed("api", reply.status, reply.headers)
                if reply.status != 200:
                    raise XetFailedError(f"the Hub answers {reply.status} for a read token")
                said = reply.json(_TOKEN_MAX_BYTES)
        except Transient as error:
            raise XetFailedError(error.reason) from None
        except HubError as error:
            raise XetFailedError(error.message) from None
        if self._session is None:
            config = hf_xet.XetConfig().with_config(
                {"telemetry.enabled": False, "client.retry_max_attempts": 3, "client.retry_base_delay": "500ms"}
            )
            self._session = hf_xet.XetSession(config)
        try:
            group = self._session.new_download_stream_group(
                endpoint=said["casUrl"],
                token=said["accessToken"],
                token_expiry_unix_secs=int(said["exp"]),
                custom_headers={"User-Agent": self._headers["User-Agent"]},
            )
            return group, float(said["exp"])
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            raise XetFailedError(first_line(error)) from None
