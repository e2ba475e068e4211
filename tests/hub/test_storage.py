"""The storage's bytes: as they arrive, with the user's certificates, and through the user's proxy or client."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from huggingface_hub import close_session, set_client_factory
from huggingface_hub.utils import _http

from conftest import Prewarm
from prewarm.hub import session
from prewarm.hub.patience import Patience
from prewarm.hub.storage import BUFFER_BYTES, Storage
from prewarm.hub.transport_errors import Transient
from prewarm.localhub import LocalHub, Repository
from prewarm.records.errors import HubError

Serve = Callable[..., Repository]
BODY = bytes(range(256)) * 12_000
"""3 MB: several buffers, and no whole number of them."""
OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def origin(*answers: Sequence[bytes | float]) -> Iterator[str]:
    """An origin that gives each connection in turn one of ``answers``: bytes, and seconds of silence."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for parts in answers:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    for part in parts:
                        if isinstance(part, bytes):
                            connection.sendall(part)
                        else:
                            time.sleep(part)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(timeout=10)


def read(storage: Storage, url: str) -> bytes:
    with storage.get(url, {}, Patience()) as answer:
        return b"".join(bytes(piece) for piece in answer.pieces())


def test_it_is_read_whole_in_large_pieces() -> None:
    with (
        origin([OK, b"Content-Length: %d\r\n\r\n" % len(BODY), BODY]) as url,
        Storage().get(url, {}, Patience()) as answer,
    ):
        pieces = [bytes(piece) for piece in answer.pieces()]
    assert b"".join(pieces) == BODY
    assert max(map(len, pieces)) <= BUFFER_BYTES


@pytest.mark.parametrize(
    "answer",
    [
        [OK, b"Transfer-Encoding: chunked\r\n\r\n", b"4\r\nabcd\r\n", b"3\r\nefg\r\n0\r\n\r\n"],
        [OK, b"Connection: close\r\n\r\n", b"abcd", b"efg"],
        [OK, b"Content-Length: 7\r\n\r\nabc", b"defg"],
    ],
    ids=["chunked", "until it closes", "with the headers"],
)
def test_whatever_the_form_of_the_answer(answer: list[bytes | float]) -> None:
    with origin(answer) as url:
        assert read(Storage(), url) == b"abcdefg"


def test_an_empty_answer_has_no_pieces() -> None:
    with origin([OK, b"Content-Length: 0\r\n\r\n"]) as url:
        assert read(Storage(), url) == b""


def test_what_came_before_the_end_is_not_lost() -> None:
    with origin([OK, b"Content-Length: 1000\r\n\r\n", b"x" * 300]) as url, Storage().get(url, {}, Patience()) as answer:
        pieces = answer.pieces()
        assert bytes(next(pieces)) == b"x" * 300
        with pytest.raises(Transient, match="broke"):
            next(pieces)


def test_silence_ends_and_what_came_before_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    with (
        origin([OK, b"Content-Length: 1000\r\n\r\n", b"x" * 300, 1.0]) as url,
        Storage().get(url, {}, Patience()) as answer,
    ):
        pieces = answer.pieces()
        assert bytes(next(pieces)) == b"x" * 300
        with pytest.raises(Transient, match="does not answer in time"):
            next(pieces)


def test_a_slow_line_is_given_on_before_the_buffer_is_full() -> None:
    slowly: list[bytes | float] = [OK + b"Content-Length: 60\r\n\r\n"]
    for _ in range(6):
        slowly.append(b"x" * 10)
        slowly.append(0.05)
    with origin(slowly) as url, Storage().get(url, {}, Patience()) as answer:
        assert len([bytes(piece) for piece in answer.pieces()]) > 1


def test_a_connection_is_used_again_and_one_that_was_closed_meanwhile_is_no_failure() -> None:
    first: list[bytes | float] = [OK, b"Content-Length: 3\r\n\r\none", 0.05]
    with origin(first, [OK, b"Content-Length: 3\r\n\r\ntwo"]) as url:
        storage = Storage()
        assert read(storage, url) == b"one"
        time.sleep(0.1)
        assert read(storage, url) == b"two"


def test_it_is_one_connection_for_many_ranges(hub: LocalHub) -> None:
    storage = Storage()
    opened = []
    connect = socket.create_connection

    def counted(*args: object, **given: object) -> socket.socket:
        opened.append(args)
        return connect(*args, **given)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("socket.create_connection", counted)
        for _ in range(5):
            assert read(storage, f"{hub.cdn_url}/none")
    assert len(opened) == 1


def test_a_connection_that_was_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prewarm.hub.storage._IDLE_S", 0.05)
    # The first one would stay silent for as long as anybody waits.
    first: list[bytes | float] = [OK, b"Content-Length: 3\r\n\r\none", 0.3]
    with origin(first, [OK, b"Content-Length: 3\r\n\r\ntwo"]) as url:
        storage = Storage()
        assert read(storage, url) == b"one"
        time.sleep(0.1)
        assert read(storage, url) == b"two"


def test_nobody_there_is_a_lost_origin() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(Transient) as raised, Storage().get(url, {}, Patience()):
        pass
    assert raised.value.lost_origin == url


