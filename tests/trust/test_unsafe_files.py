"""Files that run something as they are opened: refused, withheld, or trusted by name; keywords that switch safety off."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

import malicious
from conftest import Prewarm
from prewarm.localhub import LocalHub, Repository

Serve = Callable[..., Repository]
EVIL = malicious.plain()
HINT = "[[advanced]]"


def entry(more: str = "") -> str:
    return f'[[advanced]]\nid = "org/a"\n{more}\n'


def shown(prewarm: Prewarm, path: str) -> bool:
    return any(prewarm.cache.glob(f"models--org--a/snapshots/*/{path}"))


@pytest.mark.parametrize("include", ['["head.pkl"]', '["head.pkl", "*.json"]'])
def test_a_file_that_is_named_is_refused_and_not_shown(prewarm: Prewarm, serve: Serve, include: str) -> None:
    serve("org/a", {"head.pkl": EVIL, "a.json": b"{}"})
    prewarm.manifest(entry(f"include = {include}"))
    done = prewarm("--json")
    assert done.code == 1
    error = done.entry("org/a")["error"]
    assert error["kind"] == "unsafe"
    assert "posix.system" in error["message"]
    assert not shown(prewarm, "head.pkl")
    assert prewarm("check").code == 1


def test_what_it_says_to_write_brings_it_and_the_lock_holds_its_content(
    prewarm: Prewarm, serve: Serve, hub: LocalHub
) -> None:
    repository = serve("org/a", {"head.pkl": EVIL})
    prewarm.manifest(entry('include = ["head.pkl"]'))
    hint = prewarm("--json").entry("org/a")["error"]["hint"]
    prewarm.manifest(hint[hint.index(HINT) :])
    done = prewarm("--json")
    assert done.code == 0, done.out
    assert "is trusted by unsafe_files: posix.system" in str(done.entry("org/a")["notes"])
    assert shown(prewarm, "head.pkl")
    sha256 = hashlib.sha256(EVIL).hexdigest()
    (line,) = [line for line in (prewarm.folder / "prewarm.lock").read_text().splitlines() if '"head.pkl"' in line]
    assert sha256 in line
    repository.commit({"head.pkl": malicious.plain(4)})
    assert prewarm("--json").code == 0, "the lock keeps what was trusted"
    (pointer,) = prewarm.cache.glob("models--org--a/snapshots/*/head.pkl")
    pointer.resolve().write_bytes(EVIL[:-1] + b"!")
    assert prewarm("verify").code == 1


def test_a_file_that_only_a_wide_glob_brought_is_withheld(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve("org/a", {"training_args.bin": EVIL, "a.json": b"{}", "b.bin": b"b"})
    prewarm.manifest(entry('include = ["*"]'))
    done = prewarm("--json")
    assert done.code == 0, done.out
    (note,) = done.entry("org/a")["notes"]
    assert note.startswith("training_args.bin is withheld")
    assert 'unsafe_files = ["training_args.bin"]' in note
    assert not shown(prewarm, "training_args.bin")
    assert shown(prewarm, "b.bin")
    hub.log.clear()
    assert prewarm("check").code == 0
    assert prewarm("--json").code == 0
    assert not hub.log.all()


def test_weights_that_are_needed_are_refused(prewarm: Prewarm, serve: Serve) -> None:
    bert = {"model_type": "bert", "hidden_size": 8, "num_attention_heads": 1, "num_hidden_layers": 1}
    serve(
        "org/a", {"config.json": json.dumps(bert).encode(), "pytorch_model.bin": malicious.zipped({"a/data.pkl": EVIL})}
    )
    for proof in ("load", "files"):
        prewarm.manifest(entry(f'processor_class = false\nproof = "{proof}"'))
        error = prewarm("--json").entry("org/a")["error"]
        assert error["kind"] == "unsafe"
        assert "pytorch_model.bin of org/a runs code" in error["message"]
        assert not shown(prewarm, "pytorch_model.bin")


def test_pickles_that_are_chosen_where_there_are_safetensors_are_noted(prewarm: Prewarm, serve: Serve) -> None:
    bert = {"model_type": "bert", "hidden_size": 8, "num_attention_heads": 1, "num_hidden_layers": 1}
    both = {"model.safetensors": b"s", "pytorch_model.bin": bytes(100)}
    serve("org/a", {"config.json": json.dumps(bert).encode(), **both})
    for key, count in (("use_safetensors = false", 1), ("", 0)):
        prewarm.manifest(entry(f'processor_class = false\nproof = "files"\n{key}'))
        done = prewarm("--json")
        assert done.code == 0, done.out
        assert len([note for note in done.entry("org/a")["notes"] if "there are safetensors" in note]) == count


@pytest.mark.models
def test_what_a_loader_asks_for_is_looked_at_before_it_gets_it(prewarm: Prewarm, serve: Serve, tmp_path: Path) -> None:
    mark = prewarm.folder / "ran"
    serve("org/a", {"a.json": b"{}"})
    serve("org/b", {"head.pkl": malicious.of("os", "system", f"touch {mark}")})
    (prewarm.folder / "loader.py").write_text(
        "import pickle\nfrom huggingface_hub import hf_hub_download\n"
        "def load(repo_id):\n    return pickle.load(open(hf_hub_download('org/b', 'head.pkl'), 'rb'))\n"
    )
    prewarm.manifest(entry('model_class = "loader:load"'))
    error = prewarm("--json").entry("org/a")["error"]
    assert error["kind"] == "unsafe", error
    assert "head.pkl of org/b" in error["message"]
    assert not mark.exists()
    hint = error["hint"]
    prewarm.manifest(entry('model_class = "loader:load"') + hint[hint.index(HINT) :])
    done = prewarm("--json")
    assert done.code == 0, done.out
    assert done.entry("org/a")["status"] == "proven"
    assert not mark.exists(), "what it runs is confined all the same"


def test_an_application_may_open_what_its_entries_trust(prewarm: Prewarm, serve: Serve) -> None:
    import sys

    serve("org/a", {"head.pkl": pickle.dumps(__import__("collections").deque([1]))})
    (prewarm.folder / "app.py").write_text(
        "import pickle\nfrom huggingface_hub import hf_hub_download\n"
        "print(pickle.load(open(hf_hub_download('org/a', 'head.pkl'), 'rb')))\n"
    )
    application = f'[[application]]\nname = "app"\ncommand = ["{sys.executable}", "app.py"]\n'
    prewarm.manifest(entry('include = ["head.pkl"]\nunsafe_files = ["head.pkl"]') + application)
    assert prewarm().code == 0
    prewarm.manifest(application)
    (prewarm.folder / "prewarm.lock").unlink()
    prewarm.environ["HF_HOME"] = str(prewarm.folder / "another")
    done = prewarm("--json")
    assert done.report["applications"][0]["error"]["kind"] == "unsafe"


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ("model_kwargs = { weights_only = false }", "model_kwargs.weights_only"),
        ("processor_kwargs = { allow_pickle = true }", "processor_kwargs.allow_pickle"),
        ("model_kwargs = { inner = { weights_only = false } }", "model_kwargs.inner.weights_only"),
    ],
)
def test_keywords_that_switch_safety_off_need_a_word(prewarm: Prewarm, serve: Serve, keys: str, place: str) -> None:
    serve("org/a", {"a.json": b"{}"})
    prewarm.manifest(entry(f'include = ["*"]\n{keys}'))
    done = prewarm()
    assert done.code == 2
    assert place in done.err
    assert "unsafe = true" in done.err
    prewarm.manifest(entry(f'include = ["*"]\n{keys}\nunsafe = true'))
    assert prewarm().code == 0


@pytest.mark.parametrize("value", ['"head.pkl"', '["*.pkl"]', '["../head.pkl"]', "[1]", '[""]'])
def test_a_file_is_trusted_by_its_path_alone(prewarm: Prewarm, value: str) -> None:
    prewarm.manifest(entry(f"unsafe_files = {value}"))
    done = prewarm()
    assert done.code == 2
    assert "unsafe_files" in done.err
