"""What a lock names, as one file: for machines without a network. A plain tar, the same bytes for the same lock."""

from prewarm.bundle.pack import Told, pack
from prewarm.bundle.signature import sign, verify
from prewarm.bundle.unpack import Bundle

__all__ = ["Bundle", "Told", "pack", "sign", "verify"]