def test_a_redirect_of_the_storage_is_followed() -> None:
    with (
        origin([OK, b"Content-Length: 7\r\n\r\nabcdefg"]) as there,
        # Once for the direct way, and then by huggingface_hub's session, which follows it.
        origin(
            *[[b"HTTP/1.1 302 Found\r\nLocation: " + there.encode() + b"/x\r\nContent-Length: 0\r\n\r\n"]] * 2
        ) as url,
    ):
        assert read(Storage(), url) == b"abcdefg"


def test_an_origin_that_redirects_is_asked_in_vain_once() -> None:
    moved: list[bytes | float] = [b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\nLocation: "]
    whole: list[bytes | float] = [OK, b"Connection: close\r\nContent-Length: 7\r\n\r\nabcdefg"]
    with origin(*[whole] * 3) as there:
        moved.append(there.encode() + b"/x\r\n\r\n")
        # One more than there are files: a fifth connection would never be answered.
        with origin(*[moved] * 4) as url:
            storage = Storage()
            assert [read(storage, url) for _ in range(3)] == [b"abcdefg"] * 3


def test_what_a_proxy_has_compressed_is_the_sessions_matter() -> None:
    packed = gzip.compress(b"abcdefg")
    answer: list[bytes | float] = [OK, b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed), packed]
    with origin(answer, answer) as url:
        assert read(Storage(), url) == b"abcdefg"


def test_names_and_passwords_in_an_address_are_the_sessions_matter() -> None:
    with origin([OK, b"Content-Length: 7\r\n\r\nabcdefg"]) as url:
        assert read(Storage(), url.replace("//", "//user:secret@")) == b"abcdefg"


# --- The user's own way --------------------------------------------------------------------------------------------


def test_a_client_factory_of_the_user_is_used(hub: LocalHub, serve: Serve) -> None:
    seen: list[str] = []
    library = session._library()

    def factory() -> object:
        made = _http.default_client_factory()
        made.event_hooks = {**made.event_hooks, "request": [lambda request: seen.append(str(request.url))]}
        return made

    assert Storage()._is_direct
    default = _http.default_client_factory
    try:
        set_client_factory(factory)  # type: ignore[arg-type]
        assert not Storage()._is_direct
        assert read(Storage(), f"{hub.cdn_url}/none")
        assert seen == [f"{hub.cdn_url}/none"]
    finally:
        set_client_factory(default)
        close_session()
    assert Storage()._is_direct
    assert library is session._library()


@pytest.mark.parametrize(
    ("variables", "is_direct"),
    [
        ({"HTTPS_PROXY": "http://127.0.0.1:9"}, False),
        ({"all_proxy": "http://127.0.0.1:9"}, False),
        ({"HTTP_PROXY": "127.0.0.1:9", "NO_PROXY": "localhost"}, False),
        ({}, True),
    ],
)
def test_with_a_proxy_huggingface_hubs_client_does_it(
    variables: dict[str, str], is_direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert session.is_plain() is is_direct


def test_the_storage_is_asked_through_the_proxy(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve(files={"large.bin": bytes(9 << 20)})
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def forward() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=pass_on, args=(client,), daemon=True).start()

        def pass_on(client: socket.socket) -> None:
            with client:
                head = client.recv(65536)
                method, url, rest = head.split(b" ", 2)
                asked.append(url.decode())
                _, _, host, path = url.decode().split("/", 3)
                name, port = host.split(":")
                with socket.create_connection((name, int(port))) as there:
                    rest = rest.replace(b"Connection: keep-alive", b"Connection: close")
                    there.sendall(method + b" /" + path.encode() + b" " + rest)
                    while piece := there.recv(65536):
                        client.sendall(piece)

        threading.Thread(target=forward, daemon=True).start()
        prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*"]\n')
        proxy = f"http://127.0.0.1:{server.getsockname()[1]}"
        done = prewarm(env={"HTTP_PROXY": proxy, "http_proxy": proxy, "NO_PROXY": "", "no_proxy": ""})
    assert done.code == 0, done.err
    assert any("/lfs/" in url for url in asked)
    assert any("/api/models/" in url for url in asked)


@pytest.fixture
def tls_hub(serve: Serve, hub: LocalHub, tmp_path: Path) -> Iterator[tuple[LocalHub, Path]]:
    """A Hub whose storage speaks TLS, with a certificate of an authority that nobody knows."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with LocalHub(storage_tls=context) as served:
        repository = Repository(repo_id="org/files")
        repository.commit({"large.bin": bytes(range(256)) * 40_000})
        served.add(repository)
        yield served, bundle


def test_certificates_are_huggingface_hubs(tls_hub: tuple[LocalHub, Path], tmp_path: Path) -> None:
    hub, bundle = tls_hub
    assert hub.cdn_url.startswith("https://")
    prewarm = Prewarm(tmp_path, hub.url)
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*"]\n')
    refused = prewarm("--json")
    error = refused.entry("org/files")["error"]
    assert (refused.code, error["kind"]) == (1, "unreachable")
    assert error["message"] == f"the certificate of {hub.cdn_url} cannot be verified"
    assert "SSL_CERT_FILE" in error["hint"]
    trusted = prewarm(env={"SSL_CERT_FILE": str(bundle)})
    assert trusted.code == 0, trusted.err


def test_an_error_of_the_certificate_is_not_tried_again(tls_hub: tuple[LocalHub, Path]) -> None:
    hub, _ = tls_hub
    with pytest.raises(HubError, match="certificate"), Storage().get(f"{hub.cdn_url}/none", {}, Patience()):
        pass
