"""Arguments to a command, errors to text and an exit code. Changes when there is a new command.

Exit codes: 0 every required entry is ready; 1 one is not; 2 the manifest or the command line is wrong; 3 a bug;
130 interrupted.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from collections.abc import Sequence

import click

from prewarm import __version__
from prewarm.cli import interrupts, streams
from prewarm.records.errors import Interrupted, PrewarmError
from prewarm.records.text import harmless

GROUPS = {
    "Make ready": {
        "warm": "Make every entry of the manifest ready (the default).",
        "run": "Make every entry ready, then run a command offline.",
        "check": "Say what is ready, from the disk alone.",
        "verify": "Hash every file and load every entry again, offline.",
        "lock": "Resolve the manifest's entries, and say what changed.",
    },
    "Write the manifest": {
        "add": "Ask the Hub what loads a model, and write its entry.",
        "scan": "Find the models that an application's source loads.",
        "record": "Run an application once, and write what it needs.",
        "init": "Write a new manifest, also from a list that is there.",
        "remove": "Take entries out of manifest and lock.",
        "script": "Write one file to copy into a project.",
    },
    "Try": {
        "try": "Ask entries their samples, and compare the answers.",
        "load": "Put load on an entry or a server, and draw its curves.",
        "history": "Say what earlier commits answered, and how fast.",
        "note": "Write a note about a version into the history.",
    },
    "Take to a deployment": {
        "export": "Make a folder of an entry: ONNX, compared with the original.",
        "serve": "Answer as OpenAI's embeddings do, from such a folder.",
        "bundle": "Pack what the lock names into one file.",
        "unbundle": "Take such a file into the cache, without a network.",
        "fleet": "Make the nodes of a Ray cluster ready, with one download.",
        "mirror": "Serve the cache as a Hub, to other machines.",
    },
    "Look and mend": {
        "doctor": "Say what is wrong on this machine, and what mends it.",
        "explain": "Say what a kind of error means, and what helps.",
        "audit": "Say what is dangerous in what was downloaded.",
        "clean": "Remove what interrupted downloads have left.",
        "demo": "Show the whole flow on this machine alone.",
        "completion": "Print what completes commands and ids in a shell.",
    },
}
"""Each command stands in the module of its name, which is imported when it is used."""
MODULES = {"try": "trying"}
"""But for words that no module can be called."""
COMMANDS = {name: said for group in GROUPS.values() for name, said in group.items()}


class _Commands(click.Group):
    """Imports a command's module when it is used, and takes ``warm`` where none is named."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"prewarm.cli.{MODULES.get(name, name)}").command
        return command

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        if context.resilient_parsing:
            # A shell asks how the words go on.
            return super().parse_args(context, args)
        if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help", "--version")):
            args = ["warm", *args]
        return super().parse_args(context, args)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            from prewarm.manifest.settings import nearest

            raise click.UsageError(
                f"there is no command '{args[0]}': {nearest(args[0], list(COMMANDS), called='commands')}", context
            )
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS)) + 2
        for group, commands in GROUPS.items():
            # Blank lines between them would push the first of them off a screen.
            formatter.write(f"\n{group}:\n" if group == next(iter(GROUPS)) else f"{group}:\n")
            for name, said in commands.items():
                formatter.write(f"  {name:<{width}}{said}\n")


_HELP = "Bring models into the Hugging Face cache, and prove that they load offline."


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]}, help=_HELP)
@click.version_option(__version__, prog_name="prewarm", message="%(prog)s %(version)s")
def cli() -> None:
    """As ``_HELP``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    streams.make_safe()
    # Nothing that a check makes is garbage: looking for it takes a tenth of its time.
    gc.set_threshold(50_000)
    code = _run(argv)
    streams.settle()
    return code


def _run(argv: Sequence[str] | None) -> int:
    try:
        with interrupts.handled():
            code = cli.main(args=list(argv) if argv is not None else None, prog_name="prewarm", standalone_mode=False)
            sys.stdout.flush()
        return int(code or 0)
    except PrewarmError as error:
        if isinstance(error, Interrupted):
            _say(str(error), error.hint)
        else:
            _say(f"error: {error}", error.hint, error.kind)
        return error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        said = Interrupted()
        _say(str(said), said.hint)
        return said.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        _say(
            f"error: {error.format_message()}", f"{context.command_path if context else 'prewarm'} --help", "bad-usage"
        )
        return 2
    except BrokenPipeError:
        # Who reads our output has had enough, as in: prewarm | head.
        streams.drop()
        return 1
    except Exception as error:  # noqa: BLE001 (the one place where a bug ends)
        if interrupts.came():
            said = Interrupted()
            _say(str(said), said.hint)
            return said.exit_code
        if reason := streams.refusal(error):
            streams.drop()
            _say(f"error: standard output cannot be written: {reason}", "send it to where there is room")
            return 1
        return _bug(error)


def _bug(error: Exception) -> int:
    from prewarm.operations import bug_log

    _say(f"error: a bug in prewarm: {type(error).__name__}", bug_log.hint(bug_log.write(error)), "internal")
    return 3


def _say(message: str, hint: str, kind: str = "") -> None:
    from prewarm.formats.failed import help_lines

    # Nobody can be told that nobody can be told.
    with contextlib.suppress(OSError, ValueError):
        click.echo(harmless(message), err=True)
        for line in help_lines(hint, kind):
            click.echo(line, err=True)
