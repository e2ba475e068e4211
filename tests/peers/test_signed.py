"""Bundles that are signed, by the package that the standard comes with."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Prewarm
from prewarm.localhub import Repository


def key(folder: Path, name: str) -> tuple[Path, Path]:
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    subprocess.run(["openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", str(private)], check=True)
    subprocess.run(
        ["openssl", "ec", "-in", str(private), "-pubout", "-out", str(public)], check=True, capture_output=True
    )
    return private, public


@pytest.fixture
def signed(prewarm: Prewarm, serve: Callable[..., Repository], tmp_path: Path) -> Path:
    serve("org/a", {"a.json": b"{}", "b.bin": bytes(9_000_000)})
    prewarm.manifest('[[advanced]]\nid = "org/a"\ninclude = ["*"]\n')
    assert prewarm().code == 0
    private, _ = key(tmp_path, "ours")
    done = prewarm("bundle", "-o", "models.tar", "--sign", str(private))
    assert done.code == 0, done.err
    assert "models.tar.sig: its signature" in done.out
    return prewarm.folder / "models.tar"


def test_the_right_key_takes_it_in_also_under_another_name(
    signed: Path, offline_machine: Prewarm, tmp_path: Path
) -> None:
    done = offline_machine("unbundle", str(signed), "--verify-key", str(tmp_path / "ours.pub"))
    assert done.code == 0, done.err
    assert "was not checked" not in done.out
    renamed = signed.rename(signed.with_name("renamed.tar"))
    signature = signed.with_name("models.tar.sig")
    done = offline_machine(
        "unbundle", str(renamed), "--verify-key", str(tmp_path / "ours.pub"), "--signature", str(signature)
    )
    assert done.code == 0, done.err
    renamed.rename(signed)
    assert "its signature was not checked" in offline_machine("unbundle", str(signed)).out


@pytest.mark.parametrize(
    "what", ["another key", "a flipped byte", "no signature", "a signature that is none", "no key"]
)
def test_everything_else_is_refused_before_it_is_opened(
    signed: Path, offline_machine: Prewarm, tmp_path: Path, what: str
) -> None:
    if what == "another key":
        key(tmp_path, "theirs")
    public = tmp_path / ("theirs.pub" if what == "another key" else "ours.pub")
    signature = signed.with_name("models.tar.sig")
    if what == "a flipped byte":
        content = bytearray(signed.read_bytes())
        content[5_000_000] ^= 1
        signed.write_bytes(content)
    elif what == "no signature":
        signature.unlink()
    elif what == "a signature that is none":
        signature.write_text("{}")
    elif what == "no key":
        public = tmp_path / "missing.pub"
    done = offline_machine("unbundle", str(signed), "--verify-key", str(public))
    assert done.code == 1
    assert "signature" in done.err
    assert "Traceback" not in done.err
    assert not list(offline_machine.cache.glob("*"))


def test_a_key_that_is_none_is_told(signed: Path, prewarm: Prewarm, tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("no key")
    done = prewarm("bundle", "-o", "again.tar", "--sign", str(tmp_path / "none.pem"))
    assert done.code == 1
    assert "cannot be signed" in done.err
