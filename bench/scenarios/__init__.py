"""What is measured, a module each. ``python -m bench NAME`` runs one; ``SCENARIOS`` names them in their order."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figures


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line asks for."""

    rounds: int
    peers: Sequence[str] | None
    """None: all."""
    quick: bool
    """Whether the least will do that shows that it runs: figures of it mean nothing."""
    folder: Path
    """A scratch folder of the scenario's own."""


class Skipped(Exception):
    """A scenario needs a program that is not here; its figures stay as they were."""


SCENARIOS: dict[str, str] = {
    "cold": "small models on an empty cache, 20 and 100 ms from the Hub",
    "formats": "one repository with the weights of every framework",
    "shards": "1, 4 and 16 shards, on a limited and on a fast line",
    "fast": "one large file from nginx, plain and over TLS, beside a bare loop",
    "warm": "everything is there: 1 to 1,000 entries",
    "quota": "more work than an anonymous user's window allows; four processes on one address",
    "interrupted": "killed at half, and run again",
    "damage": "a flipped byte, and one request in ten that fails",
    "proof": "what loading costs, 100 MB to 4 GB",
    "growth": "1 to 1,000 entries, 1 to 10,000 files, 1 MB to 8 GB",
    "stages": "whether the line ever idles: 20 entries",
    "xet": "the same bytes over HTTP and over Xet",
    "startup": "a check and a run with nothing to do, beside imports",
    "verify": "hashing, beside openssl and sha256sum",
    "confinement": "loading with and without the kernel's confinement",
    "online": "what an online application still asks, with the cache as it was left",
    "export": "making an artifact of the real all-MiniLM-L6-v2",
    "serve": "embeddings over HTTP, beside infinity-emb and fastembed",
    "load": "the generator of load tests, beside wrk",
    "fleet": "1, 2 and 4 nodes behind one uplink, beside hf download on each",
    "mirror": "a cache as a Hub, to 1 and 8 clients",
}


def get(name: str) -> Callable[[Asked], Figures]:
    """The function of a scenario."""
    found: Callable[[Asked], Figures] = importlib.import_module(f"bench.scenarios.{name}").run
    return found
