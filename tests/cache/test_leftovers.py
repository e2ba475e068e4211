"""What interrupted downloads leave, and how ``prewarm clean`` takes it away."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from conftest import Prewarm
from prewarm.localhub import LocalHub, Repository

ETAG = "a" * 64


def fill(cache: Path) -> dict[str, Path]:
    blobs = cache / "models--org--name" / "blobs"
    blobs.mkdir(parents=True)
    files = {
        "orphan": blobs / f"{ETAG}.0123abcd.incomplete",
        "older": blobs / f"{'b' * 40}.incomplete",
        "partial": blobs / f"{'c' * 64}.prewarm.incomplete",
        "journal": blobs / f"{'c' * 64}.prewarm.json",
        "whole": blobs / ("d" * 64),
    }
    for path in files.values():
        path.write_bytes(bytes(100_000))
    return files


def test_a_dry_run_says_what_it_would_free(prewarm: Prewarm) -> None:
    files = fill(prewarm.cache)
    result = prewarm("clean", "--dry-run")
    assert result.code == 0
    assert all(path.exists() for path in files.values())
    assert result.out.count("would be removed") == 3
    assert "(prewarm, resumable)" in result.out
    assert "(huggingface_hub)" in result.out
    assert result.out.splitlines()[-1].startswith("would free 3")


def test_leftovers_go_and_whole_files_stay(prewarm: Prewarm) -> None:
    files = fill(prewarm.cache)
    result = prewarm("clean")
    assert result.code == 0
    assert [name for name, path in files.items() if path.exists()] == ["whole"]
    assert "in 3 files" in result.out.splitlines()[-1]
    assert prewarm("clean").out.strip() == "freed 0 B in 0 files"


def test_what_a_running_download_holds_is_kept(prewarm: Prewarm) -> None:
    files = fill(prewarm.cache)
    lock = prewarm.cache / ".locks" / "models--org--name" / f"{ETAG}.lock"
    lock.parent.mkdir(parents=True)
    with FileLock(lock):
        result = prewarm("clean")
    assert files["orphan"].exists()
    assert not files["partial"].exists()
    assert "in use: kept" in result.out


def test_without_a_cache_there_is_nothing_to_do(prewarm: Prewarm) -> None:
    assert prewarm("clean").out.strip() == "freed 0 B in 0 files"


def test_the_orphan_of_a_killed_hf_download_is_found(prewarm: Prewarm, hub: LocalHub) -> None:
    """The names are huggingface_hub's own: this fails when they change."""
    import subprocess
    import sys
    import time

    repository = hub.add(Repository(repo_id="org/slow"))
    repository.commit({"slow.bin": bytes(30_000_000)})
    hub.bytes_per_s = 8_000_000
    process = subprocess.Popen(
        [sys.executable, "-c", "from huggingface_hub import hf_hub_download; hf_hub_download('org/slow', 'slow.bin')"],
        env=prewarm.environ,
        stderr=subprocess.DEVNULL,
    )
    while sum(request.sent_bytes for request in hub.log.all()) < 14_000_000:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert list(prewarm.cache.rglob("*.incomplete"))
    result = prewarm("clean")
    assert "(huggingface_hub)" in result.out
    assert not list(prewarm.cache.rglob("*.incomplete"))
