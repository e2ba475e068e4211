"""A load test: a generator of its own, and what it measures.

``read_steps`` and ``read_bounds`` read what is asked for, ``payload_of`` makes what is sent, ``run`` puts the steps on
a server. ``application`` answers questions to any entry over HTTP; aiohttp, psutil and FastAPI are imported when used.
"""

from prewarm.load.payloads import Payload, payload_of, read_payload
from prewarm.load.plan import read_bounds, read_steps
from prewarm.load.run import Target, run

__all__ = ["Payload", "Target", "payload_of", "read_bounds", "read_payload", "read_steps", "run"]
