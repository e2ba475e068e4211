"""What goes over the wire: headers, ranges, quotas and faults."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from prewarm.localhub import Fault, LocalHub, Quota, Quotas, Repository
from prewarm.localhub.repository import store
from prewarm.wire.answers import parse_range

Answer = tuple[int, dict[str, str], bytes]


def ask(url: str, *, method: str = "GET", **headers: str) -> Answer:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), headers=headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def test_hashes_are_those_of_git_and_lfs(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"hello\n")
    git = subprocess.run(["git", "hash-object", str(tmp_path / "a.txt")], capture_output=True, text=True, check=True)
    assert store("a.txt", b"hello\n").git_sha1 == git.stdout.strip()
    lfs = store("a.bin", tmp_path / "a.txt")
    assert lfs.sha256 == "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    assert lfs.git_sha1 != git.stdout.strip()


def test_the_listing_has_sizes_and_hashes_when_asked(hub: LocalHub, serve: Callable[..., Repository]) -> None:
    repository = serve()
    _, _, body = ask(f"{hub.url}/api/models/org/files?blobs=true")
    said = {sibling["rfilename"]: sibling for sibling in json.loads(body)["siblings"]}
    file = repository.commits[repository.branches["main"]].files["two.bin"]
    assert said["two.bin"]["lfs"]["sha256"] == file.sha256
    assert said["one.txt"]["size"] == 1000
    assert "lfs" not in said["one.txt"]
    _, _, body = ask(f"{hub.url}/api/models/org/files")
    assert all(set(sibling) == {"rfilename"} for sibling in json.loads(body)["siblings"])


def test_small_files_are_redirected_relatively_and_large_ones_to_the_other_origin(
    hub: LocalHub, serve: Callable[..., Repository]
) -> None:
    commit = serve().branches["main"]
    status, headers, _ = ask(f"{hub.url}/org/files/resolve/main/one.txt")
    assert (status, headers["X-Repo-Commit"]) == (307, commit)
    assert headers["Location"].startswith(f"/api/resolve-cache/models/org/files/{commit}/one.txt?")
    status, headers, body = ask(hub.url + headers["Location"])
    assert (status, body) == (200, b"1" * 1000)
    assert headers["X-Repo-Commit"] == commit
    status, headers, _ = ask(f"{hub.url}/org/files/resolve/main/two.bin", method="HEAD")
    assert (status, headers["X-Linked-Size"]) == (302, "10240")
    assert headers["Location"].startswith(hub.cdn_url)
    again = ask(f"{hub.url}/org/files/resolve/main/two.bin")[1]["Location"]
    assert again != headers["Location"], "a signed address is good for one request"
    status, _, body = ask(again, Range="bytes=256-511")
    assert (status, body) == (206, bytes(range(256)))
    assert ask(again, Authorization="Bearer x")[0] == 400
    assert ask(again.replace("Signature=", "Signature=0"))[0] == 403


@pytest.mark.parametrize(
    ("header", "size", "expected"),
    [
        ("bytes=0-9", 100, (0, 10)),
        ("bytes=90-", 100, (90, 100)),
        ("bytes=-5", 100, (95, 100)),
        ("bytes=90-900", 100, (90, 100)),
        ("bytes=100-", 100, None),
        ("bytes=5-4", 100, None),
        ("bytes=-", 100, None),
        ("bytes=0-1,4-5", 100, None),
    ],
)
def test_ranges(header: str, size: int, expected: tuple[int, int] | None) -> None:
    assert parse_range(header, size) == expected


def test_quotas_count_by_bucket_and_caller_and_say_so(hub: LocalHub, serve: Callable[..., Repository]) -> None:
    serve()
    now = [0.0]
    hub.quotas = Quotas(
        {"api": Quota(requests=2, window_s=10), "resolvers": Quota(requests=1, window_s=10)},
        retry_after=lambda left_s: str(int(left_s)),
        clock=lambda: now[0],
    )
    url = f"{hub.url}/api/models/org/files"
    status, headers, _ = ask(url)
    assert (status, headers["RateLimit"]) == (200, '"api";r=1;t=10')
    assert headers["RateLimit-Policy"] == '"fixed window";"api";q=2;w=10'
    assert ask(f"{hub.url}/org/files/resolve/main/one.txt")[0] == 307
    assert ask(f"{hub.url}/org/files/resolve/main/one.txt")[0] == 429
    now[0] = 4.0
    assert ask(url)[0] == 200
    status, headers, _ = ask(url)
    assert (status, headers["RateLimit"], headers["Retry-After"]) == (429, '"api";r=0;t=6', "6")
    assert ask(url, Authorization="Bearer hf_TokenOfTheTests0123456789")[0] == 200, "a token has a window of its own"
    now[0] = 10.0
    assert ask(url)[0] == 200


def test_a_fault_befalls_so_many_requests_of_a_path(hub: LocalHub, serve: Callable[..., Repository]) -> None:
    serve()
    hub.faults.add(Fault(path="*/one.txt", kind="status", status=503, count=2, headers={"Retry-After": "7"}))
    url = f"{hub.url}/org/files/resolve/main/one.txt"
    assert ask(f"{hub.url}/org/files/resolve/main/two.bin")[0] == 302
    assert [ask(url)[0] for _ in range(3)] == [503, 503, 307]
    assert [request.status for request in hub.log.all(containing="one.txt")] == [503, 503, 307]


def test_faults_of_the_body(hub: LocalHub, serve: Callable[..., Repository]) -> None:
    repository = serve()
    whole = bytes(range(256)) * 40
    commit = repository.branches["main"]

    def fetch(fault: Fault | None) -> Answer:
        location = ask(f"{hub.url}/org/files/resolve/{commit}/two.bin")[1]["Location"]
        if fault is not None:
            hub.faults.add(fault)
        return ask(location, Range="bytes=10-")

    assert fetch(None)[2] == whole[10:]
    where = f"/org/files/resolve/{commit}/two.bin"
    with pytest.raises(http.client.IncompleteRead) as cut:
        fetch(Fault(path=where, kind="cut", origin="cdn", at_byte=100))
    assert len(cut.value.partial) == 100
    for at_byte in (0, 100):
        with pytest.raises(ConnectionResetError):
            fetch(Fault(path=where, kind="reset", origin="cdn", at_byte=at_byte))
    status, _, body = fetch(Fault(path=where, kind="flip", origin="cdn", at_byte=15))
    assert (status, len(body)) == (206, len(whole) - 10)
    assert [at for at, (a, b) in enumerate(zip(body, whole[10:], strict=True)) if a != b] == [5]
    status, _, body = fetch(Fault(path=where, kind="ignore-range", origin="cdn"))
    assert (status, body) == (200, whole)
    status, headers, _ = fetch(Fault(path=where, kind="html", origin="cdn"))
    assert (status, headers["Content-Type"]) == (200, "text/html")
    assert len(fetch(Fault(path=where, kind="wrong-length", origin="cdn"))[2]) == len(whole) - 11


def test_a_folder_is_served_by_hand(tmp_path: Path) -> None:
    (tmp_path / "org" / "tiny").mkdir(parents=True)
    (tmp_path / "org" / "tiny" / "config.json").write_text("{}")
    (tmp_path / "datasets" / "org" / "rows").mkdir(parents=True)
    (tmp_path / "datasets" / "org" / "rows" / "a.csv").write_text("a")
    process = subprocess.Popen(
        [sys.executable, "-m", "prewarm.localhub", str(tmp_path), "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip().rpartition("=")[2]
        assert ask(f"{url}/api/models/org/tiny")[0] == 200
        assert ask(f"{url}/api/datasets/org/rows/tree/main")[0] == 200
        assert ask(f"{url}/datasets/org/rows/resolve/main/a.csv")[0] == 307
    finally:
        process.terminate()
        process.communicate(timeout=10)
