"""What the user's machine, files or the other side get wrong is told as such: no trace, no "bug in prewarm"."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import Prewarm, Result
from prewarm.localhub import LocalHub, Mirror, Repository
from prewarm.localhub.answers import Answer, json_answer
from prewarm.manifest.read import load
from prewarm.manifest.settings import resolve
from prewarm.records.errors import InputError, ManifestError

Serve = Callable[..., Repository]
ALL = '[[advanced]]\nid = "org/files"\ninclude = ["*"]\n'


def no_trace(result: Result) -> None:
    assert "Traceback" not in result.err + result.out
    assert "a bug in prewarm" not in result.err + result.out
    assert result.code in (0, 1, 2), result.err


# --- The environment -------------------------------------------------------------------------------------------------

ENVIRONMENTS = {
    "socks without a number": ("ALL_PROXY", "socks://proxy:1080"),
    "socks5 without its package": ("ALL_PROXY", "socks5://proxy:1080"),
    "a port that is none": ("HTTPS_PROXY", "http://proxy:99999"),
    "a port of letters": ("HTTP_PROXY", "http://proxy:port"),
    "a proxy of another kind": ("https_proxy", "ftp://proxy:21"),
    "a proxy with spaces": ("HTTP_PROXY", "http://my proxy:3128"),
    "a proxy without a host": ("HTTP_PROXY", "http://:3128"),
    "a proxy of half an IPv6 address": ("HTTP_PROXY", "http://[::1"),
    "no certificates": ("SSL_CERT_FILE", "/nowhere/ca.pem"),
    "empty certificates": ("SSL_CERT_FILE", os.devnull),
    "a folder of certificates": ("SSL_CERT_FILE", "/"),
    "certificates that are no PEM": ("SSL_CERT_FILE", __file__),
    "a time-out with a unit": ("HF_HUB_DOWNLOAD_TIMEOUT", "60s"),
    "a time-out of nothing": ("HF_HUB_DOWNLOAD_TIMEOUT", "0"),
    "a time-out before the start": ("HF_HUB_DOWNLOAD_TIMEOUT", "-5"),
    "another time-out with a unit": ("HF_HUB_ETAG_TIMEOUT", "10 s"),
    "a token with typographic quotes": ("HF_TOKEN", "“hf_aaaaaaaaaaaaaaaa”"),
    "a token in quotes": ("HF_TOKEN", '"hf_aaaaaaaaaaaaaaaa"'),
    "a token of two lines": ("HF_TOKEN", "hf_aaaaaaaaaaaa\nhf_bbbbbbbbbbbb"),
    "an address without a scheme": ("HF_ENDPOINT", "huggingface.co"),
    "an address of another scheme": ("HF_ENDPOINT", "ftp://huggingface.co"),
    "an empty address": ("HF_ENDPOINT", ""),
    "an address of spaces": ("HF_ENDPOINT", "  "),
    "an address with a space": ("HF_ENDPOINT", "https://hugging face.co"),
    "an address without a host": ("HF_ENDPOINT", "https://"),
    "an address with a port that is none": ("HF_ENDPOINT", "https://huggingface.co:99999"),
    "an address with a port of letters": ("HF_ENDPOINT", "https://huggingface.co:abc"),
    "half an IPv6 address": ("HF_ENDPOINT", "http://[::1"),
    "an address with a query": ("HF_ENDPOINT", "https://huggingface.co?mirror=1"),
    "an address in quotes": ("HF_ENDPOINT", '"https://huggingface.co"'),
    "an address with a long label": ("HF_ENDPOINT", f"https://{'b' * 300}.co"),
    "a setting that is none": ("PREWARM_MAX_WAIT", "soon"),
    "a speed that is none": ("PREWARM_MIN_SPEED", "fast"),
}


@pytest.mark.parametrize("command", ["warm", "check"])
@pytest.mark.parametrize("case", ENVIRONMENTS)
def test_a_wrong_variable_is_named(prewarm: Prewarm, serve: Serve, case: str, command: str) -> None:
    name, value = ENVIRONMENTS[case]
    serve()
    prewarm.manifest(ALL)
    result = prewarm(command, env={name: value})
    no_trace(result)
    assert result.code == 2, result.err
    said, *hint = result.err.splitlines()
    assert said.startswith(f"error: {name}"), said
    assert "expected " in said or hint[0].startswith("  try: ")
    assert "aaaaaaaaaaaa" not in result.err, "a token is in no message"


def test_an_exchange_of_tokens_outside_of_ci_is_named(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(ALL)
    result = prewarm(env={"HF_OIDC_RESOURCE": "org/files"})
    no_trace(result)
    assert result.code in (0, 2)
    if result.code == 2:  # huggingface_hub 1 knows no such variable
        assert "HF_OIDC_RESOURCE" in result.err


def test_a_no_proxy_that_cannot_be_read(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(ALL)
    no_trace(prewarm(env={"NO_PROXY": "[::1,*,,http://[", "HTTP_PROXY": "http://127.0.0.1:9"}))


READ_ONLY = (
    "import sys, tempfile\n"
    "def nowhere(*args, **given):\n"
    "    raise FileNotFoundError(2, 'No usable temporary directory found')\n"
    "tempfile._get_default_tempdir = nowhere\n"
)


def test_no_folder_for_temporary_files_matters_only_where_something_is_loaded(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    serve("org/model", files={"config.json": b'{"model_type": "bert"}', "model.safetensors": b"x"})
    (prewarm.folder / "sitecustomize.py").write_text(READ_ONLY)
    env = {"PYTHONPATH": str(prewarm.folder)}
    prewarm.manifest(ALL)
    for command in ([], ["check"], ["verify"], ["lock"]):
        result = prewarm(*command, env=env)
        no_trace(result)
        assert result.code == 0, result.err
    prewarm.manifest('simple = ["org/model"]\n')
    result = prewarm(env=env)
    no_trace(result)
    assert result.code == 2
    assert result.err.splitlines()[-2].startswith("error: TMPDIR: no folder takes temporary files")


def test_a_bug_needs_no_temporary_folder_to_be_told(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    (prewarm.folder / "sitecustomize.py").write_text(
        READ_ONLY + "import prewarm.operations.warm as it\ndef broken(*args):\n    raise ZeroDivisionError\n"
        "it.keep_lock = broken\n"
    )
    prewarm.manifest(ALL)
    result = prewarm(env={"PYTHONPATH": str(prewarm.folder)})
    assert result.code == 3
    assert "Traceback" not in result.err
    assert Path(result.err.rstrip().rpartition(": ")[2]).is_relative_to(prewarm.home)


@pytest.mark.parametrize("command", ["warm", "check", "verify", "lock"])
def test_a_working_directory_that_is_gone(prewarm: Prewarm, command: str) -> None:
    gone = prewarm.folder / "gone"
    gone.mkdir()
    code = (
        "import os, sys, subprocess\n"
        f"os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})\n"
        f"sys.exit(subprocess.run([sys.executable, '-m', 'prewarm', {command!r}]).returncode)"
    )
    result = prewarm.python(code)
    no_trace(result)
    assert result.code == 2
    assert "the working directory is gone" in result.err


@pytest.mark.parametrize("python", ["", "/nowhere/python", "/"])
def test_an_interpreter_that_cannot_be_started(prewarm: Prewarm, serve: Serve, python: str) -> None:
    serve("org/model", files={"config.json": b'{"model_type": "bert"}', "model.safetensors": b"x"})
    prewarm.manifest('simple = ["org/model"]\n')
    result = prewarm.python(
        f"import sys\nsys.executable = {python!r}\nfrom prewarm.cli.main import main\nsys.exit(main([]))"
    )
    no_trace(result)
    assert result.code == 2
    assert "the Python interpreter: " in result.err


# --- The other side --------------------------------------------------------------------------------------------------

SHA1, SHA256 = "0" * 40, "0" * 64
DEEP = "[" * 100_000 + "]" * 100_000


def _sibling(**changed: Any) -> dict[str, Any]:
    return {"rfilename": "config.json", "size": 2, "blobId": SHA1, **changed}


LISTINGS: dict[str, Any] = {
    "a sibling that is no table": {"siblings": [3]},
    "a sibling that is a list": {"siblings": [["config.json"]]},
    "siblings that are a table": {"siblings": {"rfilename": "config.json"}},
    "siblings that are nothing": {"siblings": None},
    "a name that is a number": {"siblings": [_sibling(rfilename=3)]},
    "no name": {"siblings": [{"size": 3}]},
    "a negative size": {"siblings": [_sibling(size=-1)]},
    "a size that is true": {"siblings": [_sibling(size=True)]},
    "an astronomic size": {"siblings": [_sibling(size=10**30)]},
    "a size of text": {"siblings": [_sibling(size="2")]},
    "a size with a fraction": {"siblings": [_sibling(size=2.5)]},
    "a hash that is none": {"siblings": [_sibling(blobId="../../x")]},
    "an lfs that is a list": {"siblings": [_sibling(lfs=[SHA256])]},
    "an lfs of a negative size": {"siblings": [_sibling(lfs={"sha256": SHA256, "size": -5})]},
    "the same file twice": {"siblings": [_sibling(), _sibling(blobId="1" * 40)]},
    "a file that is a folder as well": {"siblings": [_sibling(), _sibling(rfilename="config.json/x")]},
    "a path that leads out": {"siblings": [_sibling(rfilename="../../etc/passwd")]},
    "an absolute path": {"siblings": [_sibling(rfilename="/etc/passwd")]},
    "a commit that is none": {"sha": "../../../x"},
    "a commit that is a number": {"sha": 3},
    "a list": [1, 2],
    "a text": "hello",
    "nothing": None,
}
BODIES = {
    "nested 100,000 deep": DEEP.encode(),
    "a number of 5,000 digits": b'{"siblings": [{"size": ' + b"9" * 5000 + b"}]}",
    "no JSON": b"<html>",
    "nothing at all": b"",
    "no UTF-8": b'{"sha": "\xff\xfe"}',
    "half of it": b'{"sha": "0000',
}


def _refused(prewarm: Prewarm, *, others: bool = True) -> dict[str, Any]:
    """What is said of org/bad, which is not required, while org/files goes on and is locked."""
    prewarm.manifest('[[advanced]]\nid = "org/bad"\nrequired = false\n' + ALL)
    result = prewarm("--json")
    no_trace(result)
    assert result.code == 0, result.err
    assert result.entry("org/files")["ready"]
    error: dict[str, Any] = result.entry("org/bad")["error"]
    assert error["kind"] not in (None, "internal"), error
    lock = (prewarm.folder / "prewarm.lock").read_text()
    assert "org/files" in lock
    again = prewarm("check")
    assert again.code == 0, again.err
    return error


@pytest.mark.parametrize("case", LISTINGS)
def test_a_listing_that_is_none_fails_its_entry_alone(prewarm: Prewarm, serve: Serve, hub: LocalHub, case: str) -> None:
    serve()
    serve("org/bad", files={"config.json": b"{}"})

    def wrong(origin: str, path: str, answer: Answer) -> Answer:
        if "/org/bad/" not in path or "/api/models/" not in path:
            return answer
        said = LISTINGS[case]
        if "/tree/" in path:
            files = said.get("siblings") if isinstance(said, dict) else said
            return json_answer(
                [
                    {"type": "file", "path": "config.json", "oid": SHA1, **(one if isinstance(one, dict) else {})}
                    for one in files or []
                ]
            )
        return json_answer({"sha": SHA1, "siblings": [], **said} if isinstance(said, dict) else said)

    hub.behind(Mirror(alter=wrong))
    _refused(prewarm)


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_none_fails_its_entry_alone(prewarm: Prewarm, serve: Serve, hub: LocalHub, case: str) -> None:
    serve()
    serve("org/bad", files={"config.json": b"{}"})

    def wrong(origin: str, path: str, answer: Answer) -> Answer:
        if not path.startswith("/api/models/org/bad/"):
            return answer
        return Answer(status=200, headers={"Content-Type": "application/json"}, body=BODIES[case])

    hub.behind(Mirror(alter=wrong))
    _refused(prewarm)


@pytest.mark.parametrize(
    "location",
    [
        "http://[::1",
        "http://localhost:99999/x",
        f"http://{'a' * 300}.example/x",
        "http://",
        "//",
        "file:///etc/passwd",
        "http://\x7f/",
        "gopher://x/y",
        "http://exa mple/x",
        "http://localhost:port/",
        "\\\\x\\y",
        "http://%zz/",
    ],
)
@pytest.mark.parametrize("route", ["/resolve/", "/api/models/"])
def test_a_redirect_to_no_address_fails_its_entry_alone(
    prewarm: Prewarm, serve: Serve, hub: LocalHub, location: str, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    serve("org/bad", files={"config.json": b"{}", "model.safetensors": b"x"})

    def wrong(origin: str, path: str, answer: Answer) -> Answer:
        if "org/bad" not in path or route not in path:
            return answer
        return Answer(status=302, headers={"Location": location})

    hub.behind(Mirror(alter=wrong))
    _refused(prewarm)


INDEX = '{"weight_map": %s}'
DOCUMENTS: dict[str, dict[str, bytes]] = {
    "a configuration that is a list": {"config.json": b"[]"},
    "a configuration nested too deeply": {"config.json": DEEP.encode()},
    "a configuration with a long number": {"config.json": b'{"a": ' + b"9" * 5000 + b"}"},
    "a configuration that is no text": {"config.json": bytes(range(256))},
    "a weight_map that is a list": {"config.json": b"{}", "model.safetensors.index.json": (INDEX % "[]").encode()},
    "a weight_map that is a text": {"config.json": b"{}", "model.safetensors.index.json": (INDEX % '"x"').encode()},
    "no weight_map": {"config.json": b"{}", "model.safetensors.index.json": b"{}"},
    "a weight_map that leads out": {
        "config.json": b"{}",
        "model.safetensors.index.json": (INDEX % '{"a": "../x"}').encode(),
    },
    "a weight_map of numbers": {"config.json": b"{}", "model.safetensors.index.json": (INDEX % '{"a": 3}').encode()},
    "a configuration that names numbers": {"config.json": b'{"transformers_weights": 3, "auto_map": 7}'},
    "an adapter of nothing": {"adapter_config.json": b"{}", "adapter_model.safetensors": b"x"},
    "an adapter that is a list": {"adapter_config.json": b"[]", "adapter_model.safetensors": b"x"},
    "an adapter of a path": {
        "adapter_config.json": b'{"base_model_name_or_path": "../../x"}',
        "adapter_model.safetensors": b"x",
    },
    "a tokenizer of numbers": {"config.json": b"{}", "tokenizer_config.json": b'{"fast_tokenizer_files": 3}'},
}


@pytest.mark.parametrize("case", DOCUMENTS)
def test_a_document_of_another_form_fails_its_entry_alone(prewarm: Prewarm, serve: Serve, case: str) -> None:
    serve()
    serve("org/bad", files=DOCUMENTS[case])
    _refused(prewarm)


@pytest.mark.parametrize("content", [b"{}", b"{", b"3", DEEP.encode(), b'[{"path": "../x"}, 7]', b"\xff"])
def test_a_modules_json_of_another_form(prewarm: Prewarm, serve: Serve, content: bytes) -> None:
    serve()
    serve("org/bad", files={"modules.json": content})
    prewarm.manifest(
        '[[advanced]]\nid = "org/bad"\nrequired = false\nmodel_class = "sentence_transformers:SentenceTransformer"\n'
        + ALL
    )
    result = prewarm("--json")
    no_trace(result)
    assert result.code == 0
    assert result.entry("org/bad")["error"]["kind"] in ("load-error", "not-found")


CODE = {
    "nested parentheses": b"(" * 5000,
    "a long sum": b"x = " + b"1+" * 100_000 + b"1",
    "many signs": b"x = " + b"-" * 100_000 + b"1",
    "zeros": b"x = 1\0",
    "no text": bytes(range(256)),
    "odd escapes": b"x = '\\d'\nimport .y\n",
    "deep blocks": b"".join(b" " * n + b"if x:\n" for n in range(200)),
}


@pytest.mark.parametrize("case", CODE)
def test_code_that_no_parser_reads(prewarm: Prewarm, serve: Serve, case: str) -> None:
    serve()
    serve(
        "org/bad",
        files={
            "config.json": b'{"auto_map": {"AutoModel": "odd.Model"}}',
            "model.safetensors": b"x",
            "odd.py": CODE[case],
        },
    )
    prewarm.manifest('[[advanced]]\nid = "org/bad"\ntrust_remote_code = true\nproof = "files"\n' + ALL)
    result = prewarm("--json")
    no_trace(result)
    assert result.code == 0, result.err
    assert "Warning" not in result.err


@pytest.mark.parametrize("reference", ["../../x--odd.Model", "a b--odd.Model", "--odd.Model", "x/y/z--odd.Model"])
def test_code_of_something_that_is_no_repository(prewarm: Prewarm, serve: Serve, reference: str) -> None:
    serve(
        "org/bad",
        files={"config.json": json.dumps({"auto_map": {"AutoModel": reference}}).encode(), "model.safetensors": b"x"},
    )
    prewarm.manifest('[[advanced]]\nid = "org/bad"\ntrust_remote_code = true\nproof = "files"\n')
    result = prewarm("--json")
    no_trace(result)
    assert result.entry("org/bad")["error"]["kind"] == "unsafe"


MEMORIES = [
    b"",
    b"{",
    b"[]",
    b"3",
    b'{"proofs": 3}',
    b'{"proofs": [3]}',
    b'{"proofs": [{"depends": 3, "proof": {}}]}',
    b'{"proofs": [{"depends": {}, "proof": {"model": [3]}}]}',
    b'{"kind": "nonsense", "message": 3, "hint": []}',
    b'{"kind": "gated", "message": "\\u001b[2J", "hint": "x", "depends": null}',
    DEEP.encode(),
    bytes(range(256)),
]


@pytest.mark.parametrize("content", MEMORIES)
def test_a_damaged_memory_is_as_none(prewarm: Prewarm, serve: Serve, content: bytes) -> None:
    serve()
    prewarm.manifest('[[advanced]]\nid = "org/none"\nrequired = false\n' + ALL)
    assert prewarm("-q").code == 0
    damaged = list((prewarm.home / "prewarm").rglob("*.json"))
    assert damaged
    for path in damaged:
        path.write_bytes(content)
    for command in ([], ["check"], ["verify"]):
        result = prewarm(*command)
        no_trace(result)
        assert result.code == 0
        assert "\x1b" not in result.out + result.err


ANSWERS = [
    "3",
    "[]",
    "{",
    '{"error": 3}',
    '{"error": {"kind": "nonsense", "message": "", "hint": "", "trace": ""}}',
    '{"model": 3}',
    '{"load_s": "x"}',
    '{"looked_for": [3]}',
    '{"notes": 3}',
    '{"parameters": -1}',
    DEEP,
]


@pytest.mark.parametrize("said", ANSWERS)
def test_an_answer_of_another_form_is_the_entrys_failure(tmp_path: Path, said: str) -> None:
    from prewarm.proof.answer import read
    from prewarm.records.errors import ProofError

    path = tmp_path / "answer"
    path.write_text(said)
    with pytest.raises(ProofError, match="no answer that can be read"):
        read(path)


# --- The user's files ------------------------------------------------------------------------------------------------

MANIFESTS = {
    "a date among the keywords": '[[advanced]]\nid = "a/b"\nmodel_kwargs = { since = 2026-01-01 }\n',
    "a time deep among them": '[[advanced]]\nid = "a/b"\nprocessor_kwargs = { a = [ { b = 07:32:00 } ] }\n',
    "an endless time-out": 'simple = ["a/b"]\n[settings]\nproof_timeout = 1e300\n',
    "a time-out without an end": 'simple = ["a/b"]\n[settings]\nproof_timeout = inf\n',
    "a time-out that is no number": 'simple = ["a/b"]\n[settings]\nmax_wait = nan\n',
    "tables within tables": "x = " + "[" * 3000 + "]" * 3000,
    "keywords within keywords": '[[advanced]]\nid = "a/b"\nmodel_kwargs = ' + "{ a = " * 3000 + "1" + " }" * 3000,
    "a number of 5,000 digits": "x = " + "9" * 5000,
    "a subfolder that leads out": '[[advanced]]\nid = "a/b"\nprocessor_kwargs = { subfolder = "../../x" }\n',
    "a speed that is none": 'simple = ["a/b"]\n[settings]\nmin_speed = "1 kB/s"\n',
    "a speed over no time": 'simple = ["a/b"]\n[settings]\nmin_speed = "1 kB/s over 0 s"\n',
    "digits of another script": 'simple = ["a/b"]\n[settings]\nworkers = "٣"\n',
    "a revision that is too long": f'[[advanced]]\nid = "a/b"\nrevision = "{"é" * 200}"\n',
}


@pytest.mark.parametrize("case", MANIFESTS)
def test_a_manifest_that_cannot_be(tmp_path: Path, case: str) -> None:
    path = tmp_path / "prewarm.toml"
    path.write_text(MANIFESTS[case], encoding="utf-8")
    with pytest.raises(InputError) as raised:
        resolve(load(path).settings, {}, {})
    assert raised.value.message
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("text", ["tool = 1\n", "tool = []\n", "[tool]\nprewarm = 3\n", "[tool]\nprewarm = []\n"])
def test_a_pyproject_of_another_form(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    with pytest.raises(ManifestError):
        load(path)
    with pytest.raises(ManifestError):
        load(tmp_path)


# --- Standard output -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("args", [[], ["check"], ["--json"], ["check", "--json"], ["lock"], ["clean"], ["--help"]])
def test_a_full_standard_output(prewarm: Prewarm, serve: Serve, args: list[str]) -> None:
    serve()
    prewarm.manifest(ALL)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            prewarm.command(*args),
            cwd=prewarm.folder,
            env=prewarm.environ,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "standard output cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("args", ["", "check", "--json"])
def test_closed_streams_are_nobodys_file(prewarm: Prewarm, serve: Serve, closed: str, args: str) -> None:
    serve()
    prewarm.manifest(ALL)
    done = subprocess.run(
        f'"{sys.executable}" -m prewarm {args} {closed}',
        shell=True,
        cwd=prewarm.folder,
        env=prewarm.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (1 if args == "check" else 0), done.stderr
    assert "Traceback" not in done.stderr
    assert prewarm("verify").code == (1 if args == "check" else 0), "what was printed is in no file of the cache"


def test_a_full_standard_error_ends_no_download(prewarm: Prewarm, serve: Serve) -> None:
    if not Path("/dev/full").exists():
        return
    serve()
    prewarm.manifest(ALL)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            prewarm.command("-v"),
            cwd=prewarm.folder,
            env=prewarm.environ,
            stderr=full,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 0
    assert "1 of 1 entry ready" in done.stdout


def test_a_terminal_of_letters_alone(prewarm: Prewarm, serve: Serve) -> None:
    serve(files={"größe.txt": b"x"})
    prewarm.manifest('[[advanced]]\nid = "org/files"\nname = "größe → 3"\ninclude = ["*"]\n')
    letters = {"PYTHONIOENCODING": "ascii"}
    result = prewarm("-v", env=letters)
    no_trace(result)
    assert result.code == 0
    prewarm.manifest('[[advanced]]\nid = "org/files"\nname = "größe → 4"\ninclude = ["*.txt"]\n')
    result = prewarm("-v", "--force", env={**letters, "PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"})
    no_trace(result)
    assert result.code == 0 or "PYTHONUTF8" in result.err + result.out
