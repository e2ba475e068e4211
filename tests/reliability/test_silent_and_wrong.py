"""What is ready is right: whoever else writes, whatever a listing leaves out, whatever a model's code says."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from outcomes import ALL, Serve

import own_code
from conftest import Prewarm
from prewarm.cache import claims
from prewarm.cache.partial import PartialFile
from prewarm.localhub import LocalHub, Mirror
from prewarm.records.listing import Digest, RepoFile
from prewarm.wire.answers import Answer, json_answer

LARGE = hashlib.sha256(b"seed").digest() * 180_000
BIG = RepoFile(
    path="a.bin", size=len(LARGE), digest=Digest(algorithm="sha256", value=hashlib.sha256(LARGE).hexdigest())
)

# flock succeeds for everybody, as on some network file systems: of the system's own, and of filelock.
NO_LOCKS = "import fcntl\nfcntl.flock = lambda descriptor, operation: None\n"


def without_locks(prewarm: Prewarm) -> dict[str, str]:
    folder = prewarm.folder / "no-locks"
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(NO_LOCKS)
    return {**prewarm.environ, "PYTHONPATH": str(folder)}


def is_right(prewarm: Prewarm, content: bytes = LARGE) -> bool:
    blobs = list(prewarm.cache.glob(f"models--org--files/blobs/{hashlib.sha256(content).hexdigest()}"))
    return len(blobs) == 1 and blobs[0].read_bytes() == content


# --- A lock that locks nobody ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("killed_after_s", [0.8, 1.2, 1.6])
def test_a_second_run_that_is_killed_harms_no_first_one(
    prewarm: Prewarm, serve: Serve, hub: LocalHub, killed_after_s: float
) -> None:
    serve(files={"a.bin": LARGE})
    hub.bytes_per_s = 3e6
    prewarm.manifest(ALL)
    env = without_locks(prewarm)

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            prewarm.command("--workers", "1", "--no-lock"),
            cwd=prewarm.folder,
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    first = start()
    time.sleep(0.5)
    second = start()
    time.sleep(killed_after_s)
    second.kill()
    second.communicate()
    said, _ = first.communicate(timeout=60)
    assert first.returncode == 0, said
    assert is_right(prewarm)


def test_many_runs_without_locks_end_with_one_right_file(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve(files={"a.bin": LARGE})
    hub.bytes_per_s = 2e7
    prewarm.manifest(ALL)
    env = without_locks(prewarm)
    runs = [
        subprocess.Popen(prewarm.command("--no-lock", "-q"), cwd=prewarm.folder, env=env, stderr=subprocess.PIPE)
        for _ in range(5)
    ]
    said = [run.communicate(timeout=60)[1] for run in runs]
    assert [run.returncode for run in runs] == [0] * 5, said
    assert is_right(prewarm)
    assert not list(prewarm.cache.rglob("*.incomplete"))


def partial(folder: Path, *, is_alone: bool = True) -> PartialFile:
    return PartialFile(folder / BIG.digest.value, BIG, is_alone=is_alone, wrote=lambda count: None)


def at_rest(folder: Path) -> Path:
    """A partial file of an earlier run."""
    sink = partial(folder)
    sink.write(0, LARGE[:5_000_000])
    sink.close()
    return claims.resting(folder / BIG.digest.value)


def test_a_part_is_taken_over_by_one_of_several(tmp_path: Path) -> None:
    at_rest(tmp_path)
    sinks: list[PartialFile] = []
    threads = [threading.Thread(target=lambda: sinks.append(partial(tmp_path, is_alone=False))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(sink.missing()) and sink.missing()[0][0] for sink in sinks) == [0] * 7 + [5_000_000]
    for sink in sinks:
        sink.close()


@pytest.mark.parametrize("kind", ["symlink", "hard link", "folder", "fifo", "another user's"])
def test_what_somebody_has_put_there_is_not_touched(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs, victim = tmp_path / "blobs", tmp_path / "victim"
    blobs.mkdir()
    victim.write_bytes(b"precious" * 1000)
    rest = claims.resting(blobs / BIG.digest.value)
    journal = {"digest": BIG.digest.value, "size": BIG.size, "boot": "", "written": [[0, 8000]], "synced": [[0, 8000]]}
    claims.journal_of(rest).write_text(json.dumps(journal))
    if kind == "symlink":
        rest.symlink_to(victim)
    elif kind == "hard link":
        rest.hardlink_to(victim)
    elif kind == "folder":
        rest.mkdir()
    elif kind == "fifo":
        os.mkfifo(rest)
    else:
        rest.write_bytes(b"precious" * 1000)
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    sink = partial(blobs)
    assert sink.missing() == [(0, BIG.size)]
    sink.write(0, LARGE)
    sink.finish()
    assert (blobs / BIG.digest.value).read_bytes() == LARGE
    assert victim.read_bytes() == b"precious" * 1000
    assert os.path.lexists(rest), "nobody's but theirs"


def test_a_part_that_is_replaced_while_it_arrives_gets_no_name(tmp_path: Path) -> None:
    from prewarm.records.errors import CacheError

    sink = partial(tmp_path)
    sink.write(0, LARGE)
    (mine,) = tmp_path.glob("*.incomplete")
    mine.unlink()
    mine.write_bytes(b"x" * len(LARGE))
    with pytest.raises(CacheError, match="was taken away"):
        sink.finish()
    assert not (tmp_path / BIG.digest.value).exists()


# --- Listings cut short ----------------------------------------------------------------------------------------------


def info_with(change: Callable[[list[Any]], list[Any]]) -> Callable[[str, str, Answer], Answer]:
    def altered(origin: str, path: str, answer: Answer) -> Answer:
        if "/revision/" not in path:
            return answer
        said = json.loads(answer.body if isinstance(answer.body, bytes) else b"")
        return json_answer({**said, "siblings": change(said["siblings"])})

    return altered


@pytest.mark.parametrize("kept", [0, 100, 1000, 1200])
def test_a_list_of_names_that_is_cut_is_completed(prewarm: Prewarm, serve: Serve, hub: LocalHub, kept: int) -> None:
    serve(files={f"{number:04}.txt": b"%d" % number for number in range(1500)})
    hub.behind(Mirror(alter=info_with(lambda siblings: siblings[:kept])))
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["14*.txt"]\n')
    result = prewarm("--json")
    assert result.code == 0, result.err
    assert result.report["totals"]["files"] == 100


def test_a_list_that_names_more_than_the_tree_is_refused(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve(files={f"{number:04}.txt": b"%d" % number for number in range(99)})
    more = info_with(lambda siblings: [*siblings, {"rfilename": "lost.txt", "size": 1, "blobId": "0" * 40}])
    hub.behind(Mirror(alter=more))
    prewarm.manifest(ALL)
    result = prewarm("--json")
    assert result.code == 1
    assert "one of its listings has lost.txt" in result.entry("org/files")["error"]["message"]


DEEP = {"top.txt": b"t", "a/one.txt": b"1", "a/b/two.txt": b"2", "a/b/c/three.txt": b"3", "d/four.bin": b"4"}


@pytest.mark.parametrize("siblings", ["whole", "none", "folders"])
def test_a_proxy_that_drops_queries(prewarm: Prewarm, serve: Serve, hub: LocalHub, siblings: str) -> None:
    serve(files=DEEP)
    tops = [{"rfilename": name} for name in ("top.txt", "a", "d")]
    changed: dict[str, Callable[[list[Any]], list[Any]]] = {
        "whole": lambda found: found,
        "none": lambda found: [],
        "folders": lambda found: tops,
    }
    hub.behind(Mirror(drops_query=True, alter=info_with(changed[siblings])))
    prewarm.manifest(ALL)
    result = prewarm("--json")
    assert result.code == 0, result.err
    assert result.report["totals"]["files"] == len(DEEP)


def test_a_proxy_that_drops_the_next_page_is_told(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve(files={f"{number:02}.txt": b"%d" % number for number in range(30)})
    hub.routes.tree_page = 10
    hub.behind(Mirror(drops_query=True))
    prewarm.manifest(ALL)
    result = prewarm("--json")
    assert result.code == 1
    assert "again and again" in result.entry("org/files")["error"]["message"]


def test_an_ordinary_listing_is_asked_once(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve(files={f"{number}.txt": b"%d" % number for number in range(7)})
    prewarm.manifest(ALL)
    assert prewarm().code == 0
    assert len(hub.log.metered(containing="/api/")) == 1


# --- Proofs ----------------------------------------------------------------------------------------------------------

LENIENT = """
import json
from pathlib import Path
from huggingface_hub import hf_hub_download

