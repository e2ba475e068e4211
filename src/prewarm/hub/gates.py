"""Repositories whose files are refused: what one request has found out, the others need not. Changes with who waits.

``gated`` in a listing is a hint: a mirror may hold a token of its own. The refusal of a file is the fact.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prewarm.flow.stop import Stop
from prewarm.records.errors import HubError
from prewarm.records.listing import Repo

_POLL_S = 0.1
_OF_ALL_FILES = ("gated", "unauthorized")


class Gates:
    """What is known of the repositories of a run."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._hinted: set[tuple[str, str]] = set()
        self._asking: set[tuple[str, str]] = set()
        self._refused: dict[tuple[str, str], HubError] = {}

    def expect(self, repo: Repo) -> None:
        """Its listing says that it is gated: one request for a file of it goes first."""
        with self._changed:
            self._hinted.add(_key(repo))

    @contextmanager
    def passing(self, repo: Repo, stop: Stop) -> Iterator[Callable[[], None]]:
        """Ask for a file of ``repo``; gives what is to be called when it is not refused.

        Raises:
            HubError: another request has found out that all of them are refused.
            Interrupted: it was stopped while another request found out.
        """
        key = _key(repo)
        with self._changed:
            while True:
                if (known := self._refused.get(key)) is not None:
                    raise HubError(known.kind, known.message, hint=known.hint)
                if key not in self._hinted or key not in self._asking:
                    break
                stop.check()
                self._changed.wait(_POLL_S)
            self._asking.add(key)

        def opened() -> None:
            with self._changed:
                self._hinted.discard(key)
                self._changed.notify_all()

        try:
            yield opened
        except HubError as error:
            if error.kind in _OF_ALL_FILES:
                with self._changed:
                    self._refused[key] = error
            raise
        finally:
            with self._changed:
                self._asking.discard(key)
                self._changed.notify_all()


def _key(repo: Repo) -> tuple[str, str]:
    return repo.repo_type, repo.repo_id
