"""A LockedEntry to the request for its proof. Changes when the proof has to be told something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from prewarm.plan.known import Known
from prewarm.plan.libraries import ADAPTER_CONFIG
from prewarm.plan.processor import processor_of
from prewarm.plan.select import CONFIG
from prewarm.records.listing import Repo
from prewarm.records.lock import LockedEntry, LockedRepo
from prewarm.records.proof import ProofRequest


def proof_request(locked: LockedEntry, known: Known, where: Callable[[LockedRepo, str], Path]) -> ProofRequest:
    """What to load for an entry.

    Args:
        locked: the entry with its files.
        known: listings of its repositories, and the content of its processor's configuration.
        where: the path in the cache of a repository's file.

    Raises:
        Needs: the processor's configuration has to be read.
    """
    entry = locked.entry
    choice = processor_of(entry, known, [repo.repo for repo in locked.repos])
    folder = f"{entry.subfolder}/" if entry.subfolder else ""
    own = locked.repos[0]
    code = next((repo for repo in locked.repos[1:] if any(file.path.endswith(".py") for file in repo.files)), None)
    is_adapter = any(file.path == folder + ADAPTER_CONFIG for file in own.files)
    config = next(
        ((repo, file.path) for repo, file in locked.files if file.path in (folder + CONFIG, CONFIG)), (own, None)
    )
    # With a task, the pipeline chooses model and processor itself.
    model = entry.model_class if isinstance(entry.model_class, str) else "AutoModel"
    return ProofRequest(
        bytes=sum(file.size for _, file in locked.files),
        entry=entry,
        model_class=model if entry.loads_model else None,
        config_repo=config[0].repo,
        config_commit=config[0].commit,
        config_path=where(config[0], config[1]) if config[1] else None,
        code_commit=code.commit if code else None,
        is_adapter=is_adapter and entry.loads_model and not entry.foreign_class,
        processor=choice.name if entry.task is None else None,
        processor_repo=choice.repo,
        processor_subfolder=choice.folder.rstrip("/"),
        processor_reason=choice.reason,
        vocabulary=where(_locked(locked, choice.repo), choice.vocabulary) if choice.vocabulary else None,
        snapshot=where(own, "x").parent,
    )


def _locked(locked: LockedEntry, repo: Repo) -> LockedRepo:
    return next(candidate for candidate in locked.repos if candidate.repo == repo)
