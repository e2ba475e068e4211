"""The tree of errors. Changes when there is a new way to fail.

PrewarmError                  anything that prewarm can explain
├── InputError                what the user wrote is wrong: exit code 2
│   ├── ManifestError         the manifest
│   │   └── NoManifestError   there is none here
│   ├── SettingsError         a flag, a variable or a key of [settings]
│   ├── LockError             the lock
│   └── CommandError          what a command is given
├── EntryError                one entry cannot be made ready: a value in the report
│   ├── PlanError             its files cannot be decided
│   ├── HubError              the Hub does not give them
│   ├── CacheError            the cache does not take them
│   ├── ProofError            its classes do not load them
│   ├── WrappedError          a wrapped model cannot be installed, or does not answer
│   └── ExportError           no artifact can be made of it
├── NotReadyError             a required entry is not ready, for those who want it raised
├── AuditError                who knows of vulnerabilities cannot be asked
├── ServeError                an artifact cannot be served
├── LoadError                 a server cannot be asked
├── HistoryError              the history cannot be read or written
├── FleetError                a cluster cannot be worked with
├── MirrorError               a cache cannot be served
├── BundleError               a bundle is none, or is not what it says
├── DemoError                 the demo cannot be set up
└── Interrupted               the user said stop: exit code 130

Anything else that is raised is a bug.
"""

from __future__ import annotations

from typing import ClassVar

from prewarm.records.failure import ErrorKind, Failure
from prewarm.records.text import harmless, harmless_lines


class PrewarmError(Exception):
    """An error with what happened, where, and what to do.

    Args:
        message: what happened, one sentence without a full stop.
        hint: what to type or change next; empty where nothing helps.
        place: where in the user's input, such as ``advanced[1].revision``; empty where there is none.
    """

    exit_code: ClassVar[int] = 1
    kind: str = "internal"
    """What ``prewarm explain`` is asked for; a page of docs/messages.md."""

    def __init__(self, message: str, *, hint: str = "", place: str = "") -> None:
        super().__init__(message)
        # It may name what a server, a repository or a library says.
        self.message = harmless(message)
        self.hint = harmless_lines(hint)
        self.place = harmless(place)

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class InputError(PrewarmError):
    """What the user wrote is wrong."""

    exit_code: ClassVar[int] = 2


class ManifestError(InputError):
    """The manifest is missing or wrong."""

    kind = "bad-manifest"


class NoManifestError(ManifestError):
    """There is none in the working directory."""

    kind = "no-manifest"


class SettingsError(InputError):
    """A setting has a value that it cannot have."""

    kind = "bad-setting"


class LockError(InputError):
    """The lock cannot be read, or is not what ``--locked`` asks for."""

    kind = "bad-lock"


class CommandError(InputError):
    """What a command is given is wrong: a program to run, an entry, a file, a value."""

    kind = "bad-command"


class BundleError(PrewarmError):
    """A bundle cannot be made, is damaged, or is signed by somebody else."""

    kind = "bundle-failed"


class AuditError(PrewarmError):
    """Nobody can say what vulnerabilities are known."""

    kind = "audit-failed"


class ServeError(PrewarmError):
    """An artifact cannot be served or tried out."""

    kind = "serve-failed"


class LoadError(PrewarmError):
    """A server does not answer, or cannot be started, so that no load can be put on it."""

    kind = "load-test-failed"


class FleetError(PrewarmError):
    """A cluster cannot be reached, or cannot be worked with."""

    kind = "fleet-failed"


class MirrorError(PrewarmError):
    """A cache cannot be served."""

    kind = "mirror-failed"


class HistoryError(PrewarmError):
    """The history's file cannot be read or written."""

    kind = "history-failed"


class EntryError(PrewarmError):
    """One entry cannot be made ready; the others go on."""

    def __init__(self, kind: ErrorKind, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind: ErrorKind = kind

    def as_failure(self) -> Failure:
        """The error as a value for the report."""
        return Failure(
            kind=self.kind,
            message=self.message,
            hint=self.hint,
            trace=getattr(self, "trace", ""),
            retry_in_s=getattr(self, "retry_in_s", 0.0),
        )


class PlanError(EntryError):
    """The files of an entry cannot be decided from what the Hub lists."""


class HubError(EntryError):
    """The Hub refuses, fails or cannot be reached.

    Args:
        retry_in_s: seconds until what is in the way is known to have passed.
    """

    def __init__(self, kind: ErrorKind, message: str, *, hint: str = "", retry_in_s: float = 0.0) -> None:
        super().__init__(kind, message, hint=hint)
        self.retry_in_s = retry_in_s


class CacheError(EntryError):
    """The cache cannot be read or written."""


class ProofError(EntryError):
    """The classes of an entry do not load its files.

    Args:
        looked_for: (repo_id, path) of files that they looked for and the cache does not hold.
        trace: the other process's traceback, for ``-v``.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        hint: str = "",
        looked_for: tuple[tuple[str, str], ...] = (),
        trace: str = "",
    ) -> None:
        super().__init__(kind, message, hint=hint)
        self.looked_for = looked_for
        self.trace = harmless_lines(trace)


class ExportError(EntryError):
    """No artifact can be made of an entry, or it cannot be put in its place."""


class WrappedError(EntryError):
    """A wrapped model cannot be installed, or does not answer as it has to.

    Args:
        trace: what its process said, for ``-v``.
    """

    def __init__(self, kind: ErrorKind, message: str, *, hint: str = "", trace: str = "") -> None:
        super().__init__(kind, message, hint=hint)
        self.trace = harmless_lines(trace)


class NotReadyError(PrewarmError):
    """A required entry is not ready."""

    kind = "not-ready"


class DemoError(PrewarmError):
    """The demo cannot be set up."""

    kind = "demo-failed"


class Interrupted(PrewarmError):
    """The user interrupted the run."""

    kind = "interrupted"

    exit_code: ClassVar[int] = 130

    def __init__(self) -> None:
        super().__init__("interrupted", hint="run the command again: it goes on from what is in the cache")
