"""An entry that is loaded into this process, as an application would. Changes with what is done with it there.

It is not confined: code of a repository that is trusted runs here as it would in the application.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prewarm.flow.account import Account
from prewarm.flow.requests import request_of
from prewarm.flow.resolve import from_lock
from prewarm.flow.trust import refuse_changed_code
from prewarm.operations.asking import asking, in_cache
from prewarm.operations.project import Project
from prewarm.proof.inside.request import Request
from prewarm.proof.runner import as_request
from prewarm.records.entry import Entry
from prewarm.records.errors import CommandError, ProofError
from prewarm.records.events import Observer
from prewarm.records.sample import Answer
from prewarm.samples import read_answers
from prewarm.samples.items import read_items
from prewarm.worker.loaded import Loaded
from prewarm.worker.refused import Refused


@dataclass(frozen=True)
class OpenedEntry:
    """An entry that answers in this process."""

    entry: Entry
    """As the manifest has it."""
    loaded: Loaded
    """``loaded.model``, ``loaded.processor`` and, where the entry names a task, ``loaded.pipeline``."""

    def answer(self, questions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The answer to each question: tables with ``kind``, ``task`` and what the kind has, or with ``error``.

        Args:
            questions: with the keys of a sample: ``text``, ``text_pair``, ``chat``, ``image``, ``audio``, ``input``.

        Raises:
            CommandError: one of them is no question.
        """
        from prewarm.runners import Keys, ask, read_question  # noqa: PLC0415 (where a model is)

        try:
            asked = [read_question(one) for one in questions]
        except ValueError as error:
            raise CommandError(str(error), hint='such as {"text": "…"}') from None
        return ask(self.loaded, asked, Keys(generation=self.entry.generation, seed=self.entry.seed))

    def annotate(self, items: Sequence[Mapping[str, Any]]) -> list[list[dict[str, Any]]]:
        """The annotations of prompt items, a list for each.

        Raises:
            CommandError: they are no prompt items.
            ProofError: one of their questions cannot be answered.
        """
        batch = read_items(list(items))
        answers = read_answers({"answers": self.answer(batch.questions)}, len(batch.prompts))
        lost = next((one for one in answers if not isinstance(one, Answer)), None)
        if lost is not None:
            raise ProofError("load-error", str(lost))
        return batch.annotations(answers, self.entry.label)


def request_for(entry: Entry, project: Project, observe: Observer, environ: Mapping[str, str]) -> tuple[Request, str]:
    """What is loaded of an entry that is in the cache, and its commit.

    Raises:
        CacheError: it is not all there, or its code is not what is locked.
    """
    with asking(project, observe, environ) as desk:
        locked = in_cache(entry, desk)
        refuse_changed_code(locked, desk.using.cache)
        request, _ = request_of(from_lock(locked), desk.using, Account(entry, desk.using))
        return as_request("load", request), locked.commit


def load(request: Request) -> Loaded:
    """Load it here.

    Raises:
        ProofError: it does not load.
    """
    from prewarm.proof.inside.loading import load as load_request  # noqa: PLC0415 (imports torch)

    try:
        loaded, _ = load_request(request, [])
    except Refused as refused:
        raise ProofError("load-error", refused.message, hint=refused.hint) from None
    except Exception as error:
        said = " ".join(str(error).split())[:500]
        raise ProofError("load-error", f"{type(error).__name__}: {said}", hint="prewarm verify says more") from error
    return loaded
