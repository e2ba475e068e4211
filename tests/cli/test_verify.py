"""``prewarm verify``: every byte again, every entry again, and nobody is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Prewarm
from prewarm.localhub import LocalHub, Repository

Serve = Callable[..., Repository]
DATA = '[[advanced]]\nid = "org/files"\ninclude = ["*"]\n'
MORE = DATA.replace("org/files", "org/more")


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory, zoo_hub: LocalHub) -> Prewarm:
    prewarm = Prewarm(tmp_path_factory.mktemp("proven"), zoo_hub.url)
    prewarm.manifest('simple = ["zoo/text"]\n[[advanced]]\nid = "zoo/custom-code"\ntrust_remote_code = true\n')
    done = prewarm()
    assert done.code == 0, done.err
    return prewarm


def flip(path: Path) -> None:
    """Change one byte, and nothing that a look at the folder would tell."""
    blob = path.resolve()
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.write_bytes(content)


def test_a_whole_cache_is_proven_again_without_a_request(proven: Prewarm, zoo_hub: LocalHub) -> None:
    zoo_hub.log.clear()
    done = proven("verify")
    assert done.code == 0, done.err
    assert "hashing 10 files, " in done.err
    assert done.err.count("loading offline") == 2, "what is remembered is not enough"
    assert "2 of 2 entries ready" in done.out
    assert zoo_hub.log.all() == []


def test_with_the_network_cut_it_passes_and_so_does_the_application(proven: Prewarm) -> None:
    """In a network namespace of its own, in which even loopback is down."""
    cut = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*cut, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody make a network namespace")
    done = subprocess.run(
        [*cut, *proven.command("verify", "-q")],
        cwd=proven.folder,
        env=proven.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    application = (
        "import socket\n"
        "try:\n    socket.create_connection(('127.0.0.1', 9), timeout=1)\n"
        "except OSError as error:\n    print(error.errno)\n"
        "from transformers import AutoModel, AutoProcessor\n"
        "print(type(AutoModel.from_pretrained('zoo/text')).__name__, len(AutoProcessor.from_pretrained('zoo/text')))"
    )
    started = subprocess.run(
        [*cut, *proven.command("run", "--", sys.executable, "-c", application)],
        cwd=proven.folder,
        env=proven.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 0, started.stderr
    assert started.stdout.split()[-2:] == ["BertModel", "305"]
    assert started.stdout.split()[0] == "101", "the network is unreachable, loopback included"


def test_damaged_and_missing_files_are_named_and_the_others_proven(prewarm: Prewarm, serve: Serve) -> None:
    serve(files={"a.txt": b"a" * 1000, "b.txt": b"b" * 1000, "c.txt": b"c" * 1000})
    serve("org/more")
    prewarm.manifest(DATA + MORE)
    prewarm("-q")
    flip(next(prewarm.cache.rglob("snapshots/*/a.txt")))
    flip(next(prewarm.cache.rglob("snapshots/*/b.txt")))
    next(prewarm.cache.rglob("snapshots/*/c.txt")).resolve().unlink()
    assert prewarm("check", "--only", "org/files", "--json").report["entries"][0]["missing"] == ["c.txt"], (
        "the sizes of the others are right"
    )
    done = prewarm("verify")
    assert done.code == 1
    assert "org/files: corrupt: a.txt, b.txt are damaged; c.txt is missing" in done.out
    assert "try: prewarm verify --repair" in done.out
    assert "1 of 2 entries ready" in done.out
    entry = prewarm("verify", "--json").entry("org/files")
    assert entry["missing"] == ["a.txt", "b.txt", "c.txt"]
    assert "failed  org/files" in prewarm("check").out, "a check remembers it"


def test_an_ordinary_run_mends_what_a_verify_has_found(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve(files={"a.txt": b"a" * 1000, "b.txt": b"b" * 2000})
    prewarm.manifest(DATA)
    prewarm("-q")
    flip(next(prewarm.cache.rglob("snapshots/*/b.txt")))
    assert prewarm("verify", "-q").code == 1
    assert prewarm("check", "-q").code == 1
    hub.log.clear()
    assert prewarm("-q").code == 0
    assert [request.path.rsplit("/", 1)[-1] for request in hub.log.metered()] == ["b.txt"]
    assert prewarm("verify", "-q").code == 0


def test_repair_fetches_just_those(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve(files={"a.txt": b"a" * 1000, "b.txt": b"b" * 2000, "c.txt": b"c" * 3000})
    prewarm.manifest(DATA)
    prewarm("-q")
    flip(next(prewarm.cache.rglob("snapshots/*/b.txt")))
    hub.log.clear()
    done = prewarm("verify", "--repair", "--json")
    assert done.code == 0, done.err
    assert done.entry("org/files")["downloaded_bytes"] == 2000
    assert [request.path.rsplit("/", 1)[-1] for request in hub.log.metered()] == ["b.txt"]
    assert next(prewarm.cache.rglob("snapshots/*/b.txt")).read_bytes() == b"b" * 2000
    assert prewarm("verify", "-q").code == 0
    assert prewarm("check", "-q").code == 0


def test_a_damaged_weight_takes_its_proof_back(proven: Prewarm, tmp_path: Path) -> None:
    shutil.copytree(proven.folder, tmp_path / "copy", symlinks=True)
    copy = Prewarm(tmp_path / "copy", proven.environ["HF_ENDPOINT"])
    flip(next(copy.cache.rglob("models--zoo--text/snapshots/*/model.safetensors")))
    assert copy("check").code == 0, "only the bytes tell"
    assert copy("verify", "-q").code == 1
    assert copy("check", "-q").code == 1
    assert copy("verify", "-q", "--repair").code == 0
    assert copy("check", "-q").code == 0


def test_without_a_lock_the_names_of_the_blobs_tell(proven: Prewarm, tmp_path: Path) -> None:
    shutil.copytree(proven.folder, tmp_path / "copy", symlinks=True)
    copy = Prewarm(tmp_path / "copy", "http://127.0.0.1:9")
    (copy.folder / "prewarm.lock").unlink()
    assert copy("verify", "-q", "--only", "zoo/text").code == 0
    flip(next(copy.cache.rglob("models--zoo--text/snapshots/*/vocab.txt")))
    done = copy("verify", "--only", "zoo/text")
    assert done.code == 1
    assert "vocab.txt is damaged" in done.out


def test_what_is_locked_and_was_never_fetched_is_missing(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(DATA)
    prewarm("lock", "-q")
    entry = prewarm("verify", "--json").entry("org/files")
    assert (entry["status"], entry["missing"], entry["error"]) == ("missing", ["one.txt", "two.bin"], None)
    assert prewarm("verify", "-q", "--repair").code == 0


def test_what_was_never_fetched_is_said(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    prewarm.manifest(DATA)
    done = prewarm("verify")
    assert done.code == 1
    assert "it is neither locked nor in the cache" in done.out
    assert hub.log.all() == []
