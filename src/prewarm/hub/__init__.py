"""The Hub: listings and files, inside its limits. The only package that names huggingface_hub or an HTTP library."""

from prewarm.hub.client import Client

__all__ = ["Client"]
