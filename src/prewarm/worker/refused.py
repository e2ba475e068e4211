"""How code in a worker says that it cannot, in words for the user. Changes with what such a word has."""

from __future__ import annotations


class Refused(Exception):
    """A failure with a kind, a message and a hint of its own."""

    def __init__(self, kind: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.kind, self.message, self.hint = kind, message, hint
