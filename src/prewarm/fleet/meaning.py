"""What Ray's errors mean. Changes with Ray: its ways to fail are as many as its layers."""

from __future__ import annotations

import re

from prewarm.records.errors import FleetError
from prewarm.records.failure import Failure
from prewarm.records.text import quoted


def runtime_env_option(version: str) -> str:
    """The option that has Ray install this prewarm for a run."""
    return f"""--runtime-env '{{"pip": ["hf-prewarm[ray]=={version}"]}}'"""


def connecting(error: BaseException, address: str, version: str, *, has_env: bool) -> FleetError:
    """What went wrong while a cluster was connected to.

    Args:
        error: as Ray raised it.
        address: of the cluster.
        version: of Ray here.
        has_env: whether an environment was to be made for it.
    """
    said = str(error)
    if "ersion mismatch" in said or "versions" in said:
        found = re.findall(r"(Ray|Python):? ?(\d+\.\d+\.\d+)", said)
        theirs, ours = dict(found[:2]), dict(found[2:4])
        others = [name for name in theirs if theirs[name] != ours.get(name)]
        told = ", ".join(f"{name} {theirs[name]}, and here it is {ours.get(name)}" for name in others)
        hint = f"pip install 'ray[client]=={theirs['Ray']}'" if "Ray" in others else "run it with its Python"
        return FleetError(f"the cluster has another version: {told or quoted(said)}", hint=hint)
    if isinstance(error, ConnectionError) and address == "auto":
        return FleetError(
            "there is no cluster on this machine", hint="ray start --head; or name one: --address ray://host:10001"
        )
    if has_env and "AttributeError" not in said:
        return FleetError(f"the runtime environment cannot be made: {quoted(said)}", hint="look at --runtime-env")
    # Releases that are far apart do not understand each other well enough to say so.
    return FleetError(
        f"the cluster at {address} cannot be worked with by Ray {version}, which is installed here",
        hint="it has to be the cluster's own: ray --version on its head, then pip install 'ray[client]==…' here",
    )


def failure_of(error: BaseException, name: str, version: str) -> Failure:
    """What a call's failure says of its node.

    Args:
        error: as Ray raised it.
        name: of the node that was called.
        version: of prewarm here.
    """
    said = str(error)
    if "No module named 'prewarm" in said or "has no attribute" in said:
        is_there = "No module named 'prewarm." in said or "has no attribute" in said
        return Failure(
            kind="internal",
            message="an older prewarm is installed there" if is_there else "prewarm is not installed there",
            hint=f"install it there, or let Ray do so: {runtime_env_option(version)}",
        )
    if "No module named" in said:
        found = re.search(r"No module named '([\w.]+)'", said)
        return Failure(
            kind="internal",
            message=f"a package is missing there: {found[1] if found else quoted(said)}",
            hint="install there what prewarm needs, or pass it with --runtime-env",
        )
    if type(error).__name__ == "RuntimeEnvSetupError" or "runtime_env" in said or "runtime env" in said:
        return Failure(
            kind="internal",
            message=f"its runtime environment cannot be made: {quoted(said, 300)}",
            hint="look at --runtime-env",
        )
    return Failure(
        kind="unreachable",
        message=f"{name} has left the cluster, or its process was ended",
        hint="run it again: it goes on from what is in the caches",
    )
