"""The loopback Hub: serves a folder of repositories as the real Hub does. Standard library only.

It exists for the demo and the tests: metered by bucket, with commits, LFS redirects to a second origin, ranges,
gated and renamed repositories, and faults on demand. ``python -m prewarm.localhub FOLDER`` serves a folder by hand.
"""

from prewarm.localhub.access import Access
from prewarm.localhub.faults import Fault, FaultKind, Faults
from prewarm.localhub.mirror import Mirror
from prewarm.localhub.quota import Quota, Quotas
from prewarm.localhub.repository import Commit, Repository, StoredFile
from prewarm.localhub.requests import Request, RequestLog
from prewarm.localhub.server import LocalHub

__all__ = [
    "Access",
    "Commit",
    "Fault",
    "FaultKind",
    "Faults",
    "LocalHub",
    "Mirror",
    "Quota",
    "Quotas",
    "Repository",
    "Request",
    "RequestLog",
    "StoredFile",
]
