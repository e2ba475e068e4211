"""``prewarm fleet``. Changes with its options."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from prewarm.cli import options
from prewarm.cli.shown import Shown

if TYPE_CHECKING:
    from prewarm.operations.project import Project


@click.command("fleet", epilog="Example: prewarm fleet --address auto --nodes role=node --fetchers 2")
@click.option(
    "--address", default="auto", show_default=True, metavar="ADDRESS", help="auto, ray://HOST:PORT, HOST:PORT."
)
@click.option(
    "--nodes", multiple=True, metavar="WORD", help="Only these: a label (key=value), an id or a name; may be repeated."
)
@click.option("--fetchers", default=1, show_default=True, type=click.IntRange(1, 64), help="So many nodes ask the Hub.")
@click.option(
    "--prove",
    default="one",
    show_default=True,
    type=click.Choice(["one", "all", "none"]),
    help="Which nodes load the entries: one of each environment, all of them, or none.",
)
@click.option("--watch", is_flag=True, help="Serve nodes that join, until told to stop.")
@click.option("--runtime-env", metavar="JSON|FILE", help="What Ray is to install for this on the nodes.")
@options.project("workers", "transfer", "max_wait", "proof_timeout", "min_speed", "lock_wait")
@options.output()
def command(
    address: str,
    nodes: tuple[str, ...],
    fetchers: int,
    prove: Any,
    watch: bool,
    runtime_env: str | None,
    load: Callable[[], Project],
    shown: Shown,
) -> int:
    """Make the nodes of a Ray cluster ready, at the cost of one host.

    What nobody has is fetched from the Hub once, and moves from node to node. Manifest and lock go along; each node
    uses its own cache, endpoint and token. Needs: pip install "hf-prewarm[ray]", there and here.
    """
    from prewarm.fleet import Wanted
    from prewarm.operations.fleet import fleet, read_runtime_env

    environment = read_runtime_env(runtime_env)
    project = load()
    wanted = Wanted(nodes=nodes, fetchers=fetchers, prove=prove, watch=watch)
    with shown.fleet_observer() as observe:
        report = fleet(project, _address(address), wanted, observe, runtime_env=environment)
    shown.fleet(report)
    return int(not report.ok)


def _address(said: str) -> str:
    """As Ray's own commands: the environment names the cluster where nobody else does."""
    return os.environ.get("RAY_ADDRESS", "auto") if said == "auto" else said
