"""Whether the Hub can be asked, by whom, and for how much longer. Changes with what the Hub tells of itself.

``/api/whoami-v2`` and ``/api/models/{id}/auth-check`` are what huggingface_hub's ``whoami`` and ``auth_check`` ask.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from prewarm.flow.stop import Stop
from prewarm.hub import configuration, session, tokens, variables
from prewarm.hub.limit_headers import parse_limit, parse_policy
from prewarm.hub.patience import Patience
from prewarm.hub.transport_errors import Transient
from prewarm.records.errors import HubError, SettingsError
from prewarm.records.examined import Examined
from prewarm.records.listing import Repo
from prewarm.records.speed import ORDINARY
from prewarm.records.text import quoted
from prewarm.records.units import duration

_ANSWER_MAX_BYTES = 4 << 20
_SKEW_S = 120.0


def examine(gated: Sequence[Repo], environ: Mapping[str, str]) -> Iterator[Examined]:
    """Ask the Hub a few things, one request each.

    Args:
        gated: repositories of which the token may or may not read the files.
        environ: the process's environment.
    """
    endpoint = configuration.endpoint()
    if name := configuration.offline_variable():
        yield Examined(
            topic="endpoint", said=f"{endpoint}, not asked: {name} is set", state="note", hint=f"unset {name}"
        )
        yield _token_there(environ)
        return
    try:
        secret = tokens.token()
    except SettingsError as error:
        yield Examined(topic="token", said=str(error), state="wrong", hint=error.hint)
        secret = None
    asker = _Asker(secret)
    answer = asker.ask(f"{endpoint}/api/models?limit=1")
    if isinstance(answer, str):
        hint = "look at HF_ENDPOINT, at proxies, and whether this machine has a network"
        yield Examined(topic="endpoint", said=f"{endpoint} does not answer: {answer}", state="wrong", hint=hint)
        yield _token_there(environ)
        return
    yield _endpoint(endpoint, answer)
    yield from _limits(answer)
    yield from _clock(answer)
    yield from _token(asker, endpoint, environ, is_there=secret is not None)
    for repo in gated:
        yield _gated(asker, endpoint, repo, has_token=secret is not None)


class _Answer:
    """What came."""

    def __init__(self, status: int, headers: Mapping[str, str], content: Any, took_s: float) -> None:
        self.status, self.headers, self.content, self.took_s = status, headers, content, took_s


class _Asker:
    """Sends single requests, without a second try."""

    def __init__(self, secret: str | None) -> None:
        self._headers = session.headers(secret, configuration.credentials())
        self._patience = Patience(stop=Stop(), least=ORDINARY)

    def ask(self, url: str) -> _Answer | str:
        """The answer; or why there is none."""
        began = time.monotonic()
        try:
            with session.get(url, self._headers, self._patience) as reply:
                took_s = time.monotonic() - began
                try:
                    content = reply.json(_ANSWER_MAX_BYTES)
                except (HubError, Transient):
                    content = None
                return _Answer(reply.status, reply.headers, content, took_s)
        except (HubError, Transient, SettingsError) as error:
            return quoted(getattr(error, "reason", "") or str(error), 200)


def _endpoint(endpoint: str, answer: _Answer) -> Examined:
    said = f"{endpoint} answers in {duration(answer.took_s)}"
    if answer.status == 429:
        return Examined(
            topic="endpoint", said=f"{said}, and its limit is used up", state="note", hint="wait, or set HF_TOKEN"
        )
    is_hub = isinstance(answer.content, list) or (isinstance(answer.content, dict) and "error" in answer.content)
    if answer.status == 200 and is_hub:
        return Examined(topic="endpoint", said=f"{said}, and is a Hub")
    if is_hub or "X-Error-Message" in answer.headers:
        # Mirrors may not know lists of models.
        return Examined(topic="endpoint", said=f"{said} as a Hub or a mirror does ({answer.status})")
    return Examined(
        topic="endpoint",
        said=f"{said} with {answer.status}, and not as a Hub does",
        state="wrong",
        hint="look at HF_ENDPOINT, or at the proxy in between",
    )


def _limits(answer: _Answer) -> Iterator[Examined]:
    limit, policy = parse_limit(answer.headers), parse_policy(answer.headers)
    if limit is not None:
        name, left, resets_s = limit
        of = f" of {policy[1]}" if policy else ""
        is_low = left < 10
        yield Examined(
            topic="quota",
            said=f"{left}{of} requests left in '{name}', until {duration(resets_s)} from now",
            state="note" if is_low else "fine",
            hint="set HF_TOKEN: an account has a limit of its own" if is_low else "",
        )


def _clock(answer: _Answer) -> Iterator[Examined]:
    try:
        there = parsedate_to_datetime(str(answer.headers.get("Date") or "")).timestamp()
    except (TypeError, ValueError):
        return
    skew_s = time.time() - there
    if abs(skew_s) > _SKEW_S:
        ahead = "ahead of" if skew_s > 0 else "behind"
        said = (
            f"this machine's clock is {duration(abs(skew_s))} {ahead} the Hub's: signed addresses may count as expired"
        )
        yield Examined(topic="clock", said=said, state="wrong", hint="set the clock: timedatectl set-ntp true")
    else:
        yield Examined(topic="clock", said="agrees with the Hub's")


def _token_there(environ: Mapping[str, str]) -> Examined:
    where = _place(environ)
    if tokens.known_token() is None:
        return Examined(topic="token", said="there is none; public repositories need none", state="note")
    return Examined(
        topic="token", said=f"there is one ({where}); nobody could be asked whether it is valid", state="note"
    )


def _place(environ: Mapping[str, str]) -> str:
    named = next((name for name in variables.TOKENS if environ.get(name, "").strip()), "")
    return named or "the file that hf auth login writes"


def _token(asker: _Asker, endpoint: str, environ: Mapping[str, str], *, is_there: bool) -> Iterator[Examined]:
    if not is_there:
        said = "there is none; gated and private repositories, and higher limits, need one"
        yield Examined(topic="token", said=said, state="note", hint="hf auth login, or set HF_TOKEN")
        return
    where = _place(environ)
    answer = asker.ask(f"{endpoint}/api/whoami-v2")
    if isinstance(answer, str):
        yield Examined(
            topic="token", said=f"there is one ({where}), and asking for its account failed: {answer}", state="note"
        )
    elif answer.status == 200 and isinstance(answer.content, dict):
        name = quoted(answer.content.get("name") or "an account", 60)
        yield Examined(topic="token", said=f"valid ({where}), of {name}")
    elif answer.status in (401, 403):
        yield Examined(
            topic="token",
            said=f"the one in {where} is not valid: the Hub refuses it",
            state="wrong",
            hint="hf auth login, or a new token from your settings on the Hub into HF_TOKEN",
        )
    else:
        said = f"there is one ({where}); this Hub does not tell whose ({answer.status})"
        yield Examined(topic="token", said=said, state="note")


def _gated(asker: _Asker, endpoint: str, repo: Repo, *, has_token: bool) -> Examined:
    answer = asker.ask(f"{endpoint}/api/{repo.repo_type}s/{repo.repo_id}/auth-check")
    page = f"{endpoint}/{'datasets/' if repo.repo_type == 'dataset' else ''}{repo.repo_id}"
    if isinstance(answer, str):
        return Examined(topic="gated", said=f"{repo.repo_id}: {answer}", state="note")
    if answer.status == 200:
        return Examined(topic="gated", said=f"{repo.repo_id}: the token may read it")
    if answer.status in (401, 403, 404):
        whose = "the token's account" if has_token else "an account, with HF_TOKEN set,"
        return Examined(
            topic="gated",
            said=f"{repo.repo_id}: its files may not be read",
            state="wrong",
            hint=f"{whose} has to accept the terms at {page}",
        )
    return Examined(topic="gated", said=f"{repo.repo_id}: this Hub does not tell ({answer.status})", state="note")
