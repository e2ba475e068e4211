"""How a process that loads models has died, in words. Changes with what ends such processes."""

from __future__ import annotations

import signal

from prewarm.proof.confinement import Confining
from prewarm.records.confinement import Confinement
from prewarm.records.errors import ProofError
from prewarm.records.units import size
from prewarm.worker.supervisor import OVER_FOLDER, OVER_MEMORY, OVER_PROCESSES

_LESS = 'load less: dtype = "bfloat16"; or leave it to its files: proof = "files"'


def not_confined(confinement: Confinement) -> ProofError:
    """The error where code of a repository is not run, because this machine cannot hold it."""
    return ProofError(
        "unsafe",
        f"its code is not run, as this machine does not confine it: {'; '.join(confinement.lacks)}",
        hint='use a Linux with Landlock and seccomp (6.12 or newer); or confinement = "strongest", which runs it',
    )


def answered_early() -> ProofError:
    """The error where it has rung before anybody asked."""
    return ProofError(
        "load-error",
        "the process that loads it has answered before it was asked",
        hint="the code of the model, or of a library that it uses, disturbs the process",
    )


def how_it_died(code: int, last_words: str, confining: Confining) -> ProofError:
    """The error for it.

    Args:
        code: that it ended with; negative: the signal.
        last_words: what it said on standard error.
        confining: what it could have.
    """
    bounds = confining.bounds
    if code == OVER_MEMORY:
        return ProofError(
            "load-error",
            f"loading takes more than {size(bounds.memory_bytes)} of memory, and was ended",
            hint=f"raise worker_memory, if the model is worth it; or {_LESS}",
        )
    if code in (OVER_PROCESSES, OVER_FOLDER):
        most = f"{bounds.processes} processes" if code == OVER_PROCESSES else f"{size(bounds.folder_bytes)} of files"
        return ProofError(
            "unsafe",
            f"loading makes more than {most}, and was ended",
            hint="no model needs that to be loaded: look at the repository's code",
        )
    if code == -getattr(signal, "SIGKILL", 9):
        return ProofError(
            "load-error",
            "the system killed the process that loaded it, most likely for want of memory",
            hint=f"close something, or {_LESS}",
        )
    how = f"signal {_signal_name(-code)}" if code < 0 else f"exit code {code}"
    return ProofError(
        "load-error",
        f"the process that loaded it died with {how}: {last_words}",
        hint="the code of the model, or of a library that it uses, ends the process",
    )


def _signal_name(number: int) -> str:
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)
