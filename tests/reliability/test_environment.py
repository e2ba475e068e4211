"""A wrong environment is told as such, with the variable: no trace, no "bug in prewarm"."""

from __future__ import annotations

import os

import pytest
from outcomes import ALL, Serve, no_trace

from conftest import Prewarm, bug_log_of

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
    assert result.err.splitlines()[-3].startswith("error: TMPDIR: no folder takes temporary files")


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
    assert bug_log_of(result.err).is_relative_to(prewarm.home)


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
