"""Answers prompt items, as annotation platforms send them. Changes with what is said of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prewarm.operations import output
from prewarm.operations.asking import ask_locked, asking, in_cache
from prewarm.operations.project import Project, only_model
from prewarm.records.errors import CommandError
from prewarm.records.events import Notice, Observer
from prewarm.samples.items import load_items


@dataclass(frozen=True, kw_only=True)
class Annotated:
    """What came of a batch of items."""

    annotations: list[list[dict[str, Any]]]
    """Of each item."""
    lost: tuple[str, ...]
    """What was not answered, a phrase each."""

    @property
    def text(self) -> str:
        """As JSON."""
        return json.dumps(self.annotations, indent=2, ensure_ascii=False) + "\n"


def annotate(
    project: Project, path: Path, target: Path | None, observe: Observer, environ: Mapping[str, str]
) -> Annotated:
    """Answer the questions of a batch.

    Args:
        project: with one entry.
        path: of the batch.
        target: where the annotations are written; None: nowhere.
        observe: is told of the progress.
        environ: the process's environment.

    Raises:
        CommandError: the batch cannot be read, the answers cannot be written, or it is not clear who answers.
        EntryError: the entry does not load.
    """
    items = load_items(path)
    if target is not None:
        output.look_at(target, "-o")
        if target.exists() and target.samefile(path):
            raise CommandError(f"{target} is the batch itself", hint="-o answers.json")
    entry = only_model(project)
    observe(Notice(text=f"{entry.label}: asking {len(items.prompts)} prompts"))
    with asking(project, observe, environ) as desk:
        asked = ask_locked(in_cache(entry, desk), items.questions, desk)
    lost = [
        f"{path.name}[{prompt.item}].prompts.{prompt.key}: {answer}"
        for prompt, answer in zip(items.prompts, asked.answers, strict=True)
        if isinstance(answer, str)
    ]
    found = Annotated(annotations=items.annotations(asked.answers, entry.label), lost=(*items.ignored, *lost))
    if target is not None:
        output.write(target, found.text)
    return found
