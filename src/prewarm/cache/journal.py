"""Which ranges of a partial file are whole, beside it on the disk. Changes with what makes them trustworthy.

Those written hold until the machine restarts, those synced to the disk hold after a loss of power as well. Whatever the
journal says, a file gets its name only when the hash of all of its bytes is right: a wrong journal costs bytes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

from prewarm.cache.place import write_text
from prewarm.records import ranges
from prewarm.records.listing import RepoFile
from prewarm.records.ranges import Range


def read(path: Path, file: RepoFile, there: int) -> list[Range]:
    """The ranges to be trusted; none where the journal is of another file or cannot be read.

    Args:
        path: of the journal.
        file: what the listing says of the file.
        there: bytes that the partial file has.
    """
    found: list[Range] = []
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads(path.read_text(encoding="utf-8"))
        if (said["digest"], said["size"]) != (file.digest.value, file.size):
            return []
        for start, end in said["written"] if said["boot"] == _boot() else said["synced"]:
            if 0 <= int(start) < int(end) <= min(there, file.size):
                found = ranges.add(found, int(start), int(end))
    return found


def write(path: Path, file: RepoFile, *, written: Sequence[Range], synced: Sequence[Range]) -> None:
    """Replace the journal."""
    said = {
        "digest": file.digest.value,
        "size": file.size,
        "boot": _boot(),
        "written": written,
        "synced": synced,
    }
    write_text(path, json.dumps(said))


def _boot() -> str:
    # Where the system does not tell one start from another, the hash at the end does.
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""
