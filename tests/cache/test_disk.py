"""The cache on disk, as huggingface_hub and its tools expect it."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from prewarm.cache import layout, place
from prewarm.cache.disk import DiskCache
from prewarm.cache.preview import Preview
from prewarm.flow.stop import Stop
from prewarm.records.entry import Entry
from prewarm.records.errors import CacheError, Interrupted
from prewarm.records.listing import Digest, Repo, RepoFile
from prewarm.records.lock import LockedEntry, LockedRepo

CONTENT = b"the content of a file"
FILE = RepoFile(
    path="sub/file.txt",
    size=len(CONTENT),
    digest=Digest(algorithm="sha256", value=hashlib.sha256(CONTENT).hexdigest()),
)
SMALL = RepoFile(
    path="git.txt",
    size=len(CONTENT),
    digest=Digest(algorithm="git-sha1", value=hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()),
)
REPO = LockedRepo(repo=Repo(repo_id="org/name", revision="feature/x"), commit="c" * 40, files=(FILE, SMALL))
LOCKED = LockedEntry(entry=Entry(id="org/name", revision="feature/x"), repos=(REPO,))


@pytest.fixture
def cache(tmp_path: Path) -> DiskCache:
    return DiskCache(tmp_path)


def bring(
    cache: DiskCache | Preview, file: RepoFile = FILE, content: bytes = CONTENT, stop: Stop | None = None
) -> bool:
    with cache.receive(REPO, file, stop or Stop(), lambda holder, waited_s: None) as sink:
        if sink is None:
            return False
        sink.write(5, content[5:])
        sink.write(0, content[:5])
        sink.finish()
    return True


def test_places_are_those_of_huggingface_hub(cache: DiskCache, tmp_path: Path) -> None:
    from huggingface_hub import scan_cache_dir, try_to_load_from_cache
    from huggingface_hub.file_download import repo_folder_name

    for file in (FILE, SMALL):
        assert bring(cache, file)
    cache.link(REPO)
    assert cache.point(REPO) is None
    for repo_id in ("gpt2", "org/name"):
        for repo_type in ("model", "dataset"):
            repo = Repo(repo_id=repo_id, repo_type=repo_type)
            assert layout.repo_folder(tmp_path, repo).name == repo_folder_name(repo_id=repo_id, repo_type=repo_type)
    found = try_to_load_from_cache("org/name", "sub/file.txt", cache_dir=tmp_path, revision="feature/x")
    assert isinstance(found, str)
    assert Path(found).read_bytes() == CONTENT
    scanned = scan_cache_dir(tmp_path)
    assert not scanned.warnings
    (repo_info,) = scanned.repos
    (revision,) = repo_info.revisions
    assert revision.refs == {"feature/x"}
    assert {file.file_name for file in revision.files} == {"file.txt", "git.txt"}


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", CONTENT[:-1] + b"x", b""])
def test_wrong_bytes_never_get_the_name(cache: DiskCache, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CacheError) as error:
        bring(cache, FILE, content)
    assert error.value.kind == "corrupt"
    assert cache.scan(LOCKED) == frozenset()
    assert not list(tmp_path.rglob("blobs/*"))


def test_an_empty_file_is_a_file(cache: DiskCache) -> None:
    empty = RepoFile(
        path="__init__.py",
        size=0,
        digest=Digest(algorithm="git-sha1", value="e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
    )
    with cache.receive(REPO, empty, Stop(), lambda holder, waited_s: None) as sink:
        assert sink is not None
        sink.finish()
    assert cache.read(REPO, empty) == b""


def test_what_is_there_is_not_received_again(cache: DiskCache) -> None:
    assert bring(cache)
    assert not bring(cache)
    assert cache.scan(LOCKED) == {(REPO.repo, FILE.path)}


def test_a_truncated_blob_is_missing(cache: DiskCache, tmp_path: Path) -> None:
    bring(cache)
    layout.blob(tmp_path, REPO.repo, FILE.digest).write_bytes(CONTENT[:3])
    assert cache.scan(LOCKED) == frozenset()
    assert bring(cache)
    assert cache.read(REPO, FILE) == CONTENT


def test_a_blob_that_another_commit_brought_is_linked_without_a_byte(cache: DiskCache, tmp_path: Path) -> None:
    bring(cache)
    cache.link(REPO)
    assert layout.pointer(tmp_path, REPO.repo, REPO.commit, FILE.path).read_bytes() == CONTENT
    assert not layout.pointer(tmp_path, REPO.repo, REPO.commit, SMALL.path).exists()


@pytest.mark.parametrize("also", ["hard links", "copies only"])
def test_without_symlinks_there_are_hard_links_or_copies(
    cache: DiskCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, also: str
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.EPERM, "not here")

    monkeypatch.setattr(os, "symlink", refuse)
    if also == "copies only":
        monkeypatch.setattr(os, "link", refuse)
    for file in (FILE, SMALL):
        bring(cache, file)
    cache.link(REPO)
    cache.link(REPO)
    cache.point(REPO)
    pointer = layout.pointer(tmp_path, REPO.repo, REPO.commit, FILE.path)
    assert pointer.read_bytes() == CONTENT
    assert not pointer.is_symlink()
    from huggingface_hub import scan_cache_dir

    assert not scan_cache_dir(tmp_path).warnings
    assert len(list(pointer.parent.iterdir())) == 1, "nothing temporary is left"


def test_a_link_into_the_shared_store_is_replaced_and_not_written_through(cache: DiskCache, tmp_path: Path) -> None:
    store = tmp_path / "blobs" / "ab" / "xet"
    store.parent.mkdir(parents=True)
    store.write_bytes(b"of another repository")
    blob = layout.blob(tmp_path, REPO.repo, FILE.digest)
    blob.parent.mkdir(parents=True)
    blob.symlink_to(os.path.relpath(store, blob.parent))
    forgetful = DiskCache(tmp_path, forgets=True)
    assert bring(forgetful)
    assert store.read_bytes() == b"of another repository"
    assert blob.read_bytes() == CONTENT
    store.write_bytes(CONTENT)
    blob.unlink()
    blob.symlink_to(os.path.relpath(store, blob.parent))
    assert cache.scan(LOCKED) == {(REPO.repo, FILE.path)}, "it is followed"


def test_the_revision_moves_and_tells_from_where(cache: DiskCache, tmp_path: Path) -> None:
    ref = layout.ref(tmp_path, REPO.repo)
    ref.parent.mkdir(parents=True)
    ref.write_text("d" * 40)
    assert cache.point(REPO) == "d" * 40
    assert ref.read_text() == "c" * 40
    assert cache.point(REPO) is None
    pinned = LockedRepo(repo=Repo(repo_id="org/name", revision="c" * 40), commit="c" * 40, files=())
    assert cache.point(pinned) is None
    assert not (ref.parent.parent / ("c" * 40)).exists()


def test_a_listing_that_names_more_than_there_is_does_not_stay(cache: DiskCache, tmp_path: Path) -> None:
    """Or huggingface_hub calls the snapshot incomplete when it is offline."""
    bring(cache)
    cache.link(REPO)
    listing = layout.listing(tmp_path, REPO.repo, REPO.commit)
    listing.parent.mkdir(parents=True)
    listing.write_text('{"format_version": 1, "files": {"sub/file.txt": {"size": 1, "blob_id": "x"}}}')
    cache.point(REPO)
    assert listing.exists()
    listing.write_text('{"format_version": 1, "files": {"sub/file.txt": {}, "README.md": {}}}')
    cache.point(REPO)
    assert not listing.exists()
    listing.write_text("nonsense")
    cache.point(REPO)
    assert not listing.exists()


def test_the_place_of_the_listing_is_huggingface_hubs(tmp_path: Path) -> None:
    import importlib.util

    import huggingface_hub

    if huggingface_hub.__version__.startswith("1."):
        assert importlib.util.find_spec("huggingface_hub._tree_cache") is None, "version 1 remembers no listings"
        return
    from huggingface_hub._tree_cache import TreeCacheEntry, write_tree_cache

    folder = layout.repo_folder(tmp_path, REPO.repo)
    write_tree_cache(str(folder), REPO.commit, {"a.txt": TreeCacheEntry(size=1, blob_id="x")})
    assert layout.listing(tmp_path, REPO.repo, REPO.commit).is_file()


def test_the_lock_is_huggingface_hubs(tmp_path: Path, cache: DiskCache) -> None:
    """While ``hf download`` holds it, prewarm waits, and then finds the file there."""
    from huggingface_hub.utils._fixes import WeakFileLock

    lock = layout.lock(tmp_path, REPO.repo, FILE.digest)
    lock.parent.mkdir(parents=True)
    brought: list[bool] = []
    with WeakFileLock(str(lock)):
        thread = threading.Thread(target=lambda: brought.append(bring(cache)))
        thread.start()
        time.sleep(0.3)
        assert brought == []
        blob = layout.blob(tmp_path, REPO.repo, FILE.digest)
        blob.parent.mkdir(parents=True)
        blob.write_bytes(CONTENT)
    thread.join(timeout=10)
    assert brought == [False]


def test_waiting_for_another_run_ends_when_the_user_says_so(tmp_path: Path) -> None:
    from filelock import FileLock

    stop = Stop()
    cache = DiskCache(tmp_path)
    lock = layout.lock(tmp_path, REPO.repo, FILE.digest)
    lock.parent.mkdir(parents=True)
    raised: list[BaseException] = []

    def work() -> None:
        try:
            bring(cache, stop=stop)
        except Interrupted as error:
            raised.append(error)

    with FileLock(lock):
        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.2)
        stop.set()
        thread.join(timeout=5)
    assert len(raised) == 1


def test_a_file_system_without_locks_costs_no_correctness(cache: DiskCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    assert bring(cache)
    assert cache.read(REPO, FILE) == CONTENT


def test_a_full_disk_ends_with_what_to_do_and_keeps_what_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prewarm.cache.partial import PartialFile
    from prewarm.cache.room import partial_bytes

    content = bytes(range(256)) * 40_000
    file = RepoFile(
        path="large.bin",
        size=len(content),
        digest=Digest(algorithm="sha256", value=hashlib.sha256(content).hexdigest()),
    )
    write, left = os.pwrite, [6_000_000]

    def filling(descriptor: int, piece: bytes, offset: int) -> int:
        left[0] -= len(piece)
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, piece, offset)

    monkeypatch.setattr(os, "pwrite", filling)
    target = tmp_path / "blobs" / file.digest.value
    sink = PartialFile(target, file, is_alone=True, wrote=lambda count: None)
    for at in range(0, 6_000_000, 1_000_000):
        sink.write(at, content[at : at + 1_000_000])
    with pytest.raises(CacheError) as error:
        sink.write(6_000_000, content[6_000_000:7_000_000])
    sink.close()
    assert error.value.kind == "no-space"
    assert "HF_HOME" in error.value.hint
    assert not target.exists()
    monkeypatch.undo()
    assert partial_bytes(target) >= 6_000_000
    again = PartialFile(target, file, is_alone=True, wrote=lambda count: None)
    assert again.missing() == [(6_000_000, len(content))]
    again.write(6_000_000, content[6_000_000:])
    again.finish()
    assert target.read_bytes() == content


def test_room_is_made_sure_of_before_the_first_byte(
    cache: DiskCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    class Usage:
        free = 30

    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage)
    big = RepoFile(path="b", size=20, digest=Digest(algorithm="sha256", value="f" * 64))
    cache.reserve([(REPO, big)])
    cache.reserve([(REPO, big)])
    other = RepoFile(path="c", size=25, digest=Digest(algorithm="sha256", value="e" * 64))
    with pytest.raises(CacheError, match="has 30 B free, 15 B too little") as error:
        cache.reserve([(REPO, other)])
    assert error.value.kind == "no-space"
    cache.reserve([(REPO, RepoFile(path="d", size=10, digest=Digest(algorithm="sha256", value="d" * 64)))])


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CacheError, match="the cache cannot be used"):
        bring(DiskCache(tmp_path / "file"))


def test_forgetting_brings_everything_once_more(tmp_path: Path, cache: DiskCache) -> None:
    bring(cache)
    forgetful = DiskCache(tmp_path, forgets=True)
    assert forgetful.scan(LOCKED) == frozenset()
    assert bring(forgetful)
    assert not bring(forgetful)


def test_a_preview_keeps_what_it_reads_in_memory(tmp_path: Path, cache: DiskCache) -> None:
    preview = Preview(cache)
    assert bring(preview)
    assert preview.read(REPO, FILE) == CONTENT
    preview.link(REPO)
    assert preview.point(REPO) is None
    assert not layout.repo_folder(tmp_path, REPO.repo).exists()
    with pytest.raises(CacheError):
        bring(preview, SMALL, b"wrong")


def test_small_files_are_written_whole(tmp_path: Path) -> None:
    place.write_text(tmp_path / "deep" / "ref", "a")
    place.write_text(tmp_path / "deep" / "ref", "b")
    assert (tmp_path / "deep" / "ref").read_text() == "b"
    assert len(list((tmp_path / "deep").iterdir())) == 1


def test_a_blob_that_two_entries_need_is_no_other_runs_download(cache: DiskCache) -> None:
    told: list[str] = []

    def other() -> None:
        with cache.receive(REPO, FILE, Stop(), lambda holder, waited_s: told.append("awaited")) as sink:
            assert sink is None

    with cache.receive(REPO, FILE, Stop(), lambda holder, waited_s: None) as sink:
        assert sink is not None
        thread = threading.Thread(target=other)
        thread.start()
        time.sleep(0.3)
        sink.write(0, CONTENT)
        sink.finish()
    thread.join(timeout=5)
    assert told == []


def test_what_is_there_is_read_without_waiting_for_anything(cache: DiskCache) -> None:
    from types import SimpleNamespace

    from prewarm.flow.resolve import read_documents

    bring(cache)
    # Nothing else of a run is there.
    tools: Any = SimpleNamespace(cache=cache)
    account: Any = None
    assert read_documents([(REPO, FILE)], tools, account) == {(REPO.repo, FILE.path): CONTENT}
