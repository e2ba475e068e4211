"""Caches as they are found: read-only, of others, without links, half of it in the way, with what the dead have left."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from outcomes import ALL, Serve, error_of

from conftest import Prewarm, Result
from prewarm.localhub import Fault, LocalHub, Repository
from prewarm.worker import processes

FILES = {"config.json": b'{"model_type": "bert"}', "sub/one.txt": b"1" * 1000, "two.bin": bytes(range(256)) * 40}
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
as_root = pytest.mark.skipif(
    not IS_ROOT, reason="only root can be two others; modes are looked at by whoever runs this"
)
OTHER = 4242


def by_hf(prewarm: Prewarm, **env: str) -> None:
    """What ``hf download`` leaves."""
    done = prewarm.python("from huggingface_hub import snapshot_download\nsnapshot_download('org/files')", **env)
    assert done.code == 0, done.err


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.lstat().st_mtime_ns) for path in folder.rglob("*")
    }


@pytest.fixture
def refusing(prewarm: Prewarm) -> Callable[[], dict[str, str]]:
    """Makes everything below the cache refuse to be written, for root as well, as a read-only mount does."""

    def env() -> dict[str, str]:
        folder = prewarm.folder / "read-only"
        folder.mkdir(exist_ok=True)
        (folder / "sitecustomize.py").write_text(
            "import errno, os, builtins, io, pathlib\n"
            f"ROOT = {str(prewarm.home)!r}\n"
            "def below(path):\n"
            "    try: return os.path.abspath(os.fspath(path)).startswith(ROOT)\n"
            "    except TypeError: return False\n"
            "def refusing(name, places=(0,)):\n"
            "    real = getattr(os, name)\n"
            "    def call(*args, **given):\n"
            "        if any(below(args[at]) for at in places if at < len(args)):\n"
            "            raise OSError(errno.EROFS, 'Read-only file system', args[0])\n"
            "        return real(*args, **given)\n"
            "    setattr(os, name, call)\n"
            "for name in ('mkdir', 'unlink', 'remove', 'rmdir', 'chmod', 'utime'): refusing(name)\n"
            "for name in ('rename', 'replace', 'link', 'symlink'): refusing(name, (0, 1))\n"
            "real_open = os.open\n"
            "def open_(path, flags, *args, **given):\n"
            "    if below(path) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):\n"
            "        raise OSError(errno.EROFS, 'Read-only file system', path)\n"
            "    return real_open(path, flags, *args, **given)\n"
            "os.open = open_\n"
            "real_io = io.open\n"
            "def io_open(file, mode='r', *args, **given):\n"
            "    if below(file) and set(mode) & set('wax+'):\n"
            "        raise OSError(errno.EROFS, 'Read-only file system', file)\n"
            "    return real_io(file, mode, *args, **given)\n"
            "io.open = builtins.open = pathlib.io.open = io_open\n"
            "if hasattr(pathlib, '_NormalAccessor'): pass\n"
        )
        return {"PYTHONPATH": str(folder)}

    return env


@pytest.mark.parametrize("has_marks", [False, True], ids=["no marks", "marks"])
@pytest.mark.parametrize("has_lock", [False, True], ids=["not locked", "locked"])
def test_a_read_only_cache_that_hf_has_filled_is_ready(
    prewarm: Prewarm, serve: Serve, refusing: Callable[[], dict[str, str]], has_marks: bool, has_lock: bool
) -> None:
    serve(files=FILES)
    by_hf(prewarm)
    prewarm.manifest('[[advanced]]\nid = "org/files"\nmodel_class = false\nprocessor_class = false\ninclude = ["*"]\n')
    if has_lock:
        assert prewarm("lock").code == 0
    for mark in prewarm.cache.glob("*/.no_exist"):
        if not has_marks:
            shutil.rmtree(mark)
    before = tree(prewarm.home)
    for command in ([], ["verify"], ["check"]):
        result = prewarm(*command, env=refusing())
        assert result.code == 0, result.out + result.err
    assert tree(prewarm.home) == before


@pytest.mark.models
def test_a_model_in_a_read_only_cache_is_proven(
    prewarm: Prewarm, hub: LocalHub, minilm: Path, refusing: Callable[[], dict[str, str]]
) -> None:
    repository = Repository(repo_id="org/files")
    repository.commit_folder(minilm)
    hub.add(repository)
    by_hf(prewarm)
    prewarm.manifest('simple = ["org/files"]\n')
    result = prewarm("--json", env=refusing())
    assert result.code == 0, result.out + result.err
    assert result.entry("org/files")["status"] == "proven"


def test_what_is_missing_from_a_read_only_cache_is_said(
    prewarm: Prewarm, serve: Serve, refusing: Callable[[], dict[str, str]]
) -> None:
    serve(files=FILES)
    prewarm.cache.mkdir(parents=True)
    prewarm.manifest(ALL)
    error = error_of(prewarm("--json", env=refusing()))
    assert "is on a disk that is read-only" in error["message"]


# --- Two users -------------------------------------------------------------------------------------------------------


ACTIONS = {
    "hf": "snapshot_download('org/files', cache_dir=constants.HF_HUB_CACHE)\n    return 0",
    "prewarm": "return main(['--json'])",
}


def run_as(prewarm: Prewarm, user: int, umask: int, action: str) -> Result:
    """Do it as another user, after all that it imports was imported: that may lie where only root can read."""
    scratch = prewarm.folder.parent / f"prewarm-scratch-{os.getpid()}-{time.monotonic_ns()}"
    code = (
        "import os, sys\nimport huggingface_hub.constants as constants\nfrom huggingface_hub import snapshot_download\n"
        "from prewarm.cli.main import main\nimport prewarm.audit.look, prewarm.audit.pickles\n"
        f"def act(home):\n    constants.HF_HOME, constants.HF_HUB_CACHE = home, home + '/hub'\n    {ACTIONS[action]}\n"
        f"act({str(scratch)!r})\n"
        f"sys.stdout.flush(); os.umask({umask}); os.setgroups([]); os.setegid({OTHER}); os.seteuid({user})\n"
        f"sys.exit(act({str(prewarm.home)!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=prewarm.folder,
        env=prewarm.environ,
        text=True,
        capture_output=True,
        check=False,
        timeout=120,
    )
    shutil.rmtree(scratch, ignore_errors=True)
    return Result(code=done.returncode, out=done.stdout, err=done.stderr)


HF = "from huggingface_hub import snapshot_download\nsnapshot_download('org/files')"
PREWARM = "import sys\nfrom prewarm.cli.main import main\nsys.exit(main(['--json']))"


@pytest.fixture
def shared(prewarm: Prewarm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prewarm]:
    """A folder that two users of one group may enter."""
    folder = Path("/tmp") / f"prewarm-shared-{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    made = Prewarm(folder, prewarm.environ["HF_ENDPOINT"])
    made.environ["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
    yield made
    for one in (folder, made.temporary):
        shutil.rmtree(one, ignore_errors=True)


@as_root
@pytest.mark.parametrize("umask", [0o022, 0o002])
@pytest.mark.parametrize("first", ["hf", "prewarm"])
def test_what_one_user_has_fetched_another_one_uses(shared: Prewarm, serve: Serve, umask: int, first: str) -> None:
    serve(files=FILES)
    shared.manifest(ALL)
    second = "prewarm" if first == "hf" else "hf"
    made = run_as(shared, OTHER, umask, first)
    assert made.code == 0, made.err
    owners = {path.lstat().st_uid for path in shared.cache.rglob("*/blobs/*")}
    assert owners == {OTHER}
    used = run_as(shared, OTHER + 1, umask, second)
    assert used.code == 0, used.out + used.err
    again = run_as(shared, OTHER + 1, umask, "prewarm")
    assert again.code == 0, again.out + again.err
    assert "bug" not in again.err


@as_root
@pytest.mark.parametrize("umask", [0o022, 0o002])
def test_what_another_user_has_left_half_is_fetched(shared: Prewarm, serve: Serve, hub: LocalHub, umask: int) -> None:
    serve(files={"large.bin": bytes(range(256)) * 30_000})
    shared.manifest(ALL)
    hub.faults.add(Fault(path="*large.bin", kind="cut-at", at_byte=5_000_000, count=0))
    # The folder's own first run is as root, into a cache of its own: it fails as the other does.
    assert run_as(shared, OTHER, umask, "prewarm").code == 1
    (left,) = shared.cache.rglob("*.incomplete")
    assert left.lstat().st_uid == OTHER
    hub.faults.clear()
    result = run_as(shared, OTHER + 1, umask, "prewarm")
    if umask == 0o022:
        # The folders are the other's alone.
        assert "may not be used by this user" in result.out
    else:
        assert result.code == 0, result.out + result.err
    assert left.exists(), "theirs"


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_modes_are_huggingface_hubs(prewarm: Prewarm, serve: Serve, tmp_path: Path, umask: int) -> None:
    serve(files=FILES)
    modes: list[dict[str, int]] = []
    for name, code in (("hf", HF), ("prewarm", PREWARM)):
        folder = tmp_path / name
        folder.mkdir()
        one = Prewarm(folder, prewarm.environ["HF_ENDPOINT"])
        one.manifest(ALL)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, env=one.environ, umask=umask, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        kept = ("blobs/", "snapshots/", "refs/", ".locks/")
        modes.append(
            {
                str(path.relative_to(one.cache)): stat.S_IMODE(path.lstat().st_mode)
                for path in one.cache.rglob("*")
                if any(part in f"{path.relative_to(one.cache)}/" for part in kept)
            }
        )
    common = modes[0].keys() & modes[1].keys()
    assert len(common) >= 8
    assert {path: modes[0][path] for path in common} == {path: modes[1][path] for path in common}


# --- Without links ---------------------------------------------------------------------------------------------------

NO_SYMLINKS = (
    "import os\ndef refused(*args, **given): raise OSError(1, 'Operation not permitted')\nos.symlink = refused\n"
)
NO_LINKS = NO_SYMLINKS + "os.link = refused\n"


def bytes_on_disk(folder: Path) -> int:
    files = {
        (path.stat().st_ino): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    return sum(files.values())


@pytest.mark.parametrize("how", ["no symlinks", "no links", "HF_HUB_DISABLE_SYMLINKS"])
def test_one_copy_of_each_file_is_on_the_disk(prewarm: Prewarm, serve: Serve, how: str) -> None:
    large = {**FILES, "large.bin": os.urandom(6_000_000)}
    serve(files=large)
    folder = prewarm.folder / "links"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text({"no symlinks": NO_SYMLINKS, "no links": NO_LINKS}.get(how, ""))
    env = {"PYTHONPATH": str(folder), **({how: "1"} if how.startswith("HF_") else {})}
    prewarm.manifest(ALL)
    result = prewarm("--json", env=env)
    assert result.code == 0, result.err
    repository = prewarm.cache / "models--org--files"
    assert not [path for path in repository.rglob("*") if path.is_symlink()]
    assert bytes_on_disk(repository) < sum(map(len, large.values())) + 20_000
    for command in ([], ["check"], ["verify"]):
        assert prewarm(*command, env=env).code == 0
    offline = prewarm.python(
        "from huggingface_hub import hf_hub_download\n"
        f"print([len(open(hf_hub_download('org/files', name), 'rb').read()) for name in {list(large)!r}])",
        HF_HUB_OFFLINE="1",
        **env,
    )
    assert offline.out.strip() == str([len(content) for content in large.values()]), offline.err


@pytest.mark.parametrize("how", ["cp -rL", "snapshots alone"])
def test_a_copy_without_links_is_used_without_a_lock_and_a_hub(
    prewarm: Prewarm, tmp_path: Path, hub: LocalHub, how: str
) -> None:
    repository = Repository(repo_id="org/files")
    repository.commit({"config.json": b'{"model_type": "bert"}', "model.safetensors": b"weights" * 1000})
    hub.add(repository)
    prewarm.manifest('[[advanced]]\nid = "org/files"\nprocessor_class = false\nproof = "files"\n')
    assert prewarm().code == 0
    copy = Prewarm(tmp_path / "copy", "http://127.0.0.1:1")
    copy.folder.mkdir()
    shutil.copytree(prewarm.cache, copy.cache, symlinks=False)
    if how == "snapshots alone":
        shutil.rmtree(copy.cache / "models--org--files" / "blobs")
    copy.manifest((prewarm.folder / "prewarm.toml").read_text())
    for command in (["check"], ["verify"], []):
        result = copy(*command)
        assert result.code == 0, result.out + result.err


# --- Names -----------------------------------------------------------------------------------------------------------

LONG = "é" * 200 + ".txt"


def test_a_name_that_no_folder_holds_refuses_nobody_who_does_not_need_it(prewarm: Prewarm, serve: Serve) -> None:
    serve(files={**FILES, LONG: b"x", "a\nb.txt": b"y", "back\\slash": b"z"})
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*.json", "*.bin"]\n')
    assert prewarm().code == 0
    prewarm.manifest(ALL)
    error = error_of(prewarm("--json"))
    assert error["kind"] == "unsafe"
    assert "no folder here can hold" in error["message"]
    assert error["message"].isprintable()
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*"]\nexclude = ["é*", "a*", "back*"]\n')
    assert prewarm().code == 0


@pytest.mark.parametrize("name", ["é" * 127, "a" * 255, "日" * 85, "x" * 251 + ".txt"])
def test_names_as_long_as_names_can_be(prewarm: Prewarm, serve: Serve, name: str) -> None:
    serve(files={name: b"x"})
    prewarm.manifest(ALL)
    result = prewarm()
    assert result.code == 0, result.err
    assert prewarm("check").code == 0


# --- Locks that are held ---------------------------------------------------------------------------------------------


def test_a_lock_that_is_held_is_waited_for_so_long(prewarm: Prewarm, serve: Serve) -> None:
    from filelock import FileLock

    content = FILES["two.bin"]
    serve(files={"two.bin": content})
    prewarm.manifest(ALL)
    lock = prewarm.cache / ".locks" / "models--org--files" / f"{hashlib.sha256(content).hexdigest()}.lock"
    lock.parent.mkdir(parents=True)
    with FileLock(lock):
        result = prewarm("--json", "--lock-wait", "2s")
    error = error_of(result)
    assert error["kind"] == "timeout"
    assert str(lock) in error["hint"]
    assert f"org/files: two.bin: waiting for another run's download (process {os.getpid()})" in result.err
    assert prewarm().code == 0


def test_it_is_said_again_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from filelock import FileLock

    from prewarm.cache import file_lock
    from prewarm.flow.stop import Stop
    from prewarm.records.errors import CacheError

    monkeypatch.setattr(file_lock, "TOLD_AGAIN_S", 0.3)
    told: list[float] = []
    with (
        FileLock(tmp_path / "lock"),
        pytest.raises(CacheError),
        file_lock.locked(tmp_path / "lock", Stop(), lambda holder, waited_s: told.append(waited_s), limit_s=1.5),
    ):
        pass
    assert len(told) >= 3
    assert told[0] < 0.3


def test_ensure_says_whom_it_waits_for_and_ends(prewarm: Prewarm, serve: Serve) -> None:
    from filelock import FileLock

    serve()
    prewarm.manifest(ALL)
    name = hashlib.sha256(str((prewarm.folder / "prewarm.toml").resolve()).encode()).hexdigest()[:32]
    lock = prewarm.home / "prewarm" / f"ensure-{name}.lock"
    lock.parent.mkdir(parents=True)
    code = "import prewarm\ntry: prewarm.ensure()\nexcept prewarm.PrewarmError as error: print(error)"
    with FileLock(lock):
        done = prewarm.python(code, PREWARM_LOCK_WAIT="1s")
    assert "which makes prewarm.toml ready" in done.err
    assert "has held a download for 1.0 s" in done.out


# --- What the dead have left -----------------------------------------------------------------------------------------


def dead_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


@pytest.mark.parametrize("by", ["the next run", "clean"])
def test_leftovers_of_the_dead_go(prewarm: Prewarm, serve: Serve, by: str, tmp_path: Path) -> None:
    serve(files=FILES)
    prewarm.manifest(ALL)
    dead, alive = processes.named(dead_process()), processes.named()
    # A number says nothing of a process of another container that has the cache as well.
    number, boot, space = dead.split("-")
    elsewhere = f"{number}-{boot}-{'0' * len(space)}"
    repository = prewarm.cache / "models--org--files"
    left = [
        repository / "blobs" / f".prewarm-{dead}-0123abcd",
        repository / "refs" / f".prewarm-{dead}-0123abcd",
        repository / "snapshots" / ("a" * 40) / f".prewarm-{dead}-89abcdef",
        repository / "refs" / f".prewarm-{elsewhere}-01234567",
        repository / "refs" / f".prewarm-{number}-01234567",
    ]
    kept = [
        repository / "refs" / f".prewarm-{alive}-0123abcd",
        repository / "refs" / f".prewarm-{elsewhere}-89abcdef",
        repository / "refs" / ".hidden",
        repository / "snapshots" / ("a" * 40) / ".gitattributes",
    ]
    for path in (*left, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    for path in left[3:]:
        os.utime(path, (1, 1))
    result = prewarm() if by == "the next run" else prewarm("clean")
    assert result.code == 0, result.err
    assert [path for path in left if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []


@pytest.mark.models
@pytest.mark.parametrize("by", ["the next run", "clean"])
def test_folders_of_dead_proofs_go(prewarm: Prewarm, serve: Serve, by: str, tmp_path: Path) -> None:
    temporary = prewarm.temporary
    serve("org/model", files={"config.json": b'{"model_type": "bert"}', "model.safetensors": b"x"})
    prewarm.manifest('simple = ["org/model"]\n')
    process = subprocess.Popen(
        prewarm.command(),
        cwd=prewarm.folder,
        env=prewarm.environ,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while not list(temporary.glob("prewarm-proof-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert list(temporary.glob("prewarm-proof-*")), "what a kill leaves"
    (temporary / "prewarm-proof-mine").write_text("no folder")
    alive = f"prewarm-proof-{processes.named()}-alive"
    (temporary / alive).mkdir()
    result = prewarm() if by == "the next run" else prewarm("clean")
    assert "Traceback" not in result.err
    assert sorted(path.name for path in temporary.glob("prewarm-proof-*")) == sorted(["prewarm-proof-mine", alive])


# --- In the way ------------------------------------------------------------------------------------------------------


def test_a_cache_that_is_a_file(prewarm: Prewarm, serve: Serve) -> None:
    serve(files=FILES)
    prewarm.home.mkdir()
    prewarm.cache.write_text("a file")
    prewarm.manifest(ALL)
    error = error_of(prewarm("--json"))
    assert str(prewarm.cache) in error["message"]
    assert "a file" in error["message"]


@pytest.mark.parametrize("where", ["blob", "pointer", "ref", "folder"])
def test_a_folder_where_a_file_belongs_or_a_file_for_a_folder(prewarm: Prewarm, serve: Serve, where: str) -> None:
    repository = serve(files=FILES)
    commit = repository.branches["main"]
    folder = prewarm.cache / "models--org--files"
    place = {
        "blob": folder / "blobs" / hashlib.sha256(FILES["two.bin"]).hexdigest(),
        "pointer": folder / "snapshots" / commit / "two.bin",
        "ref": folder / "refs" / "main",
        "folder": folder / "snapshots",
    }[where]
    if where == "folder":
        place.parent.mkdir(parents=True)
        place.write_text("a file")
    else:
        (place / "inside").mkdir(parents=True)
    prewarm.manifest(ALL)
    result = prewarm("--json")
    error = error_of(result)
    assert error["kind"] == "internal"
    assert "the cache cannot be used: " in error["message"]
    assert str(place) in error["message"]
    assert "folder" in error["message"]
    assert "a bug" not in error["message"]


def test_a_file_that_may_not_be_read_is_not_called_corrupt(
    prewarm: Prewarm, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(files=FILES)
    prewarm.manifest(ALL)
    assert prewarm().code == 0
    folder = prewarm.folder / "unreadable"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import io, pathlib\nreal = io.open\n"
        "def open_(file, mode='r', *args, **given):\n"
        "    if str(file).endswith('two.bin'): raise PermissionError(13, 'Permission denied', str(file))\n"
        "    return real(file, mode, *args, **given)\n"
        "io.open = open_\npathlib.io.open = open_\n"
    )
    env = {"PYTHONPATH": str(folder)}
    for args in (["verify", "--json"], ["verify", "--repair", "--json"]):
        error = error_of(prewarm(*args, env=env))
        assert error["kind"] != "corrupt"
        assert "two.bin may not be used by this user" in error["message"]
    assert prewarm("verify").code == 0


# --- Libraries that look elsewhere -----------------------------------------------------------------------------------


@pytest.mark.models
def test_a_variable_that_moves_a_library_is_named(prewarm: Prewarm, hub: LocalHub, minilm: Path) -> None:
    repository = Repository(repo_id="org/files")
    repository.commit_folder(minilm)
    hub.add(repository)
    prewarm.manifest('[[advanced]]\nid = "org/files"\nmodel_class = "sentence_transformers:SentenceTransformer"\n')
    assert prewarm().code == 0
    assert prewarm("check").code == 0
    env = {"SENTENCE_TRANSFORMERS_HOME": str(prewarm.folder / "elsewhere")}
    checked = prewarm("check", env=env)
    assert checked.code == 1
    assert "SENTENCE_TRANSFORMERS_HOME is set: sentence_transformers looks in" in checked.out
    error = error_of(prewarm("--json", env=env))
    assert error["message"].startswith("SENTENCE_TRANSFORMERS_HOME is set")
    assert error["hint"].startswith("unset SENTENCE_TRANSFORMERS_HOME")
    assert prewarm("check").code == 0
    assert prewarm("check", env={"SENTENCE_TRANSFORMERS_HOME": str(prewarm.cache)}).code == 0


# --- Room ------------------------------------------------------------------------------------------------------------


def test_what_has_arrived_is_not_reserved_again_and_what_failed_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    from prewarm.cache import room
    from prewarm.records.errors import CacheError

    free = 100
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=free))
    rooms = room.Room(tmp_path)
    first, second = tmp_path / "a", tmp_path / "b"
    rooms.reserve({first: 80})
    with pytest.raises(CacheError, match=r"40 B too little"):
        rooms.reserve({second: 60})
    rooms.wrote(first, 80)
    free = 20
    rooms.reserve({second: 20})
    rooms.release([first])
    rooms.release([second])
    free = 100
    rooms.reserve({tmp_path / "c": 100})
