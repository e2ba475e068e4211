"""``prewarm completion``. Changes with the shells that it knows."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_VARIABLE = "_PREWARM_COMPLETE"


@click.command("completion", epilog="Example: prewarm completion zsh")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print what completes commands, options and the ids of entries in SHELL.

    bash: eval "$(prewarm completion bash)" in ~/.bashrc. zsh: the same in ~/.zshrc, after compinit. fish: prewarm
    completion fish > ~/.config/fish/completions/prewarm.fish
    """
    from prewarm.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None, "a shell that click knows"
    made = kind(cli, {}, "prewarm", _VARIABLE)
    # As click writes it, less its look at the version of bash, which starts one.
    click.echo(made.source_template % made.source_vars())
    return 0
