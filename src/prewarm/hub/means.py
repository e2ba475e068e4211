"""What every transfer of a run shares. Changes when a transfer needs something else."""

from __future__ import annotations

from dataclasses import dataclass

from prewarm.hub.connections import Connections
from prewarm.hub.gates import Gates
from prewarm.hub.governor import Governor
from prewarm.hub.patience import Patience
from prewarm.hub.refusals import Refusals
from prewarm.hub.resolver import Resolver
from prewarm.hub.storage import Storage
from prewarm.hub.xet import Xet
from prewarm.records.events import Observer


@dataclass(frozen=True, kw_only=True)
class Means:
    """What every transfer of a run shares."""

    resolver: Resolver
    connections: Connections
    """Of large files."""
    small: Connections
    """Of small files: they wait behind no large one, and no large one behind them."""
    storage: Storage
    observe: Observer
    governor: Governor
    gates: Gates
    patience: Patience
    refusals: Refusals
    endpoint: str
    prefers_xet: bool
    """Whether large files come through Xet where the Hub has them there; else only what cannot be had without it."""
    range_max_bytes: int
    """Of one range of a large file."""
    xet: Xet | None
    """The way to it, one for all files of a run; None: plain HTTP alone."""
