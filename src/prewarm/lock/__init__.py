"""The lock: ``prewarm.lock``."""
