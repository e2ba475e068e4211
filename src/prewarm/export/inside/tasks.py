"""Which task of a loaded model is exported. Changes when there is a new task."""

from __future__ import annotations

from typing import Any, get_args

from prewarm.records.export import ExportTask
from prewarm.runners.tasks import CLASSES, done_by
from prewarm.worker.refused import Refused


def task_of(model: Any, wanted: str | None, said: str | None) -> ExportTask:
    """The task that is exported.

    Args:
        model: as it was loaded.
        wanted: what ``[advanced.export]`` names.
        said: the entry's own task.

    Raises:
        Refused: the class does not do it.
    """
    done = _done_by(model)
    if wanted is None or wanted == done:
        return done
    other = CLASSES.get(wanted, "")
    hint = f'task = "{done}"; or the class that does: model_class = "{other}"'
    if said:
        hint = f'task = "{done}"; or leave it out'
    raise Refused("export-error", f"{type(model).__name__} does {done}, and not {wanted}", hint)


def _done_by(model: Any) -> ExportTask:
    name, done = type(model).__name__, done_by(model)
    if done in get_args(ExportTask):
        return done  # type: ignore[return-value] # looked at here
    if not hasattr(model, "config") or not hasattr(model, "main_input_name"):
        raise Refused(
            "export-error",
            f"{name} is no model of transformers, and none of sentence-transformers: nobody knows what it does",
            'format = "files" gives its files as they are',
        )
    known = ", ".join(get_args(ExportTask))
    raise Refused("export-error", f"{name} does what is not exported: {known} are", 'format = "files"')
