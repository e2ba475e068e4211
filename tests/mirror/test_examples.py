"""The service and the Deployment of examples/mirror: their commands are real, and their fields are those of the schema."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import TESTS, Prewarm

EXAMPLE = TESTS.parent / "examples" / "mirror"
POD_FIELDS = {"terminationGracePeriodSeconds", "securityContext", "initContainers", "containers", "volumes"}
CONTAINER_FIELDS = {
    "name", "image", "command", "env", "volumeMounts", "ports", "readinessProbe", "livenessProbe", "resources",
    "securityContext",
}  # fmt: skip


def objects() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((EXAMPLE / "deployment.yaml").read_text()))


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = objects()[0]["spec"]["template"]["spec"]
    return spec


def options_of(prewarm: Prewarm, command: str) -> str:
    return prewarm(*([command] if command else []), "--help").out


def check_command(prewarm: Prewarm, words: list[str]) -> None:
    """Every option of a command line is one of the command's."""
    assert Path(words[0]).name == "prewarm"
    command = words[1] if words[1:] and not words[1].startswith("-") else "warm"
    known = options_of(prewarm, command)
    for word in words[1:]:
        if word.startswith("-"):
            assert f"{word} " in known or f"{word}," in known, (word, command)


def test_the_service(prewarm: Prewarm) -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(EXAMPLE / "prewarm-mirror.service")
    service = unit["Service"]
    words = shlex.split(service["ExecStart"])
    assert words[1] == "mirror"
    check_command(prewarm, words)
    # What it is ended by lets answers finish: longer than those may take.
    assert int(service["TimeoutStopSec"]) > 600
    assert "MIRROR_TOKEN" in words
    assert "MIRROR_TOKEN=" not in service["ExecStart"]


@pytest.mark.parametrize("kind", ["initContainers", "containers"])
def test_the_commands_of_the_pod(prewarm: Prewarm, kind: str) -> None:
    for container in pod()[kind]:
        check_command(prewarm, container["command"])


def test_the_objects() -> None:
    deployment, service, claim = objects()
    assert [one["kind"] for one in (deployment, service, claim)] == ["Deployment", "Service", "PersistentVolumeClaim"]
    assert [one["apiVersion"] for one in (deployment, service, claim)] == ["apps/v1", "v1", "v1"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels == service["spec"]["selector"]
    assert set(pod()) <= POD_FIELDS
    assert pod()["terminationGracePeriodSeconds"] > 600
    volumes = {volume["name"] for volume in pod()["volumes"]}
    for container in [*pod()["initContainers"], *pod()["containers"]]:
        assert set(container) <= CONTAINER_FIELDS
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    (mirror,) = pod()["containers"]
    assert mirror["readinessProbe"]["httpGet"]["path"] == "/health"
    assert service["spec"]["ports"][0]["targetPort"] == mirror["ports"][0]["name"]
    assert mirror["ports"][0]["containerPort"] == 8765
    # It serves with its cache mounted read-only.
    assert {mount["readOnly"] for mount in mirror["volumeMounts"]} == {True}


def test_it_writes_nothing(prewarm: Prewarm, serve: Any) -> None:
    """As its cache is mounted read-only there."""
    from test_mirror import ALL, FILES, mirroring

    serve(files=FILES)
    prewarm.manifest(ALL)
    assert prewarm("--proof", "files").code == 0

    def state() -> dict[str, tuple[int, int]]:
        return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in prewarm.home.rglob("*")}

    before = state()
    with mirroring(prewarm) as mirror:
        assert mirror.get("/org/files/resolve/main/b.txt")[2] == b"b"
    assert state() == before
