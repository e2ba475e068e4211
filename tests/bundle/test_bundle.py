"""A lock as one file, and back into an empty cache: nothing of it is believed."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from conftest import Prewarm
from prewarm.localhub import LocalHub, Repository

Serve = Callable[..., Repository]
LARGE = bytes(range(256)) * 40_000
MANIFEST = """\
[[advanced]]
id = "org/a"
include = ["*"]

[[advanced]]
id = "org/b"
include = ["*"]
"""


@pytest.fixture
def project(prewarm: Prewarm, serve: Serve) -> Prewarm:
    serve("org/a", {"a.json": b"{}", "deep/large.bin": LARGE, "same.txt": b"the same"})
    serve("org/b", {"same.txt": b"the same", "two.bin": LARGE[:9_000_000]})
    prewarm.manifest(MANIFEST)
    assert prewarm().code == 0
    return prewarm


@pytest.fixture
def bundle(project: Prewarm) -> Path:
    done = project("bundle", "-o", "models.tar")
    assert done.code == 0, done.err
    return project.folder / "models.tar"


def rewritten(source: Path, target: Path, change: Callable[[str, bytes], tuple[str, bytes] | None]) -> Path:
    """A bundle with other members, and a head that says what their texts hash to: as an attacker would make it."""
    found: dict[str, bytes] = {}
    with tarfile.open(source) as old:
        for member in old:
            opened = old.extractfile(member)
            assert opened is not None
            if (changed := change(member.name, opened.read())) is not None:
                found[changed[0]] = changed[1]
    if "bundle.json" in found:
        head = json.loads(found["bundle.json"])
        for key, name in (("manifest", "prewarm.toml"), ("lock", "prewarm.lock")):
            head[key] = hashlib.sha256(found.get(name, b"")).hexdigest()
        found["bundle.json"] = json.dumps(head).encode()
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as new:
        for name, content in found.items():
            made = tarfile.TarInfo(name)
            made.size = len(content)
            new.addfile(made, io.BytesIO(content))
    return target


def shown(prewarm: Prewarm) -> Mapping[str, str]:
    return {
        str(path.relative_to(prewarm.cache)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in prewarm.cache.glob("*/snapshots/**/*")
        if path.is_file()
    }


def test_an_empty_cache_without_a_network_is_ready(project: Prewarm, bundle: Path, offline_machine: Prewarm) -> None:
    done = offline_machine("unbundle", str(bundle))
    assert done.code == 0, done.err
    assert shown(offline_machine) == shown(project)
    assert (offline_machine.folder / "prewarm.toml").read_text() == MANIFEST
    assert offline_machine("check").code == 0
    assert offline_machine("verify").code == 0
    assert (offline_machine.cache / "models--org--a/refs/main").read_text() == (
        project.cache / "models--org--a/refs/main"
    ).read_text()


def test_the_same_lock_gives_the_same_bytes_and_a_content_is_there_once(project: Prewarm, bundle: Path) -> None:
    again = project.folder / "again.tar"
    for path in project.cache.glob("*/blobs/*"):
        path.touch()
    assert project("bundle", "-o", str(again)).code == 0
    assert again.read_bytes() == bundle.read_bytes()
    with tarfile.open(bundle) as archive:
        names = archive.getnames()
        assert all(member.isreg() for member in archive)
    assert names[:3] == ["bundle.json", "prewarm.toml", "prewarm.lock"]
    assert len(names) == 3 + 4, "five files, of four contents"
    assert not list(project.folder.glob("*.part"))


def test_tar_puts_it_where_the_cache_has_it(bundle: Path, offline_machine: Prewarm) -> None:
    with tarfile.open(bundle) as archive:
        blobs = [name for name in archive.getnames() if "/blobs/" in name]
    assert all(name.startswith(("hub/models--org--a/blobs/", "hub/models--org--b/blobs/")) for name in blobs)


def test_it_goes_on_where_it_was_ended(bundle: Path, offline_machine: Prewarm) -> None:
    cut = bundle.with_name("cut.tar")
    cut.write_bytes(bundle.read_bytes()[: -(1 << 20)])
    done = offline_machine("unbundle", str(cut))
    assert done.code == 1
    assert "cut short" in done.err
    assert not shown(offline_machine)
    done = offline_machine("unbundle", str(bundle))
    assert done.code == 0, done.err
    assert "19.2 MB new" not in done.out, "the first contents were there"
    done = offline_machine("unbundle", str(bundle))
    assert "0 B new" in done.out


@pytest.mark.parametrize("at", [0, 300, 520, 1600, 3200, 5000, 1 << 20, 15 << 20, -600])
def test_a_flipped_byte_is_found_and_nothing_is_shown(bundle: Path, offline_machine: Prewarm, at: int) -> None:
    content = bytearray(bundle.read_bytes())
    content[at] ^= 0x55
    damaged = bundle.with_name("damaged.tar")
    damaged.write_bytes(content)
    done = offline_machine("unbundle", str(damaged))
    if at == -600:
        # In the zeros behind the last member, which mean nothing.
        assert done.code == 0
        return
    assert done.code == 1, done.out
    assert "damaged.tar" in done.err
    assert not shown(offline_machine)
    assert not (offline_machine.folder / "prewarm.toml").exists()
    for blob in offline_machine.cache.glob("*/blobs/*"):
        if "." not in blob.name:
            data = blob.read_bytes()
            git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            assert blob.name in (hashlib.sha256(data).hexdigest(), git)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../../planted", "does not name"),
        ("/tmp/planted", "does not name"),
        ("hub/models--org--a/blobs/" + "0" * 64, "does not name"),
        ("hub/models--org--a/snapshots/x/planted", "does not name"),
    ],
)
def test_members_that_nobody_named_are_refused(bundle: Path, offline_machine: Prewarm, name: str, said: str) -> None:
    made = rewritten(bundle, bundle.with_name("made.tar"), lambda member, content: (member, content))
    with tarfile.open(made, "a", format=tarfile.GNU_FORMAT) as archive:
        member = tarfile.TarInfo(name)
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
    done = offline_machine("unbundle", str(made))
    assert done.code == 1
    assert said in done.err
    assert not shown(offline_machine)
    assert not Path("/tmp/planted").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(bundle: Path, offline_machine: Prewarm, kind: bytes) -> None:
    with tarfile.open(bundle) as archive:
        blob = next(name for name in archive.getnames() if "/blobs/" in name)
    made = bundle.with_name("made.tar")
    with tarfile.open(bundle) as old, tarfile.open(made, "w", format=tarfile.GNU_FORMAT) as new:
        for member in old:
            if member.name == blob:
                link = tarfile.TarInfo(blob)
                link.type, link.linkname = kind, "/etc/passwd"
                new.addfile(link)
            else:
                new.addfile(member, old.extractfile(member))
    done = offline_machine("unbundle", str(made))
    assert done.code == 1
    assert "no links" in done.err
    assert not shown(offline_machine)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda name, content: (name, content.replace(b'"schema": 1', b'"schema": 9')) , "schema 9"),
        (lambda name, content: None if name == "bundle.json" else (name, content), "no bundle.json"),
        (lambda name, content: None if name == "prewarm.lock" else (name, content), "no prewarm.lock"),
        (lambda name, content: (name, b"simple = [" if name == "prewarm.toml" else content), "cannot be read"),
        (lambda name, content: (name, content.replace(b"org/a", b"../a") if name == "prewarm.lock" else content), "cannot be read"),
    ],
    ids=["newer schema", "no head", "no lock", "no manifest", "a lock that leads outside"],
)  # fmt: skip
def test_another_bundle_is_told(
    bundle: Path, offline_machine: Prewarm, change: Callable[[str, bytes], tuple[str, bytes] | None], said: str
) -> None:
    done = offline_machine("unbundle", str(rewritten(bundle, bundle.with_name("made.tar"), change)))
    assert done.code == 1
    assert said in done.err
    assert not shown(offline_machine)


@pytest.mark.parametrize("content", [b"", b"not a tar", bytes(10_240)])
def test_what_is_no_bundle_is_told(offline_machine: Prewarm, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    done = offline_machine("unbundle", str(path))
    assert done.code == 1
    assert "no bundle" in done.err


def test_manifest_and_lock_that_are_there_are_left(bundle: Path, offline_machine: Prewarm, tmp_path: Path) -> None:
    offline_machine.manifest("simple = []\n")
    done = offline_machine("unbundle", str(bundle))
    assert done.code == 0
    assert "is another one, and is left as it is" in done.out
    assert (offline_machine.folder / "prewarm.toml").read_text() == "simple = []\n"
    done = offline_machine("unbundle", str(bundle), "--manifest-to", str(tmp_path / "new"))
    assert (tmp_path / "new/prewarm.toml").read_text() == MANIFEST


def test_what_is_not_ready_is_not_packed(project: Prewarm, serve: Serve) -> None:
    next(project.cache.glob("models--org--a/snapshots/*/a.json")).resolve().unlink()
    done = project("bundle", "-o", "models.tar")
    assert done.code == 1
    assert "a.json of org/a is not in the cache" in done.err
    assert not (project.folder / "models.tar").exists()


def test_what_is_damaged_in_the_cache_is_not_packed(project: Prewarm) -> None:
    blob = next(project.cache.glob("models--org--b/snapshots/*/two.bin")).resolve()
    blob.write_bytes(LARGE[:8_999_999] + b"!")
    done = project("bundle", "-o", "models.tar")
    assert done.code == 1
    assert "two.bin in the cache is not what is locked" in done.err
    assert not list(project.folder.glob("models.tar*"))


def test_a_manifest_in_pyproject_becomes_one_of_its_own(project: Prewarm, offline_machine: Prewarm) -> None:
    table = MANIFEST.replace("[[advanced]]", "[[tool.prewarm.advanced]]")
    (project.folder / "prewarm.toml").unlink()
    (project.folder / "pyproject.toml").write_text(f'[project]\nname = "app"\n{table}')
    assert project("bundle", "-o", "models.tar").code == 0
    assert offline_machine("unbundle", str(project.folder / "models.tar")).code == 0
    assert offline_machine("check").code == 0


def test_files_that_run_something_are_looked_for_here_too(
    prewarm: Prewarm, serve: Serve, hub: LocalHub, offline_machine: Prewarm
) -> None:
    serve("org/a", {"head.pkl": b"cos\nsystem\n(S'true'\ntR."})
    prewarm.manifest('[[advanced]]\nid = "org/a"\ninclude = ["head.pkl"]\nunsafe_files = ["head.pkl"]\n')
    assert prewarm().code == 0
    assert prewarm("bundle", "-o", "models.tar").code == 0
    made = rewritten(prewarm.folder / "models.tar", prewarm.folder / "made.tar", lambda name, content: (name, content))
    assert offline_machine("unbundle", str(made)).code == 0, "the bundle's manifest trusts it"


def test_a_bundle_that_nobody_can_write_is_told(project: Prewarm) -> None:
    done = project("bundle", "-o", "/nowhere/models.tar")
    assert done.code == 1
    assert "cannot be written" in done.err
