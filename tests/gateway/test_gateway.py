"""The gateway, asked by huggingface_hub in another process, as a child of prewarm's asks it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from prewarm.gateway import Gateway
from prewarm.records.errors import HubError
from prewarm.records.listing import Digest, Listing, Refused, Repo, RepoFile

COMMIT = "0123456789" * 4
ENTER = "import sys; from prewarm.worker import network; ENDPOINT, BARRED = network.enter(int(sys.argv[1]));"
ASK = ENTER + "import os; os.environ['HF_ENDPOINT'] = ENDPOINT; import huggingface_hub as hub;"


class Shelf:
    """A source of two files in a folder; notes what it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = {"small.json": b'{"a": 1}', "deep/large.bin": bytes(range(256)) * 4000}
        for path, content in self.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        self.brought: list[str] = []
        self.lost: list[str] = []
        self.trouble: Exception | None = None

    def listing(self, repo: Repo) -> Listing | Refused:
        if repo.repo_id == "org/gated":
            return Refused(status=403, message="ask its owner")
        if repo.repo_id != "org/shelf":
            return Refused(status=404, message="there is no such repository")
        listed = tuple(
            RepoFile(path=path, size=len(content), digest=_digest(content)) for path, content in self.files.items()
        )
        return Listing(repo=repo, commit=COMMIT, files=listed)

    def bring(self, listing: Listing, file: RepoFile) -> Path:
        self.brought.append(file.path)
        if self.trouble is not None:
            raise self.trouble
        return self.folder / file.path

    def lacks(self, listing: Listing, path: str) -> None:
        self.lost.append(path)


def _digest(content: bytes) -> Digest:
    if len(content) > 1000:
        return Digest(algorithm="sha256", value=hashlib.sha256(content).hexdigest())
    state = hashlib.sha1(b"blob %d\0" % len(content) + content)
    return Digest(algorithm="git-sha1", value=state.hexdigest())


Ask = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "shelf").mkdir()
    return Shelf(tmp_path / "shelf")


