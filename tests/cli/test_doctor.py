"""``prewarm doctor``: each thing that can be wrong on a machine is named, with what mends it, and nothing secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import TOKEN, Prewarm, Result
from prewarm import __version__
from prewarm.localhub import LocalHub, Repository
from prewarm.localhub.quota import Quota, Quotas

Serve = Callable[..., Repository]
DATA = '[[advanced]]\nid = "org/files"\ninclude = ["*"]\n'


def wrong(done: Result) -> dict[str, str]:
    """Topic to what is wrong, and its hint."""
    found = [one for one in json.loads(done.out)["findings"] if one["state"] == "wrong"]
    return {one["topic"]: f"{one['said']} | {one['hint']}" for one in found}


def said(done: Result, topic: str) -> str:
    return "\n".join(one["said"] for one in json.loads(done.out)["findings"] if one["topic"] == topic)


def test_where_nothing_is_wrong(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve("org/files", gated="auto")
    hub.access.members["org/files"] = {"tester"}
    prewarm.environ["HF_TOKEN"] = TOKEN
    prewarm.manifest(DATA)
    assert prewarm("-q").code == 0
    done = prewarm("doctor", "--json")
    assert wrong(done) == {}
    assert done.code == 0
    assert f"prewarm {__version__}," in said(done, "versions")
    assert said(done, "manifest") == "prewarm.toml, 1 entry, all of them locked"
    assert "by HF_HOME" in said(done, "cache")
    assert "symlinks and locks" in said(done, "cache")
    assert said(done, "token") == "valid (HF_TOKEN), of tester"
    assert said(done, "gated") == "org/files: the token may read it"
    assert said(done, "endpoint").endswith("and is a Hub")
    assert said(done, "clock") == "agrees with the Hub's"
    assert "what is loaded is held by" in said(done, "confinement")
    assert TOKEN not in done.out + done.err
    assert not [path for path in prewarm.cache.iterdir() if "doctor" in path.name], "and leaves nothing behind"


@pytest.mark.parametrize(
    ("env", "topic", "words"),
    [
        ({"HF_TOKEN": "hf_wrong"}, "token", ["HF_TOKEN is not valid", "hf auth login"]),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "endpoint", ["does not answer", "HF_ENDPOINT"]),
        ({"HF_ENDPOINT": "no address"}, "manifest", ["HF_ENDPOINT"]),
        ({"HF_HUB_DOWNLOAD_TIMEOUT": "soon"}, "manifest", ["HF_HUB_DOWNLOAD_TIMEOUT"]),
        ({"HF_HUB_CACHE": "/proc/nothing"}, "cache", ["cannot be written", "HF_HOME"]),
        ({"SSL_CERT_FILE": "/nowhere.pem"}, "certificates", ["/nowhere.pem, which is not there"]),
        ({"SENTENCE_TRANSFORMERS_HOME": "/elsewhere"}, "elsewhere", ["looks in /elsewhere", "unset"]),
        ({"TRANSFORMERS_CACHE": "/elsewhere"}, "elsewhere", ["transformers 5 does not read it"]),
        ({"VIRTUAL_ENV": "/another/venv"}, "environment", ["/another/venv is active", "-m pip install hf-prewarm"]),
    ],
)
def test_what_is_wrong_is_named_with_what_mends_it(
    prewarm: Prewarm, serve: Serve, env: dict[str, str], topic: str, words: list[str]
) -> None:
    serve()
    prewarm.manifest(DATA)
    done = prewarm("doctor", "--json", env=env)
    assert done.code == 1, done.out + done.err
    assert "Traceback" not in done.err
    for word in words:
        assert word in wrong(done)[topic]
    assert said(done, "confinement"), "the rest is looked at all the same"


def test_gated_entries_that_the_token_may_not_read(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve("org/files", gated="manual")
    hub.access.members["org/files"] = {"tester"}
    prewarm.environ["HF_TOKEN"] = TOKEN
    prewarm.manifest(DATA)
    assert prewarm("-q").code == 0
    hub.access.members["org/files"] = set()
    done = prewarm("doctor", "--json")
    assert "org/files: its files may not be read" in wrong(done)["gated"]
    assert f"the token's account has to accept the terms at {hub.url}/org/files" in wrong(done)["gated"]


def test_a_limit_that_is_nearly_used_up(prewarm: Prewarm, hub: LocalHub) -> None:
    hub.quotas = Quotas({"api": Quota(requests=5, window_s=100)})
    done = prewarm("doctor", "--json")
    assert "4 of 5 requests left in 'api'" in said(done, "quota")
    assert done.code == 0


def test_something_that_is_no_hub(prewarm: Prewarm) -> None:
    code = "import http.server as h; s = h.HTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler); print(s.server_port, flush=True); s.serve_forever()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL
    ) as server:
        assert server.stdout is not None
        done = prewarm("doctor", "--json", env={"HF_ENDPOINT": f"http://127.0.0.1:{server.stdout.readline().strip()}"})
        server.kill()
    assert "and not as a Hub does" in wrong(done)["endpoint"]


WRONG_CLOCK = """
import http.server as h, json
class Hub(h.BaseHTTPRequestHandler):
    def date_time_string(self, timestamp=None):
        return "Mon, 01 Jan 2024 00:00:00 GMT"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")
