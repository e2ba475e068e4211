"""Reads an application's source, without running it, for the models that it loads."""

from prewarm.authoring.scan.find import Scan, scan
from prewarm.authoring.scan.sources import Source, read_sources
from prewarm.authoring.scan.told import Found

__all__ = ["Found", "Scan", "Source", "read_sources", "scan"]
