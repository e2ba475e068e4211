"""A small FastAPI application that answers questions to one entry, for load tests. Changes with what it is asked.

POST /run with the keys of a sample: text, text_pair, chat, image and audio in base64, input. GET /health.
"""

from __future__ import annotations

import base64
import binascii
import threading
from typing import Any

from prewarm.runners import Keys, Question, ask, read_question
from prewarm.worker.loaded import Loaded


def application(loaded: Loaded, keys: Keys, name: str) -> Any:
    """The ASGI application.

    Args:
        loaded: the model and what prepares its inputs.
        keys: how texts are generated.
        name: of the entry.
    """
    from fastapi import Body, FastAPI, HTTPException  # noqa: PLC0415 (an extra)

    made = FastAPI(title=name, docs_url=None, redoc_url=None)
    # One computation at a time, with all the threads that it may have: two would wait for each other's.
    computing = threading.Lock()
    whole = Body(...)

    def health() -> dict[str, str]:
        return {"status": "ok", "model": name}

    def run(asked: Any = whole) -> dict[str, Any]:
        try:
            question = question_of(asked)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        with computing:
            answer = ask(loaded, [question], keys)[0]
        if (refused := answer.get("error")) is not None:
            raise HTTPException(422, refused["message"])
        return answer

    made.get("/health")(health)
    made.post("/run")(run)
    return made


def question_of(asked: Any) -> Question:
    """A body as a question.

    Raises:
        ValueError: it is none.
    """
    found = dict(asked) if isinstance(asked, dict) else {}
    for key in ("image", "audio"):
        if key in found:
            try:
                found[key] = base64.b64decode(found[key], validate=True)
            except (binascii.Error, TypeError, ValueError):
                raise ValueError(f"{key} is no base64") from None
    return read_question(found)
