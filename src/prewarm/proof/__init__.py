"""The proof: loads an entry's processor and model offline, in another process."""

from prewarm.proof.runner import Runner

__all__ = ["Runner"]
