"""The gateway: a Hub on loopback for one child process, whose answers come from prewarm's own engine.

A file that is asked for is brought into the cache, verified, before the answer; so the child's huggingface_hub finds
it there and transfers nothing. ``Gateway`` is its face.
"""

from prewarm.gateway.gateway import Gateway
from prewarm.gateway.source import Source

__all__ = ["Gateway", "Source"]
