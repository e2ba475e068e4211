"""OpenAI-compatible embeddings over HTTP, from an artifact folder."""

from __future__ import annotations

from pathlib import Path

_SERVER = Path(__file__).with_name("_server") / "server.py"


def server_text() -> str:
    """The whole server, in one file that needs numpy, tokenizers, onnxruntime and uvicorn."""
    return _SERVER.read_text(encoding="utf-8")


def openapi_text() -> str:
    """What it answers, as OpenAPI in JSON."""
    return _SERVER.with_name("openapi.json").read_text(encoding="utf-8")
