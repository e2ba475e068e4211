"""A warmed cache as a Hub: four kinds of clients, and what a client must never get."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from pathlib import Path

import pytest
import trustme

from conftest import MINILM, Prewarm, Result
from prewarm.localhub import LocalHub, Repository
from prewarm.mirror import Bound, Server, Shelf, connections

Serve = Callable[..., Repository]
ALL = '[[advanced]]\nid = "org/files"\ninclude = ["*"]\nmodel_class = false\nprocessor_class = false\n'
LARGE = b"".join(number.to_bytes(8, "big") * 128 for number in range(9000))
FILES = {"a.bin": LARGE, "b.txt": b"b", "sub/c d.json": b"{}"}
TOKEN = "a-token-of-the-mirror"


class Mirror:
    """A mirror that runs, and what it has said."""

    def __init__(self, prewarm: Prewarm, *args: str, env: dict[str, str] | None = None) -> None:
        self._log = (prewarm.folder / f"mirror-{time.monotonic_ns()}.log").open("w+")
        self.process = subprocess.Popen(
            prewarm.command("mirror", "--port", "0", *args),
            cwd=prewarm.folder,
            env={**prewarm.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        deadline = time.monotonic() + 30
        while (found := re.search(r"read-only at (\S+)", self.said)) is None:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)
        self.port = int(found[1].rpartition(":")[2])
        self.url = f"{found[1].partition(':')[0]}://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        return Path(self._log.name).read_text()

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, Message, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = urllib.request.Request(f"{self.url}{path}", method=method, headers=named)
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()
        return code


@contextmanager
def mirroring(prewarm: Prewarm, *args: str, env: dict[str, str] | None = None) -> Iterator[Mirror]:
    mirror = Mirror(prewarm, *args, env=env)
    try:
        yield mirror
    finally:
        if mirror.process.poll() is None:
            mirror.end()


@pytest.fixture
def warmed(prewarm: Prewarm, serve: Serve) -> Prewarm:
    """A machine with a way to the Hub, and a warmed cache."""
    serve(files=FILES)
    prewarm.manifest(ALL)
    assert prewarm().code == 0
    return prewarm


@pytest.fixture
def mirror(warmed: Prewarm) -> Iterator[Mirror]:
    with mirroring(warmed) as found:
        yield found


def client(tmp_path: Path, url: str, name: str = "client") -> Prewarm:
    """A machine that knows the mirror alone, and has nothing."""
    folder = tmp_path / name
    folder.mkdir()
    made = Prewarm(folder, url)
    made.manifest(ALL)
    return made


def test_the_example_of_its_help(warmed: Prewarm) -> None:
    last = warmed("mirror", "--help").out.rstrip().splitlines()[-1]
    words = shlex.split(last.partition("Example: prewarm mirror")[2])
    assert words
    with mirroring(warmed, *words, env={"MIRROR_TOKEN": TOKEN}) as mirror:
        assert mirror.get("/health")[0] == 200


def test_prewarm_on_an_empty_machine(warmed: Prewarm, mirror: Mirror, tmp_path: Path) -> None:
    other = client(tmp_path, mirror.url)
    done = other("--json")
    assert done.code == 0, done.err
    assert done.report["totals"]["requests"] == 1 + len(FILES)
    assert other("verify").code == 0
    ours, theirs = ((one.folder / "prewarm.lock").read_text() for one in (warmed, other))
    assert ours == theirs
    assert mirror.end() == 0


def test_what_hf_download_brings(mirror: Mirror, tmp_path: Path) -> None:
    other = client(tmp_path, mirror.url)
    code = (
        "from huggingface_hub import snapshot_download, list_repo_files, hf_hub_download\n"
        "from huggingface_hub import HfApi\n"
        "folder = snapshot_download('org/files')\n"
        "print(sorted(list_repo_files('org/files')))\n"
        "print([one.path for one in HfApi().get_paths_info('org/files', ['b.txt'])])\n"
        "print(HfApi().list_repo_refs('org/files').branches[0].name)\n"
        "print(HfApi().file_exists('org/files', 'b.txt'), HfApi().file_exists('org/files', 'none'))\n"
        "print([one.id for one in HfApi().list_models()])\n"
    )
    done = other.python(code)
    assert done.code == 0, done.err
    assert done.out.splitlines() == [str(sorted(FILES)), "['b.txt']", "main", "True False", "['org/files']"]
    brought = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for folder in other.cache.glob("models--org--files/snapshots/*")
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert brought == FILES
    hf = Path(sys.executable).with_name("hf")
    again = subprocess.run(
        [str(hf), "download", "org/files", "a.bin"],
        env={**other.environ, "HF_HOME": str(tmp_path / "hf")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr


@pytest.mark.models
def test_what_transformers_loads(zoo_hub: LocalHub, tmp_path: Path) -> None:
    warmed = Prewarm(tmp_path, zoo_hub.url)
    warmed.manifest(f'simple = ["{MINILM}"]\n')
    assert warmed().code == 0
    code = (
        "import torch; from transformers import AutoModel, AutoTokenizer\n"
        f"model = AutoModel.from_pretrained('{MINILM}'); words = AutoTokenizer.from_pretrained('{MINILM}')\n"
        "with torch.no_grad(): print(model(**words('a mirror', return_tensors='pt')).last_hidden_state.sum().item())\n"
    )
    wanted = warmed.python(code, HF_HUB_OFFLINE="1")
    with mirroring(warmed) as mirror:
        found = client(tmp_path, mirror.url).python(code)
    assert (found.code, found.out) == (0, wanted.out), found.err


def test_what_the_lock_names_and_nothing_else(warmed: Prewarm, hub: LocalHub, serve: Serve, tmp_path: Path) -> None:
    serve("org/other", {"x.txt": b"x"})
    serve("org/files", {**FILES, "new.txt": b"new"})
    aside = client(tmp_path, hub.url, "aside")
    aside.environ["HF_HOME"] = str(warmed.home)
    aside.manifest(ALL.replace("org/files", "org/other"))
    assert aside().code == 0
    with mirroring(warmed) as mirror:
        assert mirror.get("/api/models")[2] == b'[{"id": "org/files"}]'
        assert mirror.get("/org/other/resolve/main/x.txt")[0] == 401
        assert mirror.get("/org/files/resolve/main/new.txt")[0] == 404
    with mirroring(warmed, "--all") as mirror:
        assert mirror.get("/org/other/resolve/main/x.txt")[2] == b"x"
        assert mirror.get("/org/files/resolve/main/b.txt")[2] == b"b"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/org/files/resolve/main/none.txt", 404, "EntryNotFound"),
        ("/org/files/resolve/v9/b.txt", 404, "RevisionNotFound"),
        ("/api/models/org/files/revision/v9", 404, "RevisionNotFound"),
        ("/api/models/org/files/tree/main/none", 404, "EntryNotFound"),
        ("/api/models/org/none", 401, "RepoNotFound"),
        ("/org/none/resolve/main/b.txt", 401, "RepoNotFound"),
        ("/org/files/resolve/main/../../../../etc/passwd", 404, "EntryNotFound"),
        ("/org/files/resolve/main/%2e%2e/%2e%2e/refs/main", 404, "EntryNotFound"),
        ("/org/files/resolve/..%2f..%2f..%2fx/b.txt", 404, None),
        ("/nothing", 404, None),
        ("/api/models/org/files/xet-read-token/main", 404, None),
        ("/api/whoami-v2", 401, None),
    ],
)
def test_refusals_as_the_hub_says_them(mirror: Mirror, path: str, status: int, code: str | None) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", mirror.port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    assert (answer.status, answer.headers.get("X-Error-Code")) == (status, code), body
    if code == "EntryNotFound":
        assert re.fullmatch(r"[0-9a-f]{40}", answer.headers["X-Repo-Commit"])
    connection.close()


def test_ranges_and_heads(mirror: Mirror) -> None:
    path = "/org/files/resolve/main/a.bin"
    status, headers, body = mirror.get(path, "HEAD")
    assert (status, headers["Content-Length"], body) == (200, str(len(LARGE)), b"")
    etag = f'"{hashlib.sha256(LARGE).hexdigest()}"'
    assert (headers["ETag"], headers["X-Linked-Size"]) == (etag, str(len(LARGE)))
    assert mirror.get(path, Range="bytes=100-199")[::2] == (206, LARGE[100:200])
    assert mirror.get(path, Range="bytes=-50")[::2] == (206, LARGE[-50:])
    assert mirror.get(path, Range=f"bytes={len(LARGE) - 5}-")[::2] == (206, LARGE[-5:])
    status, headers, _ = mirror.get(path, Range=f"bytes={len(LARGE)}-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(LARGE)}")
    # What somebody has the beginning of is another file by now.
    assert mirror.get(path, Range="bytes=5-", If_Range='"another"')[::2] == (200, LARGE)
    assert mirror.get(path, Range="bytes=5-", If_Range=etag)[::2] == (206, LARGE[5:])
    assert mirror.get("/org/files/resolve/main/sub/c%20d.json")[2] == b"{}"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nobody_writes(mirror: Mirror, method: str) -> None:
    assert mirror.get("/api/models/org/files/commit/main", method)[0] == 405
    assert mirror.get("/org/files/resolve/main/b.txt", method)[0] == 405


def test_a_token_of_its_own(warmed: Prewarm, tmp_path: Path) -> None:
    with mirroring(warmed, "--token-env", "SECRET", env={"SECRET": TOKEN}) as mirror:
        for path in ("/api/models/org/files", "/org/files/resolve/main/b.txt", "/", "/api/models"):
            assert mirror.get(path)[0] == 401
            assert mirror.get(path, Authorization="Bearer another")[0] == 401
            assert mirror.get(path, Authorization="Bearer \u00e9\u00e9")[0] == 401
            assert mirror.get(path, Authorization=f"Bearer {TOKEN}")[0] == 200
            assert mirror.get(path, Authorization=f"bearer {TOKEN}")[0] == 200
        assert mirror.get("/health")[0] == mirror.get("/metrics")[0] == 200
        without = client(tmp_path, mirror.url)("--json")
        assert without.report["entries"][0]["error"]["kind"] in ("unauthorized", "not-found")
        other = client(tmp_path, mirror.url, "with")
        assert other(env={"HF_TOKEN": TOKEN}).code == 0
        assert other.python("from huggingface_hub import whoami; print(whoami()['name'])", HF_TOKEN=TOKEN).code == 0
        assert TOKEN not in mirror.said
        # Nor can another process read it off the command line.
        assert TOKEN.encode() not in Path(f"/proc/{mirror.process.pid}/cmdline").read_bytes()


def test_tls(warmed: Prewarm, tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "tls.crt")
    issued.private_key_pem.write_to_path(tmp_path / "tls.key")
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    with mirroring(warmed, "--tls-cert", "tls.crt", "--tls-key", "tls.key") as mirror:
        assert mirror.url.startswith("https://")
        # One that never begins to speak TLS holds up nobody.
        with socket.create_connection(("127.0.0.1", mirror.port)):
            other = client(tmp_path, mirror.url)
            done = other(env={"SSL_CERT_FILE": str(tmp_path / "ca.crt")})
        assert done.code == 0, done.err
        assert other("verify").code == 0


def test_never_a_wrong_byte(warmed: Prewarm, mirror: Mirror) -> None:
    blobs = {path.stat().st_size: path for path in warmed.cache.glob("models--org--files/blobs/*")}
    blobs[1].unlink()
    assert mirror.get("/org/files/resolve/main/b.txt")[0] == 503
    with blobs[len(LARGE)].open("r+b") as file:
        file.truncate(1000)
    status, headers, body = mirror.get("/org/files/resolve/main/a.bin")
    assert (status, "ETag" in headers) == (503, False)
    assert b"not in the mirror" in body


def test_a_file_that_is_left_out_is_not_said_to_be_absent(prewarm: Prewarm, serve: Serve, tmp_path: Path) -> None:
    """A client that is told so makes up what is in it, and marks it as absent in its cache."""
    serve(files=FILES)
    prewarm.manifest(ALL.replace('["*"]', '["b.txt"]'))
    assert prewarm().code == 0
    with mirroring(prewarm) as mirror:
        status, headers, _ = mirror.get("/org/files/resolve/main/a.bin", "HEAD")
        assert (status, headers["X-Error-Code"]) == (403, "EntryLeftOut")
        assert "has only what its lock names of org/files, and not a.bin" in headers["X-Error-Message"]
        assert mirror.get("/org/files/resolve/main/none.txt")[1]["X-Error-Code"] == "EntryNotFound"
        other = client(tmp_path, mirror.url)
        code = (
            "from huggingface_hub import hf_hub_download\n"
            "try: hf_hub_download('org/files', 'a.bin')\n"
            "except Exception as error: print(type(error).__name__, 'not a.bin' in repr(error) + repr(error.__cause__))"
        )
        assert other.python(code).out.split()[0] != "EntryNotFoundError"
        assert not list(other.cache.glob("models--org--files/.no_exist/*/a.bin"))
        # Whose lock names more than the mirror's is told what helps.
        other.manifest(ALL)
        (other.folder / "prewarm.lock").write_text(lock_of_all(prewarm))
        failed = other()
        assert failed.code == 1
        assert "not-found: this prewarm mirror has only what its lock names" in failed.out
        assert "have the mirror's lock name it" in failed.out


def lock_of_all(prewarm: Prewarm) -> str:
    prewarm.manifest(ALL)
    assert prewarm("lock").code == 0
    return (prewarm.folder / "prewarm.lock").read_text()


def test_nothing_outside_of_the_cache(warmed: Prewarm, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (snapshot,) = warmed.cache.glob("models--org--files/snapshots/*")
    (snapshot / "leak.txt").symlink_to(tmp_path / "secret")
    (warmed.cache / "models--bad--name--x").mkdir()
    with mirroring(warmed, "--all") as mirror:
        assert mirror.get("/org/files/resolve/main/leak.txt")[0] in (404, 503)
        # Nor does a listing say how long it is, or what its hash is.
        assert b"leak" not in mirror.get("/api/models/org/files?blobs=true")[2]
        assert "models--bad--name--x is not served" in mirror.said or "bad/name/x" not in str(mirror.get("/api/models"))
    # A repository's folder may be on another disk.
    (warmed.cache / "models--org--files").rename(tmp_path / "elsewhere")
    (warmed.cache / "models--org--files").symlink_to(tmp_path / "elsewhere")
    with mirroring(warmed) as mirror:
        assert mirror.get("/org/files/resolve/main/b.txt")[2] == b"b"


def test_the_whole_cache_as_it_is_found(warmed: Prewarm) -> None:
    (snapshot,) = warmed.cache.glob("models--org--files/snapshots/*")
    (snapshot / "b.txt").unlink()
    with (snapshot / "a.bin").resolve().open("r+b") as file:
        file.truncate(500)
    with mirroring(warmed, "--all") as mirror:
        assert "org/files is served in part: 1 of 3 files are here" in mirror.said
        # Cut short here: its hash is promised to nobody.
        assert mirror.get("/org/files/resolve/main/a.bin", "HEAD")[0] == 403


def test_no_line_of_an_answer_is_another_ones(mirror: Mirror) -> None:
    for path in (
        "/api/models/org/files/tree/main/x%0d%0aSet-Cookie:%20evil=1",
        "/api/models/org/files/revision/%E5%90%8D",
    ):
        connection = http.client.HTTPConnection("127.0.0.1", mirror.port, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 404
        assert answer.headers["Set-Cookie"] is None
        connection.close()


def test_those_that_say_nothing_hold_up_nobody(mirror: Mirror) -> None:
    idle = [socket.create_connection(("127.0.0.1", mirror.port)) for _ in range(530)]
    assert mirror.get("/health")[0] == 200
    # Those that have said nothing for the longest time made room.
    closed = 0
    for one in idle:
        one.setblocking(False)
        with suppress(BlockingIOError):
            closed += one.recv(3) == b""
    assert 530 - 512 <= closed <= 530 - 512 + 1
    began = time.monotonic()
    assert mirror.end() == 0
    assert time.monotonic() - began < 20
    for one in idle:
        one.close()


def test_an_end_in_a_hurry(mirror: Mirror) -> None:
    connection = socket.create_connection(("127.0.0.1", mirror.port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(b"GET /org/files/resolve/main/a.bin HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.recv(10)
    mirror.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 20
    while "finishing 1 answer; once more ends them at once" not in mirror.said:
        assert time.monotonic() < deadline, mirror.said
        time.sleep(0.05)
    assert mirror.end() == 0
    connection.close()


def test_a_key_with_a_password_is_one_error(warmed: Prewarm, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    issued = trustme.CA().issue_cert("127.0.0.1")
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    locked = key.private_bytes(serialization.Encoding.PEM, form, serialization.BestAvailableEncryption(b"secret"))
    (tmp_path / "tls.key").write_bytes(locked)
    issued.cert_chain_pems[0].write_to_path(tmp_path / "tls.crt")
    one_error(
        warmed("mirror", "--tls-cert", "tls.crt", "--tls-key", "tls.key"), 1, "cannot be used", "without a password"
    )


def test_what_it_counts_and_writes(mirror: Mirror) -> None:
    mirror.get("/org/files/resolve/main/b.txt")
    mirror.get("/org/files/resolve/main/none%1b[2J%0aGET.txt")
    said = mirror.get("/metrics")[2].decode()
    assert 'prewarm_mirror_requests_total{method="GET",status="200"} 1' in said
    assert 'prewarm_mirror_requests_total{method="GET",status="404"} 1' in said
    assert mirror.get("/health")[2] == b'{"ok": true, "models": 1, "datasets": 0}'
    lines = mirror.said.splitlines()
    assert any(re.search(r'127\.0\.0\.1 "GET /org/files/resolve/main/b.txt" 200 1 \d+ ms$', line) for line in lines)
    assert not [line for line in lines if "\x1b" in line]


def slow_reader(mirror: Mirror, got: list[bytes], begun: threading.Event) -> None:
    with socket.create_connection(("127.0.0.1", mirror.port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
        connection.sendall(b"GET /org/files/resolve/main/a.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        while piece := connection.recv(1 << 16):
            got.append(piece)
            begun.set()
            time.sleep(0.01)


def test_an_end_lets_answers_finish(mirror: Mirror) -> None:
    idle = socket.create_connection(("127.0.0.1", mirror.port))
    got: list[bytes] = []
    begun = threading.Event()
    reader = threading.Thread(target=slow_reader, args=(mirror, got, begun))
    reader.start()
    assert begun.wait(10)
    # A connection that says nothing is no answer that is under way.
    assert mirror.end() == 0
    reader.join(30)
    idle.close()
    assert b"".join(got).endswith(LARGE[-1000:])
    assert b"".join(got).partition(b"\r\n\r\n")[2] == LARGE


def test_eight_at_once(mirror: Mirror) -> None:
    found: list[str] = []

    def read() -> None:
        found.append(hashlib.sha256(mirror.get("/org/files/resolve/main/a.bin")[2]).hexdigest())

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert found == [hashlib.sha256(LARGE).hexdigest()] * 8


def one_error(result: Result, code: int, *words: str) -> None:
    assert result.code == code, result.err
    assert "Traceback" not in result.err
    assert "  try: " in result.err
    for word in words:
        assert word in result.err


def test_what_cannot_be_served(prewarm: Prewarm, serve: Serve, tmp_path: Path) -> None:
    serve(files=FILES)
    prewarm.manifest(ALL)
    one_error(prewarm("mirror"), 2, "prewarm.lock is missing", "try: make everything ready first: prewarm")
    one_error(prewarm("mirror", "--all"), 1, "nothing to serve")
    assert prewarm().code == 0
    one_error(prewarm("mirror", "--token-env", "NONE"), 2, "there is no variable NONE", "export MIRROR_TOKEN=")
    one_error(prewarm("mirror", "--token-env", ""), 2, "there is no variable (nothing)")
    one_error(prewarm("mirror", "--token-env", "SHORT", env={"SHORT": "abc"}), 2, "no token of at least 8")
    one_error(prewarm("mirror", "--tls-cert", "x"), 2, "go together")
    one_error(prewarm("mirror", "--tls-cert", "none.crt", "--tls-key", "x"), 1, "none.crt cannot be used")
    (tmp_path / "odd.crt").write_text("odd")
    one_error(prewarm("mirror", "--tls-cert", "odd.crt", "--tls-key", "odd.crt"), 1, "odd.crt cannot be used")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        one_error(prewarm("mirror", "--port", str(taken.getsockname()[1])), 1, "nobody can listen", "--port 0")
    one_error(prewarm("mirror", "--host", "192.0.2.1"), 1, "nobody can listen", "an address of this machine")
    next(iter(prewarm.cache.glob("models--org--files/blobs/*"))).unlink()
    one_error(prewarm("mirror"), 1, "org/files is not whole", "try: make it ready first: prewarm")


def test_what_is_said_of_an_open_one(warmed: Prewarm) -> None:
    with mirroring(warmed, "--host", "0.0.0.0") as mirror:
        assert "whoever reaches this machine can read all of it" in mirror.said
    with mirroring(warmed, "--host", "0.0.0.0", "--token-env", "SECRET", env={"SECRET": TOKEN}) as mirror:
        assert "the token comes over the line as it is" in mirror.said
    with mirroring(warmed, "-q") as mirror:
        mirror.get("/health")
        assert "GET /health" not in mirror.said


def test_odd_requests(mirror: Mirror) -> None:
    for said in (
        b"\x00\xff\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 500 + b"\r\n",
        b"POST /api/models/org/files/paths-info/main HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"POST /api/models/org/files/paths-info/main HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/models/org/files/paths-info/main HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/models/org/files/paths-info/main HTTP/1.1\r\nContent-Length: 5\r\n\r\n{{{{{",
        b"GET /org/files/resolve/main/a.bin HTTP/1.1\r\nRange: bytes=0-0,5-9\r\n\r\n",
        b"GET /org/files/resolve/main/a.bin HTTP/1.1\r\nRange: bytes=99999999999999999999-\r\n\r\n",
        b"GET /org/files/resolve/main/a.bin HTTP/1.1\r\nRange: bytes=" + b"9" * 5000 + b"-\r\n\r\n",
        b"POST /api/models/org/files/paths-info/main HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"GET /api/models/org/files/tree/main?recursive=%ff&cursor=x HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", mirror.port), timeout=10) as connection:
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 16):
                pass
    assert mirror.get("/health")[0] == 200
    assert "Traceback" not in mirror.said


def test_what_is_no_request_is_in_the_log_and_counted(mirror: Mirror) -> None:
    with socket.create_connection(("127.0.0.1", mirror.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/9.9\r\n\r\n")
        said = connection.makefile("rb").read()
    assert said.startswith(b"HTTP/1.1 505 ")
    assert b"application/json" in said
    assert '" 505 ' in mirror.said
    assert b'status="505"} 1' in mirror.get("/metrics")[2]


@pytest.mark.parametrize("said", ["items=0-1", "bytes=abc", "bytes=5-2", "bytes=0-1,5-6"])
def test_a_range_that_is_none_is_ignored(mirror: Mirror, said: str) -> None:
    status, _, body = mirror.get("/org/files/resolve/main/a.bin", Range=said)
    assert (status, len(body)) == (200, len(LARGE))
    assert mirror.get("/org/files/resolve/main/a.bin", "HEAD", Range="bytes=0-1")[0] == 200
    assert mirror.get("/org/files/resolve/main/a.bin", Range=f"bytes={len(LARGE)}-")[0] == 416


def test_addresses_with_a_host_lists_and_folders(mirror: Mirror) -> None:
    with socket.create_connection(("127.0.0.1", mirror.port), timeout=10) as connection:
        connection.sendall(b"GET http://hub/org/files/resolve/main/b.txt HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert connection.makefile("rb").read().endswith(b"\r\n\r\nb")
    for query, found in (("author=org", b"org/files"), ("search=FILE", b"org/files"), ("author=or", b"[]")):
        assert found in mirror.get(f"/api/models?{query}")[2]
    asked = urllib.request.Request(
        f"{mirror.url}/api/models/org/files/paths-info/main", data=b'{"paths": ["sub", "b.txt", "none"]}',
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert [one["type"] for one in json.load(answer)] == ["directory", "file"]


def test_a_host_that_is_empty_is_refused(warmed: Prewarm) -> None:
    done = warmed("mirror", "--host", "", "--port", "0")
    assert (done.code, "--host is empty" in done.err) == (2, True)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with room for four connections, each of which has a second for its request."""
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 4)
    monkeypatch.setattr(connections, "_ASKING_S", 1.0)
    shelf = Shelf([], lambda *_: tmp_path, listed=lambda _: None, root=tmp_path)
    server = Server(shelf, Bound(port=0), lambda _: None)
    server.start()
    yield server
    server.end(lambda: True)


def health(server: Server) -> int:
    with urllib.request.urlopen(f"{server.url}/health", timeout=10) as answer:
        return int(answer.status)


def test_who_says_little_keeps_nobody_out(small: Server) -> None:
    port = int(small.url.rpartition(":")[2])
    slow = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(6)]
    for one in slow:
        one.sendall(b"GET / HTTP/1.1\r\nX: ")
    assert [health(small) for _ in range(4)] == [200] * 4
    # One byte now and then is no request: after a while it is closed, and the others were for those that came.
    until = time.monotonic() + 20
    left = list(slow)
    while left and time.monotonic() < until:
        time.sleep(0.1)
        for one in list(left):
            try:
                one.sendall(b"a")
            except OSError:
                left.remove(one)
    assert left == []
    assert "prewarm_mirror_turned_away_total 0" not in small.counts.text()
    for one in slow:
        one.close()
