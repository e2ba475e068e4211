"""Warms the Hugging Face cache from a TOML manifest, and proves that the models load offline."""

__version__ = "0.1.0"
