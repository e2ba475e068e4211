"""What every transfer of a run shares. Changes when a transfer needs something else."""

from __future__ import annotations

from dataclasses import dataclass

from prewarm.hub.connections import Connections
from prewarm.hub.resolver import Resolver
from prewarm.hub.retry import Reach
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
    reach: Reach
    endpoint: str
    has_token: bool
    xet: Xet | None
    """None: plain HTTP."""
