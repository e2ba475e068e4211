"""The manifest: ``prewarm.toml``, or ``[tool.prewarm]`` of ``pyproject.toml``."""
