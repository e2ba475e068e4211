"""The Hugging Face cache on disk: ``blobs/``, ``snapshots/``, ``refs/``, as huggingface_hub lays it out."""

from prewarm.cache.disk import DiskCache
from prewarm.cache.preview import Preview

__all__ = ["DiskCache", "Preview"]
