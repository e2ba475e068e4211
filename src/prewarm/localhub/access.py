"""Who may read what: tokens, and the answers to those who may not. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from prewarm.localhub.repository import Repository


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The status and the ``X-Error-Code`` that the Hub refuses with."""

    status: int
    code: str
    message: str


@dataclass(kw_only=True)
class Access:
    """The accounts that the loopback Hub knows.

    Attributes:
        tokens: token to account name; a request with another token is refused.
        members: repository id to the accounts that may read it, where it is gated or private.
    """

    tokens: dict[str, str] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)

    def caller(self, authorization: str | None) -> str | Refusal | None:
        """The account of an ``Authorization`` header, None without one."""
        if authorization is None:
            return None
        account = self.tokens.get(authorization.removeprefix("Bearer ").strip())
        if account is None:
            return Refusal(status=401, code="", message="Invalid credentials in Authorization header")
        return account

    def refuses(
        self, repository: Repository | None, account: str | None, what: Literal["listing", "file"]
    ) -> Refusal | None:
        """Why ``account`` may not read, or None. A missing repository looks like a private one."""
        if repository is None or (repository.private and not self._is_member(repository, account)):
            return Refusal(status=404 if account else 401, code="RepoNotFound", message="Repository not found")
        if repository.gated and what == "file" and not self._is_member(repository, account):
            return Refusal(
                status=403 if account else 401,
                code="GatedRepo",
                message=f"Access to model {repository.repo_id} is restricted.",
            )
        return None

    def _is_member(self, repository: Repository, account: str | None) -> bool:
        return account is not None and account in self.members.get(repository.repo_id, set())
