"""What stands between a client and the Hub: a mirror's path and credentials, a proxy that takes things away.

Standard library only.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from prewarm.wire.answers import Answer, api_error


@dataclass(kw_only=True)
class Mirror:
    """Ways in which the loopback Hub is no Hub of its own; none by default.

    Attributes:
        prefix: the path that it lies below, such as ``/hf``.
        credentials: ``user:pass`` that it asks for.
        token: that it sends on by itself, whoever asks.
        drops_query: whether what stands behind a question mark gets lost.
        alter: is given the origin, the path and the answer, and gives the answer that is sent.
    """

    prefix: str = ""
    credentials: str = ""
    token: str = ""
    drops_query: bool = False
    alter: Callable[[str, str, Answer], Answer] | None = None

    def passed_on(self, path: str, query: str, authorization: str | None) -> tuple[str, str, str | None] | Answer:
        """What the Hub behind it is asked; or the mirror's own answer."""
        if self.prefix and not path.startswith(f"{self.prefix}/"):
            return api_error(404, "nothing of this mirror")
        if self.credentials:
            wanted = "Basic " + base64.b64encode(self.credentials.encode()).decode()
            if authorization != wanted:
                return api_error(401, "this mirror wants credentials")
            authorization = None
        if self.token:
            authorization = f"Bearer {self.token}"
        return path.removeprefix(self.prefix), "" if self.drops_query else query, authorization

    def answered(self, origin: str, path: str, answer: Answer) -> Answer:
        """What is sent in the place of the Hub's answer."""
        return self.alter(origin, path, answer) if self.alter is not None else answer
