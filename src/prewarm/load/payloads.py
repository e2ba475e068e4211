"""What is sent: the largest that a task takes, so that models can be compared. Changes with what that is."""

from __future__ import annotations

import base64
import io
import json
import math
import struct
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prewarm.records.errors import CommandError
from prewarm.runners import media
from prewarm.worker.refused import Refused

CHARACTERS = 1000
SOUND_S = 5
_WORDS = "A model that loads can still be the wrong one, too slow, or another than it was a month ago. "
TEXT = (_WORDS * (CHARACTERS // len(_WORDS) + 1))[:CHARACTERS]
_MOST_BYTES = 64 << 20
_KINDS = {".json": "application/json", ".txt": "text/plain", ".jpg": "image/jpeg", ".png": "image/png"}


@dataclass(frozen=True, kw_only=True)
class Payload:
    """The body of a request."""

    body: bytes | None
    """None: a GET."""
    said: str
    """In words."""
    headers: Mapping[str, str] = field(default_factory=dict)


def payload_of(task: str, *, takes: str = "text", text: str = TEXT) -> Payload:
    """What an entry of a task is sent: of ``/run``.

    Args:
        task: of the entry.
        takes: what its vectors are made of.
        text: the longest that it takes.

    Raises:
        CommandError: pillow is missing.
    """
    if task == "feature-extraction" and takes != "text":
        task = {"image": "image-classification", "audio": "audio-classification"}[takes]
    if task in ("image-classification", "object-detection", "image-text-to-text"):
        return _json({"image": _image()}, f"an image of {media.SIDE} x {media.SIDE}")
    if task in ("audio-classification", "automatic-speech-recognition"):
        return _json({"audio": _sound()}, f"a sound of {SOUND_S} s")
    if task == "fill-mask":
        return _json({"text": f"[MASK] {text}"}, f"a text of {len(text)} characters")
    if task == "question-answering":
        return _json({"text": "What loads?", "text_pair": text}, f"a question, and a text of {len(text)} characters")
    return _json({"text": text}, f"a text of {len(text)} characters")


def embeddings_payload(model: str) -> Payload:
    """What an OpenAI-compatible server of embeddings is sent."""
    return _json({"model": model, "input": TEXT}, f"a text of {CHARACTERS} characters")


def read_payload(path: Path) -> Payload:
    """The content of a file.

    Raises:
        CommandError: it cannot be read.
    """
    if not path.is_file():
        raise CommandError(f"{path} is no file", hint="--payload FILE")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise CommandError(f"{path} is larger than 64 MB", hint="--payload FILE")
        body = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}", hint="--payload FILE") from None
    kind = _KINDS.get(path.suffix.lower(), "application/octet-stream")
    if kind == "application/json":
        try:
            json.loads(body)
        except (ValueError, RecursionError) as error:
            raise CommandError(f"{path} is no JSON: {str(error)[:200]}", hint='such as {"text": "…"}') from None
    return Payload(body=body, said=path.name, headers={"Content-Type": kind})


def _json(content: Mapping[str, str], said: str) -> Payload:
    return Payload(body=json.dumps(content).encode(), said=said, headers={"Content-Type": "application/json"})


def _image() -> str:
    target = io.BytesIO()
    try:
        media.usual_image().save(target, "JPEG")
    except Refused as refused:
        raise CommandError(refused.message, hint=f"{refused.hint}, or --payload FILE") from None
    return base64.b64encode(target.getvalue()).decode("ascii")


def _sound(rate: int = media.RATE) -> str:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        tone = (int(9000 * math.sin(at * 2 * math.pi * 440 / rate)) for at in range(rate * SOUND_S))
        file.writeframes(b"".join(struct.pack("<h", one) for one in tone))
    return base64.b64encode(target.getvalue()).decode("ascii")