@pytest.fixture
def ask(tmp_path: Path, shelf: Shelf) -> Ask:
    """Runs code in a child of a gateway, with huggingface_hub as ``hub``."""

    def run(code: str, *, start: str = ASK) -> subprocess.CompletedProcess[str]:
        with Gateway(shelf, tmp_path / "cache") as gateway:
            process = subprocess.Popen(
                [sys.executable, "-c", start + code, str(gateway.descriptor)],
                env=gateway.environment({"PATH": "/usr/bin", "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}),
                pass_fds=[gateway.descriptor],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            gateway.started(process.kill)
            out, err = process.communicate(timeout=60)
            if gateway.failure is not None:
                raise gateway.failure
        return subprocess.CompletedProcess([], process.returncode, out, err)

    return run


def test_a_file_is_brought_before_the_answer_and_found_in_the_cache(ask: Ask, shelf: Shelf, tmp_path: Path) -> None:
    done = ask("print(open(hub.hf_hub_download('org/shelf', 'small.json')).read())")
    assert done.stdout == '{"a": 1}\n', done.stderr
    assert shelf.brought == ["small.json"]
    snapshot = tmp_path / "cache" / "models--org--shelf" / "snapshots" / COMMIT / "small.json"
    assert snapshot.resolve() == (tmp_path / "shelf" / "small.json"), "no byte was copied"


def test_a_snapshot_is_all_of_it(ask: Ask, shelf: Shelf) -> None:
    done = ask("import os; print(sorted(os.listdir(hub.snapshot_download('org/shelf'))))")
    assert done.stdout == "['deep', 'small.json']\n", done.stderr
    assert sorted(shelf.brought) == ["deep/large.bin", "small.json"]


def test_what_is_not_there_is_told_and_marked(ask: Ask, shelf: Shelf, tmp_path: Path) -> None:
    done = ask(
        """
try:
    hub.hf_hub_download('org/shelf', 'absent.json')
except hub.errors.EntryNotFoundError:
    print('absent')
"""
    )
    assert done.stdout == "absent\n", done.stderr
    assert shelf.lost == ["absent.json"]
    assert (tmp_path / "cache" / "models--org--shelf" / ".no_exist" / COMMIT / "absent.json").exists()


@pytest.mark.parametrize(
    ("repo_id", "error"), [("org/gated", "GatedRepoError"), ("org/nothing", "RepositoryNotFoundError")]
)
def test_a_refusal_is_passed_on(ask: Ask, repo_id: str, error: str) -> None:
    done = ask(
        f"""
try:
    hub.model_info({repo_id!r})
except hub.errors.HfHubHTTPError as refused:
    print(type(refused).__name__)
"""
    )
    assert done.stdout == f"{error}\n", done.stderr


def test_a_failure_of_the_engine_is_never_answered_and_ends_the_child(ask: Ask, shelf: Shelf, tmp_path: Path) -> None:
    """An error for a file that a class takes for optional would let it load something else."""
    shelf.trouble = HubError("unreachable", "the line is down")
    note = tmp_path / "went-on"
    with pytest.raises(HubError, match="the line is down"):
        ask(
            f"""
try:
    hub.hf_hub_download('org/shelf', 'small.json')
except BaseException:
    pass
open({str(note)!r}, 'w').close()
"""
        )
    assert not note.exists(), "the child heard of it, and went on"


def test_a_slow_answer_is_waited_for(ask: Ask, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life come meanwhile, and they are no answers."""
    monkeypatch.setattr("prewarm.gateway.gateway._SIGN_OF_LIFE_S", 0.1)
    plain, slow = shelf.bring, threading.Event()

    def bring(listing: Listing, file: RepoFile) -> Path:
        slow.wait(1)
        return plain(listing, file)

    shelf.bring = bring  # type: ignore[method-assign]
    done = ask("print(open(hub.hf_hub_download('org/shelf', 'small.json')).read())")
    assert done.stdout == '{"a": 1}\n', done.stderr
    assert shelf.brought == ["small.json"], "it is asked for once"


def test_bytes_are_sent_where_a_client_has_a_cache_of_its_own(ask: Ask, shelf: Shelf, tmp_path: Path) -> None:
    done = ask(
        f"""
path = hub.hf_hub_download('org/shelf', 'deep/large.bin', local_dir={str(tmp_path / "own")!r})
with hub.HfFileSystem().open('org/shelf/deep/large.bin') as file:
    file.seek(1000)
    print(open(path, 'rb').read() == open({str(shelf.folder / "deep/large.bin")!r}, 'rb').read(), len(file.read(10)))
"""
    )
    assert done.stdout == "True 10\n", done.stderr


def test_writes_and_accounts_are_refused(ask: Ask, shelf: Shelf) -> None:
    done = ask(
        """
found = []
for call in (lambda: hub.create_repo('org/new', token='hf_x'), lambda: hub.whoami(token='hf_x'),
             lambda: hub.upload_file(path_or_fileobj=b'x', path_in_repo='x', repo_id='org/shelf', token='hf_x')):
    try:
        found.append(call())
    except Exception as error:
        found.append('refused')
print(found)
"""
    )
    assert done.stdout == "['refused', 'refused', 'refused']\n", done.stderr


def test_who_does_not_know_the_secret_gets_nothing(shelf: Shelf, tmp_path: Path) -> None:
    with Gateway(shelf, tmp_path / "cache") as gateway:
        knock = "from prewarm.worker import network; import sys; print(network.knock(int(sys.argv[1])), flush=True); sys.stdin.read()"
        with subprocess.Popen(
            [sys.executable, "-c", knock, str(gateway.descriptor)],
            pass_fds=[gateway.descriptor],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            gateway.started(process.kill)
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            start = address.rpartition("/")[0]
            for path in ("/api/models/org/shelf", "/wrong/api/models/org/shelf", "/", "//api/models/org/shelf"):
                with pytest.raises(urllib.error.HTTPError, match="404"):
                    urllib.request.urlopen(start + path, timeout=10)
            with urllib.request.urlopen(address + "/api/models/org/shelf", timeout=10) as answer:
                assert json.load(answer)["sha"] == COMMIT
            process.communicate("")


def test_nothing_else_answers_where_the_system_lets_it_be_barred(ask: Ask, shelf: Shelf) -> None:
    """A server outside listens, and the child cannot reach it."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as outside:
        port = outside.getsockname()[1]
        done = ask(
            f"""
import socket
try:
    socket.create_connection(('127.0.0.1', {port}), timeout=5)
    reached = True
except OSError:
    reached = False
print(BARRED, reached)
"""
        )
    assert done.stdout in ("True False\n", "False True\n"), done.stdout + done.stderr


def test_a_library_with_a_folder_of_its_own_is_led_into_the_childs_cache_or_nowhere(
    shelf: Shelf, tmp_path: Path
) -> None:
    given = {"HF_HUB_CACHE": "/cache", "FASTEMBED_CACHE_PATH": "/cache/", "SENTENCE_TRANSFORMERS_HOME": "/mine"}
    with Gateway(shelf, tmp_path / "cache") as gateway:
        own = gateway.environment(given)
    assert own["HF_HUB_CACHE"] == own["FASTEMBED_CACHE_PATH"] == str(tmp_path / "cache")
    assert "SENTENCE_TRANSFORMERS_HOME" not in own
