"""What Oracle's model deployment calls: requests and answers as OpenAI's embeddings, by tokenizers and onnxruntime.

``load_model`` is called once, ``predict`` for each request. All of the work is done by ``server.py`` beside this file.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).resolve().parent


def _server() -> Any:
    name = "prewarm_artifact_server"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, _FOLDER / "server.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@lru_cache(maxsize=1)
def load_model(model_folder: str = str(_FOLDER)) -> Any:
    """The model of this folder."""
    return _server().Model(Path(model_folder))


def predict(data: Any, model: Any = None) -> dict[str, Any]:
    """The answer to one request; one that cannot be answered gets OpenAI's error body.

    Args:
        data: the request, as an object or as JSON.
        model: what ``load_model`` gave.
    """
    server = _server()
    model = load_model() if model is None else model
    try:
        body = data if isinstance(data, (str, bytes, bytearray)) else json.dumps(data)
        return server.respond(server.read(body, model), model)
    except server.Refused as refused:
        return refused.body
    except TypeError as error:
        return server.Refused(400, f"the request is nothing that JSON can say: {error}").body
