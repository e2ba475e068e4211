"""What earlier runs found out: a file of SQLite that several runs may write at once, and what it says of versions."""

from prewarm.history.compare import compare
from prewarm.history.store import Store
from prewarm.history.versions import find_pair, find_version, versions_of

__all__ = ["Store", "compare", "find_pair", "find_version", "versions_of"]
