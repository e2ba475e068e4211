"""Becomes a command whose network is its own. Changes with what a command is started with.

``python …/_launch [--door N] [--at N] [--network-of-its-own] -- COMMAND …``: HF_ENDPOINT is the address behind a door.
"""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

from prewarm.worker import network
from prewarm.worker.confine import bar_network

NOT_FOUND, NOT_STARTED = 127, 126
"""As a shell answers."""


def main() -> None:
    """Become the command."""
    words = sys.argv[1:]
    environ = dict(os.environ)
    while words and words[0].startswith("--"):
        option = words.pop(0)
        if option == "--door":
            environ["HF_ENDPOINT"], is_barred = network.enter(int(words.pop(0)))
            if not is_barred:
                bar_network(urlsplit(environ["HF_ENDPOINT"]).port)
        elif option == "--network-of-its-own":
            if not network.leave():
                bar_network(None)
        elif option == "--at":
            # A network as it is, and an address that answers in it.
            environ["HF_ENDPOINT"] = network.knock(int(words.pop(0)))
        elif option == "--":
            break
    try:
        os.execvpe(words[0], words, environ)  # noqa: S606 (no shell is wanted)
    except FileNotFoundError:
        sys.stderr.write(f"there is no command '{words[0]}'\n")
        sys.exit(NOT_FOUND)
    except OSError as error:
        sys.stderr.write(f"{words[0]} cannot be started: {error.strerror}\n")
        sys.exit(NOT_STARTED)


if __name__ == "__main__":
    main()
