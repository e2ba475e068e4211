"""Entries that no rule covers: loaded once through the gateway, locked with what they asked for, and proven offline."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from conftest import TOKEN, Prewarm
from prewarm.localhub import Fault, LocalHub, Repository

pytestmark = pytest.mark.models

LOADER = """\
import os
from huggingface_hub import hf_hub_download


def load(repo_id, **given):
    return open(hf_hub_download(repo_id, "first.json")).read()


def two(repo_id):
    return load(repo_id), open(hf_hub_download("org/second", "weights.bin", revision="v1"), "rb").read()


def optional(repo_id):
    try:
        return load(repo_id)
    except Exception:
        return "made up"


def many(repo_id):
    return [hf_hub_download(f"org/many-{at}", "one.txt") for at in range(3)]


def secrets(repo_id):
    found = {name for name, value in os.environ.items() if TOKEN in value or name == "HF_TOKEN"}
    assert not found, found
    return load(repo_id)


def asks_about(repo_id):
    import huggingface_hub
    try:
        huggingface_hub.model_info("org/nowhere")
    except (huggingface_hub.errors.RepositoryNotFoundError, huggingface_hub.errors.OfflineModeIsEnabled):
        return load(repo_id)


def outside(repo_id):
    import socket
    try:
        socket.create_connection(("127.0.0.1", PORT), timeout=5)
    except OSError:
        return load(repo_id)
    raise RuntimeError("it got out")


def by_path(path, repo_id, revision):
    assert repo_id == "org/first" and revision == "main"
    return sorted(os.listdir(path))
