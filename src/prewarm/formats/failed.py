"""What helps where something failed, below what happened. Changes with how hints look."""

from __future__ import annotations

from prewarm.records.text import harmless


def help_lines(hint: str, kind: str) -> list[str]:
    """The hint, and the command that says more of the kind; nothing in the place of one that is empty."""
    tries = [harmless(line) for line in hint.splitlines()]
    return [
        *(f"    {line}" if at else f"  try: {line}" for at, line in enumerate(tries)),
        *([more(kind)] if kind else []),
    ]


def more(kind: str) -> str:
    """The command that says more of a kind."""
    return f"  more: prewarm explain {kind}"
