"""A warmed cache as a Hub, read-only, for machines that are told its address. ``Shelf`` and ``Server`` are its face."""

from prewarm.mirror.server import Bound, Server
from prewarm.mirror.shelf import Shelf

__all__ = ["Bound", "Server", "Shelf"]
