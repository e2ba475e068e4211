"""Answers questions to one entry over HTTP, in a process of its own, for load tests. Changes with how it starts.

``python -m prewarm.operations.model_server FILE``: the file says what is loaded, where to answer, and with how many
threads; one line on standard output says that it answers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from prewarm.load.application import application
from prewarm.operations.opened import load
from prewarm.proof.inside.request import Request
from prewarm.records.errors import PrewarmError
from prewarm.runners import Keys
from prewarm.runners.tasks import done_by, sense_of


def main(path: Path) -> int:
    """Answer until a signal comes."""
    said = json.loads(path.read_text(encoding="utf-8"))
    import torch

    torch.set_num_threads(said["threads"])
    try:
        loaded = load(Request(**said["request"]))
    except PrewarmError as error:
        _say({"error": {"message": error.message, "hint": error.hint}})
        return 1
    import uvicorn  # noqa: PLC0415 (an extra)

    made = application(loaded, Keys(generation=said["generation"], seed=said["seed"]), said["name"])
    config = uvicorn.Config(made, host=said["host"], port=said["port"], log_level="critical", access_log=False)
    task = str(getattr(loaded.pipeline, "task", "") or done_by(loaded.model) or "")

    class Server(uvicorn.Server):  # type: ignore[misc]
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                _say({"task": task, "takes": sense_of(loaded.model), "threads": torch.get_num_threads()})

    Server(config).run()
    return 0


def _say(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
