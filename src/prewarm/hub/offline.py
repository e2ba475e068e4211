"""A Hub that is not asked: for what has to do with what is there. Changes with the Hub protocol."""

from __future__ import annotations

import sys
from collections.abc import Callable, MutableMapping

from prewarm.flow.ports import Sink
from prewarm.flow.stop import Stop
from prewarm.records.errors import HubError
from prewarm.records.listing import Listing, Repo, RepoFile
from prewarm.records.lock import LockedRepo
from prewarm.records.plan import Fetched


def from_now_on(environ: MutableMapping[str, str]) -> None:
    """Keep Hugging Face's libraries in this process, and in those that it starts, from asking the Hub.

    Args:
        environ: the process's environment; what is imported later reads it.
    """
    environ["HF_HUB_OFFLINE"] = "1"
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is not None:
        # It was imported before, and reads the variable then and never again.
        constants.HF_HUB_OFFLINE = True  # type: ignore[attr-defined]


class OfflineHub:
    """Refuses every request before it is sent.

    Args:
        endpoint: the address of the Hub that would be asked.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    @property
    def endpoint(self) -> str:
        """The address of the Hub that would be asked."""
        return self._endpoint

    @property
    def waited_s(self) -> float:
        """No limit is waited for."""
        return 0.0

    def expect(self, *, listings: int = 0, files: int = 0) -> None:
        """Nothing will be sent."""

    def listing(self, repo: Repo, spend: Callable[[Fetched], None]) -> Listing:  # noqa: ARG002 (the protocol's)
        """Refuse.

        Raises:
            HubError: always.
        """
        raise _refusal(f"the listing of {repo.repo_id}")

    def fetch(
        self,
        repo: LockedRepo,
        file: RepoFile,
        sink: Sink,  # noqa: ARG002 (the protocol's)
        received: Callable[[int], None],  # noqa: ARG002
        spend: Callable[[Fetched], None],  # noqa: ARG002
        stop: Stop,  # noqa: ARG002
    ) -> None:
        """Refuse.

        Raises:
            HubError: always.
        """
        raise _refusal(f"{file.path} of {repo.repo.repo_id}")


def _refusal(what: str) -> HubError:
    return HubError("unreachable", f"{what} is not there, and the Hub is not asked", hint="prewarm")
