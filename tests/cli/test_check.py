"""``prewarm check``, and runs that have nothing to do: from the disk alone, and right about it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from conftest import Prewarm
from prewarm.localhub import LocalHub, Repository

Serve = Callable[..., Repository]
DATA = '[[advanced]]\nid = "org/files"\ninclude = ["*"]\n'
TEXT = 'simple = ["zoo/text"]\n'
FILES = '[settings]\nproof = "files"\n'


def state(prewarm: Prewarm, *args: str) -> dict[str, Any]:
    (entry,) = prewarm("check", "--json", *args).report["entries"]
    found: dict[str, Any] = entry
    return found


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory, zoo_hub: LocalHub) -> Prewarm:
    """A folder in which zoo/text has been proven; tests copy it."""
    prewarm = Prewarm(tmp_path_factory.mktemp("proven"), zoo_hub.url)
    prewarm.manifest(TEXT)
    done = prewarm()
    assert done.code == 0, done.err
    return prewarm


@pytest.fixture
def copy(proven: Prewarm, tmp_path: Path) -> Prewarm:
    shutil.copytree(proven.folder, tmp_path / "copy", symlinks=True)
    return Prewarm(tmp_path / "copy", proven.environ["HF_ENDPOINT"])


def test_the_states_in_their_order(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve()
    prewarm.manifest(DATA)
    nothing = prewarm("check")
    assert nothing.code == 1
    assert nothing.out.startswith("missing org/files")
    assert "not locked" in nothing.out
    assert "0 of 1 entry ready" in nothing.out
    assert "try: prewarm" in nothing.out
    prewarm("lock", "-q")
    assert state(prewarm)["status"] == "missing"
    assert prewarm("-q").code == 0
    assert state(prewarm)["status"] == "cached"
    assert prewarm("check").code == 0
    (lost,) = prewarm.cache.rglob("snapshots/*/one.txt")
    lost.unlink()
    partial = prewarm("check")
    assert partial.code == 1
    assert "partial org/files" in partial.out
    assert "without one.txt (1.0 kB)" in partial.out
    hub.stop()
    assert prewarm("-q").code == 0, "its blob is there: it is shown again without a request"
    assert prewarm("check", "-q").out == ""


def test_a_file_of_another_size_and_a_link_into_nowhere_are_missing(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(DATA)
    prewarm("-q")
    one, two = (next(prewarm.cache.rglob(f"snapshots/*/{name}")) for name in ("one.txt", "two.bin"))
    one.resolve().write_bytes(b"1")
    two.resolve().unlink()
    assert state(prewarm)["missing"] == ["one.txt", "two.bin"]
    assert prewarm("--json").report["totals"]["downloaded_bytes"] == 11240
    assert state(prewarm)["status"] == "cached"


def test_a_revision_that_points_elsewhere_is_not_ready(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(DATA)
    prewarm("-q")
    (ref,) = prewarm.cache.rglob("refs/main")
    commit = ref.read_text()
    ref.write_text("0" * 40)
    entry = state(prewarm)
    assert (entry["status"], entry["ready"]) == ("partial", False)
    assert entry["notes"] == [f"main of org/files is not at {commit[:7]} in the cache"]
    assert prewarm("--json").entry("org/files")["notes"] == [f"main of org/files was 0000000, and is {commit[:7]} now"]
    assert ref.read_text() == commit


def test_a_failure_is_remembered_until_it_is_mended(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    prewarm.manifest(DATA)
    assert prewarm("-q").code == 1
    entry = state(prewarm)
    assert (entry["status"], entry["error"]["kind"]) == ("failed", "not-found")
    assert not list(prewarm.cache.glob("models--*")), "a repository that is not there leaves no folder"
    serve()
    assert prewarm("-q").code == 0
    assert state(prewarm)["status"] == "cached"


def test_a_failed_proof_is_remembered(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest('[[advanced]]\nid = "zoo/chat"\nmodel_class = "NoSuchModel"\nrequired = false\n')
    assert zoo_prewarm("-q").code == 0
    found = zoo_prewarm("check")
    assert found.code == 0, "it is not required"
    assert "failed  zoo/chat" in found.out
    assert "load-error: transformers has no class 'NoSuchModel'" in found.out
    assert "not required" in found.out


def test_an_untouched_run_asks_nothing_and_loads_nothing(proven: Prewarm, zoo_hub: LocalHub) -> None:
    zoo_hub.log.clear()
    before = (proven.folder / "prewarm.lock").stat().st_mtime_ns
    done = proven()
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("1 entry ready, 5 files, ")
    assert "nothing to do" in done.out
    entry = proven("--json").entry("zoo/text")
    assert (entry["status"], entry["proof"]["model"]) == ("proven", "BertModel")
    assert zoo_hub.log.all() == []
    assert (proven.folder / "prewarm.lock").stat().st_mtime_ns == before


@pytest.mark.parametrize("command", ["check", "warm"])
def test_neither_torch_nor_an_http_client_nor_rich_is_imported(proven: Prewarm, command: str) -> None:
    code = (
        f"import sys\nfrom prewarm.cli.main import main\nassert main([{command!r}]) == 0\n"
        "assert 'prewarm.flow.check' in sys.modules\n"
        "print(sorted({'torch', 'transformers', 'httpx', 'httpx2', 'requests', 'rich', 'tenacity', 'filelock',"
        " 'huggingface_hub.file_download', 'prewarm.flow.warm'} & set(sys.modules)))"
    )
    done = proven.python(code)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == "[]"


def test_prove_loads_again(copy: Prewarm) -> None:
    done = copy("--prove")
    assert done.code == 0
    assert "zoo/text: loading offline" in done.err


def spoil(folder: Prewarm, changed: Mapping[str, str | None]) -> None:
    for path in folder.cache.glob("models--*/prewarm/*.json"):
        content = json.loads(path.read_text())
        content["proofs"][0]["depends"].update(changed)
        path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"transformers": "5.0.1"}, "transformers was 5.0.1, and is "),
        ({"torch": None}, "torch was not there, and is "),
        ({"python": "3.9.1"}, "python was 3.9.1, and is "),
        ({"prewarm": "0.0.1"}, "prewarm was 0.0.1, and is "),
        ({"commit": "0" * 40}, "the commit was 0000000, and is "),
        ({"files": "another"}, "the files are others"),
    ],
)
def test_check_says_what_has_changed_since_the_proof(copy: Prewarm, changed: dict[str, str | None], said: str) -> None:
    spoil(copy, changed)
    entry = state(copy)
    assert (entry["status"], entry["ready"]) == ("cached", False)
    assert entry["notes"][0].startswith(said)
    assert copy("check", "--proof", "files").code == 0


def test_what_has_changed_is_proven_again_and_remembered_beside_the_other(copy: Prewarm) -> None:
    spoil(copy, {"transformers": "5.0.1"})
    done = copy()
    assert done.code == 0
    assert "loading offline" in done.err
    assert state(copy)["status"] == "proven"
    (kept,) = copy.cache.glob("models--*/prewarm/*.json")
    assert len(json.loads(kept.read_text())["proofs"]) == 2, "another environment may share the cache"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"proofs": 1}', '{"proofs": [1]}', '{"proofs": [{"depends": {}}]}']
)
def test_a_damaged_memory_costs_a_proof_and_nothing_else(copy: Prewarm, content: str) -> None:
    (kept,) = copy.cache.glob("models--*/prewarm/*.json")
    kept.write_text(content)
    assert state(copy)["status"] == "cached"


def test_keywords_are_part_of_the_proof(copy: Prewarm) -> None:
    copy.manifest('[[advanced]]\nid = "zoo/text"\ndtype = "bfloat16"\n')
    entry = state(copy)
    assert (entry["status"], entry["notes"]) == ("cached", ["not proven yet"])


def test_the_cache_of_a_proven_entry_is_one_that_huggingface_hub_accepts(copy: Prewarm) -> None:
    found = copy.python(
        "from huggingface_hub import scan_cache_dir\n"
        "info = scan_cache_dir()\nprint(len(info.repos), [str(warning) for warning in info.warnings])"
    )
    assert found.out == "1 []\n", found.err


def test_without_a_lock_the_cache_is_taken_as_it_is_when_the_hub_is_gone(copy: Prewarm) -> None:
    (copy.folder / "prewarm.lock").unlink()
    entry = state(copy)
    assert (entry["status"], entry["notes"]) == ("proven", ["not locked"])
    copy.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
    done = copy("--json")
    assert done.code == 0
    entry = done.entry("zoo/text")
    assert entry["status"] == "proven"
    assert "taken as the cache has it, main at " in entry["notes"][0]
    assert not (copy.folder / "prewarm.lock").exists(), "the cache does not know all that there is"
    (config,) = copy.cache.rglob("snapshots/*/model.safetensors")
    config.unlink()
    assert copy("--json").entry("zoo/text")["error"]["kind"] == "unreachable"


def test_marks_of_absent_files_are_left_for_online_applications(
    proven: Prewarm, tmp_path: Path, zoo_hub: LocalHub
) -> None:
    """A warm, online from_pretrained pair: with the marks it asks for less, with new libraries for no file at all."""
    load = (
        "from transformers import AutoModel, AutoProcessor\n"
        "AutoModel.from_pretrained('zoo/text')\nAutoProcessor.from_pretrained('zoo/text')"
    )
    asked = []
    for keeps_marks in (True, False):
        folder = tmp_path / str(keeps_marks)
        shutil.copytree(proven.folder, folder, symlinks=True)
        copy = Prewarm(folder, zoo_hub.url)
        if not keeps_marks:
            for marks in copy.cache.glob("models--*/.no_exist"):
                shutil.rmtree(marks)
        zoo_hub.log.clear()
        done = copy.python(load)
        assert done.code == 0, done.err
        asked.append((len(zoo_hub.log.metered()), len(zoo_hub.log.all(containing="/resolve/"))))
    (with_marks, files_with), (without, files_without) = asked
    assert files_with <= files_without - 4
    assert with_marks <= without - 4
    if int(version("huggingface_hub").partition(".")[0]) >= 2:
        assert files_with == 0
