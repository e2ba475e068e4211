"""What a status and an ``X-Error-Code`` mean, of the Hub and of where its files are. Changes with their answers.

The Hub explains itself in ``X-Error-Message``, which is passed on.
"""

from __future__ import annotations

from dataclasses import dataclass

from prewarm.hub.retry import ComeBackLater, RateLimited
from prewarm.hub.storage import Answer
from prewarm.hub.transport_errors import Transient, origin_of
from prewarm.records.errors import HubError
from prewarm.records.listing import Repo
from prewarm.records.text import quoted

_LATER = "the Hub has a problem: run it again later; what has arrived is kept"
_PASSING = frozenset({408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_SAID_MAX = 300
_PLAIN = ("repository not found", "entry not found", "invalid username or password.")
"""Says no more than the status does."""


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """Tells good answers from others."""

    endpoint: str
    has_token: bool
    """Whether a token is sent."""

    def check(self, reply: Answer, repo: Repo, *, path: str | None) -> None:
        """Return where the Hub's answer is good.

        Args:
            reply: the answer.
            repo: the repository that was asked about.
            path: the file that was asked for; None for a listing.

        Raises:
            HubError: it stays refused.
            Transient: it may be given next time.
        """
        if reply.status in (200, 206):
            return
        _check_passing(reply)
        raise self._refusal(reply, repo, path)

    def check_storage(self, reply: Answer, what: str, *, is_fresh: bool) -> None:
        """Return where the answer is good that another origin gives, which the Hub has named.

        Args:
            reply: the answer.
            what: was asked for.
            is_fresh: whether the Hub has named the address just now: it cannot have expired then.

        Raises:
            HubError: it stays refused.
            Transient: it may be given next time.
        """
        if reply.status in (200, 206):
            return
        _check_passing(reply)
        origin = origin_of(reply.url)
        if reply.status == 403 and not is_fresh:
            said = "a signed address has expired"
            raise Transient(
                said, HubError("unreachable", f"{said}, again and again", hint="look at this machine's clock")
            )
        if reply.status == 404:
            raise HubError(
                "not-found",
                f"{origin}, where the Hub says that {what} is, does not have it",
                hint="run it again later; if it stays, tell the repository's owner",
            )
        raise HubError(
            "unreachable",
            f"{origin}, where the Hub says that {what} is, refuses it with {reply.status}{_words(reply)}",
            hint="a proxy, a firewall or the storage itself refuses this machine: look at HTTPS_PROXY, or try another "
            "network",
        )

    def _refusal(self, reply: Answer, repo: Repo, path: str | None) -> HubError:
        code, status, said = reply.headers.get("X-Error-Code", ""), reply.status, _said(reply)
        if code == "GatedRepo":
            return self._gated(repo, said)
        if status in (401, 403) and "disabled" in said.lower():
            return HubError("unauthorized", f"{repo.repo_id}: the Hub says: {said}", hint="use another repository")
        if status == 401 and self.has_token and any(word in said.lower() for word in ("credentials", "expired")):
            return HubError(
                "unauthorized",
                f"the Hub does not take the token: {said}",
                hint="make a new one, and set HF_TOKEN (or: hf auth login)",
            )
        if code == "RevisionNotFound":
            return HubError(
                "not-found",
                f"{repo.repo_id} has no revision '{repo.revision}'",
                hint="name a branch, a tag or a whole commit of it",
            )
        if code == "EntryLeftOut":
            hint = "have the mirror's lock name it (include), or take the mirror's lock: prewarm.lock from there"
            return HubError("not-found", said or f"the mirror does not have {path}", hint=hint)
        if code == "EntryNotFound":
            return HubError(
                "not-found", f"{repo.repo_id} has no file {path}", hint="the repository may have changed: run it again"
            )
        if code == "RepoNotFound" or status == 404 or (status == 401 and not self.has_token):
            return self._not_found(repo, path if status == 404 and not code else None, _words(reply))
        if status in (401, 403):
            hint = "the token has no right to it: look at HF_TOKEN"
            if not self.has_token:
                hint = "if you have access to it, set HF_TOKEN (or: hf auth login)"
            return HubError("unauthorized", f"the Hub refuses {repo.repo_id} with {status}{_words(reply)}", hint=hint)
        return HubError(
            "unreachable",
            f"{origin_of(reply.url)} answers {status} for {path or repo.repo_id}{_words(reply)}",
            hint="look at HF_ENDPOINT and the proxies",
        )

    def _gated(self, repo: Repo, said: str) -> HubError:
        kind = "datasets/" if repo.repo_type == "dataset" else ""
        page = f"{self.endpoint}/{kind}{repo.repo_id}"
        hint = f"set HF_TOKEN (or: hf auth login); its account has to accept the terms at {page}"
        if self.has_token:
            hint = f"the token's account has to accept the terms at {page}"
        if "fine-grained" in said.lower():
            hint = f"give the token the right to gated repositories at {self.endpoint}/settings/tokens"
        words = f": {said}" if said else ""
        return HubError("gated", f"{repo.repo_id} is gated, its owner asks for consent first{words}", hint=hint)

    def _not_found(self, repo: Repo, path: str | None, words: str) -> HubError:
        hint = "look at the id; if it is private, set HF_TOKEN (or: hf auth login)"
        if self.has_token:
            hint = "look at the id; the token's account may have no right to it"
        where = origin_of(self.endpoint)
        if path is not None:
            return HubError("not-found", f"{where} does not have {path} of {repo.repo_id}{words}", hint=hint)
        what = "dataset" if repo.repo_type == "dataset" else "repository"
        return HubError(
            "not-found", f"there is no {what} {repo.repo_id} at {where}, or it is private{words}", hint=hint
        )


def _check_passing(reply: Answer) -> None:
    if reply.status == 429:
        said = f"the limit of {origin_of(reply.url)} is used up"
        raise RateLimited(said, HubError("rate-limited", said, hint=_LATER))
    if reply.status in _PASSING:
        said = f"{origin_of(reply.url)} answers {reply.status}"
        kind = ComeBackLater if reply.headers.get("Retry-After") else Transient
        raise kind(said, HubError("unreachable", f"{said}, again and again", hint=_LATER))


def _said(reply: Answer) -> str:
    return quoted(reply.headers.get("X-Error-Message", ""), _SAID_MAX)


def _words(reply: Answer) -> str:
    said = _said(reply)
    return f": {said}" if said and said.lower() not in _PLAIN else ""
