"""What a status and an ``X-Error-Code`` of the Hub mean. Changes with the Hub's answers."""

from __future__ import annotations

from urllib.parse import urlsplit

from prewarm.hub.retry import RateLimited
from prewarm.hub.storage import Answer
from prewarm.hub.transport_errors import Transient, origin_of
from prewarm.records.errors import HubError
from prewarm.records.listing import Repo

_LATER = "the Hub has a problem: run it again later; what has arrived is kept"
_PASSING = frozenset({408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524})


def check(reply: Answer, repo: Repo, *, path: str | None, endpoint: str, has_token: bool) -> None:
    """Return where the answer is good.

    Args:
        reply: the answer.
        repo: the repository that was asked about.
        path: the file that was asked for; None for a listing.
        endpoint: the Hub's address: other origins' refusals mean something else.
        has_token: whether a token was sent.

    Raises:
        HubError: it stays refused.
        Transient: it may be given next time.
    """
    status = reply.status
    if status in (200, 206):
        return
    if status == 429:
        raise RateLimited(
            "the Hub's limit is used up", HubError("rate-limited", "the Hub's limit is used up", hint=_LATER)
        )
    if status in _PASSING:
        said = f"{origin_of(reply.url)} answers {status}"
        raise Transient(said, HubError("unreachable", f"{said}, again and again", hint=_LATER))
    if status == 403 and urlsplit(reply.url).netloc != urlsplit(endpoint).netloc:
        said = "a signed address has expired"
        raise Transient(said, HubError("unreachable", f"{said}, again and again", hint="look at this machine's clock"))
    raise _refusal(reply, repo, path, has_token, endpoint)


def gated(repo: Repo, *, has_token: bool, endpoint: str) -> HubError:
    """The error for a repository whose owner asks for consent."""
    kind = "datasets/" if repo.repo_type == "dataset" else ""
    then = "the token's account has to" if has_token else "then set HF_TOKEN (or: hf auth login); its account has to"
    return HubError(
        "gated",
        f"{repo.repo_id} is gated: its owner asks for consent first",
        hint=f"{then} accept the terms at {endpoint}/{kind}{repo.repo_id}",
    )


def _refusal(reply: Answer, repo: Repo, path: str | None, has_token: bool, endpoint: str) -> HubError:
    code = reply.headers.get("X-Error-Code", "")
    status = reply.status
    if code == "GatedRepo":
        return gated(repo, has_token=has_token, endpoint=endpoint)
    if code == "RevisionNotFound":
        return HubError(
            "not-found",
            f"{repo.repo_id} has no revision '{repo.revision}'",
            hint="name a branch, a tag or a whole commit of it",
        )
    if code == "EntryNotFound":
        return HubError(
            "not-found", f"{repo.repo_id} has no file {path}", hint="the repository may have changed: run it again"
        )
    if status == 401 and "credentials" in reply.headers.get("X-Error-Message", "").lower():
        return HubError(
            "unauthorized",
            "the Hub does not know the token",
            hint="make a new one, and set HF_TOKEN (or: hf auth login)",
        )
    if code == "RepoNotFound" or status == 404 or (status == 401 and not has_token):
        what = "dataset" if repo.repo_type == "dataset" else "repository"
        hint = (
            "look at the id; the token's account may have no right to it"
            if has_token
            else ("look at the id; if it is private, set HF_TOKEN (or: hf auth login)")
        )
        return HubError(
            "not-found", f"there is no {what} {repo.repo_id} at {origin_of(endpoint)}, or it is private", hint=hint
        )
    if status in (401, 403):
        return HubError(
            "unauthorized",
            f"the Hub refuses {repo.repo_id} with {status}",
            hint="the token has no right to it: look at HF_TOKEN",
        )
    return HubError(
        "unreachable",
        f"{origin_of(reply.url)} answers {status} for {path or repo.repo_id}",
        hint="look at HF_ENDPOINT and the proxies",
    )