"""


@pytest.fixture
def project(prewarm: Prewarm, hub: LocalHub, serve: Callable[..., Repository]) -> Prewarm:
    serve("org/first", {"first.json": b"{}", "other.bin": bytes(1000)})
    second = serve("org/second", {"weights.bin": b"old"})
    second.tags["v1"] = second.branches["main"]
    second.commit({"weights.bin": b"new"})
    port = hub.url.rpartition(":")[2]
    (prewarm.folder / "loader.py").write_text(LOADER.replace("PORT", port).replace("TOKEN in", f"{TOKEN!r} in"))
    return prewarm


def manifest(prewarm: Prewarm, function: str, more: str = "", settings: str = "") -> None:
    prewarm.manifest(f'[[advanced]]\nid = "org/first"\nmodel_class = "loader:{function}"\n{more}\n{settings}\n')


def test_what_it_asks_for_is_fetched_locked_and_proven(project: Prewarm, hub: LocalHub) -> None:
    manifest(project, "two")
    done = project("--json")
    assert done.code == 0, done.err
    entry = done.entry("org/first")
    assert entry["status"] == "proven"
    assert entry["files"] == 2, "the other file was not asked for"
    assert any("org/second" in note for note in entry["notes"])
    assert len(hub.log.metered()) == 4, "a listing and a file of either repository"
    lock = (project.folder / "prewarm.lock").read_text()
    assert 'revision = "v1"' in lock
    assert "complete" not in lock
    hub.log.clear()
    assert project("--json").code == 0
    assert project("verify").code == 0
    assert not hub.log.all(), "what is locked and there costs nothing"


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_where_namespaces_are_refused_it_is_the_same(project: Prewarm, hub: LocalHub) -> None:
    project.in_a_container()
    manifest(project, "two")
    done = project("--json")
    assert done.code == 0, done.err
    assert done.entry("org/first")["status"] == "proven"
    assert len(hub.log.metered()) == 4
    project.environ["HF_HOME"] = str(project.folder / "another")
    manifest(project, "outside")
    done = project("--json")
    assert "it got out" not in done.out
    assert "asks the network" in done.entry("org/first")["error"]["message"]


def test_the_locked_commit_is_what_a_later_load_gets(project: Prewarm, hub: LocalHub) -> None:
    manifest(project, "two")
    assert project().code == 0
    first = hub.routes.find("org/first")
    assert first is not None
    first.commit({"first.json": b'{"newer": 1}'})
    manifest(project, "two", "model_kwargs = {}\ndescription = 'the same'")
    project.environ["HF_HOME"] = str(project.folder / "another")
    assert project().code == 0
    read = "from huggingface_hub import hf_hub_download; print(open(hf_hub_download('org/first', 'first.json')).read())"
    assert project.python(read, HF_HUB_OFFLINE="1").out == "{}\n"


def test_an_optional_file_that_cannot_be_had_is_a_failure_and_not_made_up(project: Prewarm, hub: LocalHub) -> None:
    manifest(project, "optional")
    hub.faults.add(Fault(path="*first.json", kind="status", status=500, count=100))
    done = project("--json")
    assert done.code == 1
    assert done.entry("org/first")["error"]["kind"] == "unreachable", done.out
    hub.faults.clear()
    assert project("--json").code == 0, "started anew, it is right"


def test_no_secret_reaches_it_and_the_gateway_has_it(project: Prewarm, hub: LocalHub) -> None:
    repository = hub.routes.find("org/first")
    assert repository is not None
    repository.private = True
    hub.access.members["org/first"] = {"tester"}
    manifest(project, "secrets")
    done = project("--json", env={"HF_TOKEN": TOKEN})
    assert done.code == 0, done.out
    assert TOKEN not in done.out + done.err


def test_what_is_only_asked_about_is_no_failure(project: Prewarm) -> None:
    manifest(project, "asks_about")
    done = project("--json")
    assert done.code == 0, done.err
    assert done.entry("org/first")["files"] == 1


def test_the_hub_itself_and_all_else_is_out_of_reach(project: Prewarm) -> None:
    manifest(project, "outside")
    # The strict proof counts a try, and refuses it; what matters here is that none got through.
    done = project("--json")
    assert "it got out" not in done.out
    assert "asks the network" in done.entry("org/first")["error"]["message"]


@pytest.mark.parametrize(
    ("setting", "said"), [("discovery_max_repos = 2", "further repositories"), ('discovery_max_bytes = "1 B"', "2 B")]
)
def test_what_it_may_have_is_bounded(
    project: Prewarm, serve: Callable[..., Repository], setting: str, said: str
) -> None:
    for at in range(3):
        serve(f"org/many-{at}", {"one.txt": b"1"})
    manifest(project, "many", settings=f"[settings]\n{setting}")
    done = project("--json")
    assert done.code == 1
    error = done.entry("org/first")["error"]
    assert error["kind"] == "unsafe"
    assert said in error["message"]
    assert setting.partition(" ")[0] in error["hint"]


def test_a_lock_that_was_never_loaded_is_incomplete_and_locked_fails_on_it(project: Prewarm) -> None:
    manifest(project, "two")
    assert project("lock").code == 0
    path = project.folder / "prewarm.lock"
    assert "complete = false" in path.read_text()
    done = project("--locked")
    assert done.code == 2
    assert "run prewarm once without --locked" in done.err
    assert project().code == 0
    assert "complete" not in path.read_text()
    assert project("--locked").code == 0
    assert project("lock", "--check").code == 0


def test_a_folder_is_opened_where_the_call_takes_a_path(project: Prewarm, hub: LocalHub) -> None:
    manifest(project, "by_path", 'model_args = ["{path}", "{id}", "{revision}"]')
    done = project("--json")
    assert done.code == 0, done.out
    assert done.entry("org/first")["files"] == 2, "all of it, as snapshot_download gives it"
    assert len(hub.log.metered()) == 3


def test_what_another_entry_brings_is_waited_for(project: Prewarm, serve: Callable[..., Repository]) -> None:
    """The files of the first are named, so that nothing is added to them: what it needs is the second's."""
    project.manifest(
        """
[[advanced]]
id = "org/first"
model_class = "loader:two"
include = ["first.json"]

[[advanced]]
id = "org/second"
revision = "v1"
include = ["*"]
"""
    )
    done = project("--json")
    assert done.code == 0, done.out
    assert done.entry("org/first")["status"] == "proven"


def test_check_and_lock_load_nothing(project: Prewarm) -> None:
    manifest(project, "two")
    for command in (["lock"], ["lock", "--check"], ["check"], ["--dry-run"]):
        done = project(*command, env={"PYTHONPROFILEIMPORTTIME": "1"})
        assert "asks for" not in done.err
    assert not list((project.cache).glob("models--org--second"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('task = "fill-mask"\nmodel_class = "AutoModel"', "advanced[0].model_class"),
        ('model_args = ["{id}"]', "advanced[0].model_args"),
        ('model_class = "a:b"\nmodel_args = []', "advanced[0].model_args"),
        ('model_class = "a:b"\nmodel_args = "x"', "advanced[0].model_args"),
        ('repo_type = "dataset"\ntask = "fill-mask"', "advanced[0].task"),
        ('repo_type = "dataset"\nmodel_class = "AutoModel"', "advanced[0].model_class"),
    ],
)
def test_what_contradicts_itself_is_refused(project: Prewarm, text: str, place: str) -> None:
    project.manifest(f'[[advanced]]\nid = "org/first"\n{text}\n')
    done = project()
    assert done.code == 2
    assert place in done.err