class Lenient:
    def __init__(self, repo_id, **given):
        hf_hub_download(repo_id, "config.json")
        try:
            hf_hub_download(repo_id, "model_head.pkl")
            self.head = "trained"
        except Exception:
            self.head = "made up"
"""


def lenient(prewarm: Prewarm, serve: Serve) -> None:
    (prewarm.folder / "lenient.py").write_text(LENIENT)
    serve(
        "org/head",
        files={
            "config.json": b'{"model_type": "bert"}',
            "model.safetensors": b"x",
            "model_head.pkl": pickle.dumps("h"),
        },
    )
    prewarm.manifest('[[advanced]]\nid = "org/head"\nmodel_class = "lenient:Lenient"\n')


@pytest.mark.models
@pytest.mark.parametrize("first", ["lock", "check"])
def test_a_file_that_a_lenient_loader_does_without_is_found(
    prewarm: Prewarm, serve: Serve, hub: LocalHub, first: str
) -> None:
    lenient(prewarm, serve)
    prewarm(first)
    assert prewarm("--locked").code == 2, "what it opens is not known before it is loaded"
    result = prewarm("--json")
    assert result.code == 0, result.err
    assert prewarm("--locked").code == 0
    assert list(prewarm.cache.glob("models--org--head/snapshots/*/model_head.pkl"))


@pytest.mark.models
def test_a_lenient_loader_proves_nothing_while_nobody_can_be_asked(
    prewarm: Prewarm, serve: Serve, hub: LocalHub
) -> None:
    lenient(prewarm, serve)
    assert prewarm("lock").code == 0
    assert prewarm("--proof", "files").code == 0
    result = prewarm("--json", env={"HF_ENDPOINT": "http://127.0.0.1:1"})
    assert result.code == 1
    assert result.entry("org/head")["error"]["kind"] == "unreachable"
    assert prewarm("check").code == 1
    hub.log.clear()
    assert prewarm().code == 0
    assert list(prewarm.cache.glob("models--org--head/snapshots/*/model_head.pkl"))


@pytest.mark.models
@pytest.mark.parametrize("is_listed", [True, False])
def test_a_proof_that_looked_for_more_says_that_nobody_could_be_asked(
    zoo_prewarm: Prewarm, is_listed: bool, zoo_hub: LocalHub
) -> None:
    """What a class of transformers looked for is not locked: a lock of an older prewarm, or of older libraries."""
    zoo_prewarm.manifest('simple = ["zoo/text"]\n')
    assert zoo_prewarm().code == 0
    path = zoo_prewarm.folder / "prewarm.lock"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if not line.startswith("absent")) + "\n")
    for mark in zoo_prewarm.cache.glob("*/.no_exist/*/*"):
        mark.unlink()
    away = {} if is_listed else {"HF_ENDPOINT": "http://127.0.0.1:1"}
    result = zoo_prewarm("--prove", "--json", env=away)
    assert result.code == 0, result.err
    assert ("nobody could be asked" in str(result.entry("zoo/text")["notes"])) is not is_listed


@pytest.mark.models
def test_what_is_known_to_be_absent_is_not_asked_about_again(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    (prewarm.folder / "lenient.py").write_text(LENIENT)
    serve("org/head", files={"config.json": b'{"model_type": "bert"}', "model.safetensors": b"x"})
    prewarm.manifest('[[advanced]]\nid = "org/head"\nmodel_class = "lenient:Lenient"\n')
    assert prewarm().code == 0
    assert "model_head.pkl" in (prewarm.folder / "prewarm.lock").read_text()
    hub.log.clear()
    assert prewarm("--prove").code == 0
    assert not hub.log.all()


# --- Code of repositories --------------------------------------------------------------------------------------------


def copies(prewarm: Prewarm) -> Path:
    commit = (prewarm.cache / "models--org--own" / "refs" / "main").read_text()
    return prewarm.home / "modules" / "transformers_modules" / "org" / "own" / commit


@pytest.mark.models
def test_code_that_was_copied_earlier_and_altered_does_not_run(
    prewarm: Prewarm, serve: Serve, own_weights: bytes
) -> None:
    serve("org/own", files=own_code.repository(own_weights))
    prewarm.manifest(own_code.ENTRY)
    result = prewarm("--json")
    assert result.code == 0, result.out
    copy = copies(prewarm)
    copy.mkdir(parents=True)
    (copy / "__init__.py").touch()
    (copy / "own.py").write_text(own_code.CODE + f"\nopen({str(prewarm.folder / 'ran')!r}, 'w').close()\n")
    checked = prewarm("check")
    assert checked.code == 1
    assert "transformers' copy of the code of org/own is not what is locked" in checked.out
    mended = prewarm("--prove", "--json")
    assert mended.code == 0, mended.out
    assert "taken away" in str(mended.entry("org/own")["notes"])
    assert not copy.exists()
    assert not (prewarm.folder / "ran").exists()
    assert prewarm("check").code == 0


@pytest.mark.models
def test_code_that_the_proof_adds_is_locked_by_its_content(prewarm: Prewarm, serve: Serve, own_weights: bytes) -> None:
    sneaky = own_code.CODE.replace(
        "from .parts import WIDTH",
        "import huggingface_hub\nWIDTH = 4\n"
        "for name in ('ext' + 'ra.py',):\n    huggingface_hub.hf_hub_download('org/own', name)\n",
    )
    serve("org/own", files={**own_code.repository(own_weights, sneaky), "extra.py": b"X = 1\n"})
    prewarm.manifest(own_code.ENTRY)
    result = prewarm("--json")
    assert result.code == 0, result.out
    sha256 = hashlib.sha256(b"X = 1\n").hexdigest()
    lock = (prewarm.folder / "prewarm.lock").read_text()
    (line,) = [line for line in lock.splitlines() if '"extra.py"' in line]
    assert sha256 in line
    (found,) = prewarm.cache.glob("models--org--own/snapshots/*/extra.py")
    blob = found.resolve()
    blob.write_bytes(b"X = 2\n")
    again = prewarm("--prove", "--json")
    assert again.code == 1
    assert "extra.py of org/own is not the code that was locked" in again.entry("org/own")["error"]["message"]


@pytest.mark.models
def test_code_of_one_entry_answers_for_no_other(prewarm: Prewarm, serve: Serve, own_weights: bytes) -> None:
    patching = own_code.CODE + (
        "\nclass Fine:\n"
        "    @classmethod\n    def from_pretrained(cls, *args, **given): return cls()\n"
        "for name in ('AutoModel', 'BertModel', 'AutoTokenizer', 'AutoProcessor', 'AutoConfig'):\n"
        "    setattr(transformers, name, Fine)\n"
        "import sys\nfor name, module in list(sys.modules.items()):\n"
        "    if name.startswith('prewarm.proof.inside'):\n"
        "        for word in ('inspect_entry', 'load_model', 'load_processor'):\n"
        "            if hasattr(module, word): setattr(module, word, lambda *args: ({} if word == 'inspect_entry' else None))\n"
    )
    serve("org/own", files=own_code.repository(own_weights, patching))
    serve("org/garbage", files={"config.json": b'{"model_type": "bert"}', "model.safetensors": b"garbage"})
    other = '[[advanced]]\nid = "org/garbage"\nprocessor_class = false\n'
    for text in (own_code.ENTRY + other, other + own_code.ENTRY):
        prewarm.manifest(text)
        result = prewarm("--json", "--prove")
        assert result.code == 1
        assert result.entry("org/garbage")["status"] == "failed"
        assert prewarm("check", "--only", "org/garbage").code == 1


@pytest.mark.models
@pytest.mark.parametrize("how", ["answer", "bell", "exit", "silence"])
def test_code_that_forges_its_answer_fails_alone(prewarm: Prewarm, serve: Serve, own_weights: bytes, how: str) -> None:
    forging = {
        "answer": "import json\nfor frame in [f.f_locals for f in frames() if 'path' in f.f_locals]:\n"
        "    p = frame['path']\n    open(str(p) + '.answer', 'w').write('[' * 99999)\n"
        "for f in frames():\n    if 'bell_out' in f.f_locals:\n        f.f_locals['bell_out'].write(f.f_locals['line'])\n        f.f_locals['bell_out'].flush()\n"
        "import time; time.sleep(30)\n",
        "bell": "for f in frames():\n    if 'bell_out' in f.f_locals:\n        f.f_locals['bell_out'].write('/etc/passwd\\n')\n        f.f_locals['bell_out'].flush()\nimport time; time.sleep(30)\n",
        "exit": "import os; os.write(2, b'\\x1b[2Jlast words\\x9b'); os._exit(0)\n",
        "silence": "import time; time.sleep(600)\n",
    }[how]
    start = "import sys\ndef frames():\n    f = sys._getframe()\n    while f: yield f; f = f.f_back\n"
    serve("org/own", files=own_code.repository(own_weights, start + forging + own_code.CODE))
    serve()
    prewarm.manifest(own_code.ENTRY + ALL)
    result = prewarm("--json", "--proof-timeout", "20s")
    assert result.code == 1
    assert result.entry("org/files")["ready"]
    error = result.entry("org/own")["error"]
    assert error["kind"] in ("load-error", "timeout")
    assert error["message"].isprintable()
    assert not list(prewarm.temporary.iterdir())


def test_the_suite_runs_on_a_file_system_with_locks(tmp_path: Path) -> None:
    from prewarm.cache.file_lock import locked
    from prewarm.flow.stop import Stop

    with locked(tmp_path / "lock", Stop(), lambda holder, waited_s: None) as is_held:
        assert is_held
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            NO_LOCKS + "from pathlib import Path\nfrom prewarm.cache.file_lock import locked\n"
            "from prewarm.flow.stop import Stop\n"
            f"with locked(Path({str(tmp_path / 'lock')!r}), Stop(), lambda holder, waited_s: None) as is_held:\n    print(is_held)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n", "a lock that everybody gets is none"
