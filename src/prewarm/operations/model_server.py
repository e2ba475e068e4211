"""Answers questions to one entry over HTTP, in a process of its own, for load tests. Changes with how it starts.

``python -m prewarm.operations.model_server FILE``: the file says what is loaded, where to answer, and with how many
threads; one line on standard output says that it answers. What models and libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from prewarm.load.application import application
from prewarm.load.payloads import TEXT
from prewarm.operations.opened import load
from prewarm.proof.inside.request import Request
from prewarm.records.errors import PrewarmError
from prewarm.runners import Keys
from prewarm.runners.parts import positions_of, tokenizer_of
from prewarm.runners.tasks import WRITES, done_by, sense_of
from prewarm.worker.loaded import Loaded
from prewarm.worker.refused import Refused


def main(path: Path) -> int:
    """Answer until a signal comes."""
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    said = json.loads(path.read_text(encoding="utf-8"))
    import torch

    torch.set_num_threads(said["threads"])
    try:
        loaded = load(Request(**said["request"]))
    except PrewarmError as error:
        _say(told, {"error": {"message": error.message, "hint": error.hint}})
        return 1
    import uvicorn  # noqa: PLC0415 (an extra)

    made = application(loaded, Keys(generation=said["generation"], seed=said["seed"]), said["name"])
    config = uvicorn.Config(made, host=said["host"], port=said["port"], log_level="critical", access_log=False)
    text = _text_for(loaded)
    task = str(getattr(loaded.pipeline, "task", "") or done_by(loaded.model) or "")

    class Server(uvicorn.Server):  # type: ignore[misc]
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                _say(
                    told,
                    {"task": task, "takes": sense_of(loaded.model), "text": text, "threads": torch.get_num_threads()},
                )

    Server(config).run()
    return 0


def _text_for(loaded: Loaded) -> str:
    """The usual text, or as much of it as half of the model's places take: the others are for what it writes."""
    if done_by(loaded.model) not in WRITES or (places := positions_of(loaded.model)) is None:
        return TEXT
    try:
        tokens = len(tokenizer_of(loaded)(TEXT)["input_ids"])
    except Refused:
        return TEXT
    return TEXT if tokens <= places // 2 else TEXT[: len(TEXT) * (places // 2) // tokens]


def _say(to: TextIO, told: dict[str, Any]) -> None:
    to.write(json.dumps(told) + "\n")
    to.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
