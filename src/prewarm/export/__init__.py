"""From an entry to what a deployment opens: a folder with a graph that was compared with the original, and its record.

``inside/`` makes and compares graphs, in a worker; the rest decides whether there is something to make, and puts it in
its place. Who calls it brings what loads an entry.
"""

from prewarm.export.folder import Place
from prewarm.export.layout import Texts, write_layout
from prewarm.export.made import Made, read_made, refuse_strangers
from prewarm.export.record import RECORD, Found, Wanted, damaged, dump, examine, wanted_of

MAKE = "prewarm.export.inside.make:make"
"""What the worker calls with what it has loaded."""

__all__ = [
    "MAKE",
    "RECORD",
    "Found",
    "Made",
    "Place",
    "Texts",
    "Wanted",
    "damaged",
    "dump",
    "examine",
    "read_made",
    "refuse_strangers",
    "wanted_of",
    "write_layout",
]
