"""What an entry needs, and what of it is missing: pure functions over what the Hub lists.

``select`` decides the files from a listing and the small JSON files that it asks for; ``lock_entry`` turns that into a
LockedEntry; ``make`` takes off what the cache holds.
"""

from prewarm.plan.globs import matches_any
from prewarm.plan.known import Known, Needs
from prewarm.plan.lacking import lock_entry, make, with_absent, with_files
from prewarm.plan.request import proof_request
from prewarm.plan.select import Selection, select

__all__ = [
    "Known",
    "Needs",
    "Selection",
    "lock_entry",
    "make",
    "matches_any",
    "proof_request",
    "select",
    "with_absent",
    "with_files",
]