s = h.HTTPServer(("127.0.0.1", 0), Hub)
print(s.server_port, flush=True)
s.serve_forever()
"""


def test_a_clock_that_is_wrong(prewarm: Prewarm) -> None:
    command = [sys.executable, "-c", WRONG_CLOCK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        done = prewarm("doctor", "--json", env={"HF_ENDPOINT": f"http://127.0.0.1:{server.stdout.readline().strip()}"})
        server.kill()
    assert "ahead of the Hub's" in wrong(done)["clock"]
    assert "set the clock" in wrong(done)["clock"]


def test_offline_it_asks_nobody(prewarm: Prewarm, hub: LocalHub) -> None:
    done = prewarm("doctor", "--json", env={"HF_HUB_OFFLINE": "1", "HF_TOKEN": TOKEN})
    assert done.code == 0
    assert "not asked: HF_HUB_OFFLINE is set" in said(done, "endpoint")
    assert hub.log.all() == []


def test_leftovers_other_caches_and_a_manifest_that_is_wrong(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest("simple = 3\n")
    blobs = prewarm.cache / "models--org--files" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{'a' * 64}.incomplete").write_bytes(b"x" * 1000)
    other = prewarm.folder / "user" / ".cache" / "huggingface" / "hub" / "models--org--x"
    other.mkdir(parents=True)
    done = prewarm("doctor", "--json", env={"HOME": str(prewarm.folder / "user")})
    assert "simple: expected a list of ids" in wrong(done)["manifest"]
    assert "1 leftover of interrupted downloads" in said(done, "cache")
    assert f"another cache lies in {other.parent}" in said(done, "cache")
    text = prewarm("doctor").out
    assert "try: prewarm clean" in text
    assert text.rstrip().endswith("notes")


def test_credentials_of_proxies_and_addresses_are_not_shown(prewarm: Prewarm) -> None:
    env = {"HTTP_PROXY": "http://user:hidden@127.0.0.1:9", "NO_PROXY": "127.0.0.1", "HF_TOKEN": TOKEN}
    done = prewarm("doctor", "--json", env=env)
    assert "HTTP_PROXY=" in said(done, "proxies")
    assert "hidden" not in done.out
    assert TOKEN not in done.out


def test_versions_that_do_not_go_together(prewarm: Prewarm, tmp_path: Path) -> None:
    shadow = tmp_path / "shadow" / "huggingface_hub-0.1.0.dist-info"
    shadow.mkdir(parents=True)
    (shadow / "METADATA").write_text("Metadata-Version: 2.1\nName: huggingface_hub\nVersion: 0.1.0\n")
    done = prewarm("doctor", "--json", env={"PYTHONPATH": str(shadow.parent)})
    assert "wants huggingface" in wrong(done)["versions"]
    assert "and 0.1.0 is there | python -m pip install" in wrong(done)["versions"]


def test_python_of_another_environment_is_told(prewarm: Prewarm, tmp_path: Path) -> None:
    venv.create(tmp_path / "app", with_pip=False, symlinks=True)
    path = f"{tmp_path / 'app' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = prewarm("doctor", "--json", env={"PATH": path, "VIRTUAL_ENV": ""})
    assert f"'python' is {tmp_path / 'app' / 'bin' / 'python'}, of another environment" in said(done, "environment")


def test_it_is_made_for_a_bug_report(prewarm: Prewarm) -> None:
    report: dict[str, Any] = json.loads(prewarm("doctor", "--json").out)
    assert (report["schema"], report["command"]) == (1, "doctor")
    assert {"topic", "state", "said", "hint"} == set(report["findings"][0])
