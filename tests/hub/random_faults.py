"""A story of random faults; told over HTTP and over Xet, in files of their own, so that they run beside each other."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from fetching import LARGE, REPO, SMALL, Run

from prewarm.localhub import Fault, FaultKind, LocalHub, Repository
from prewarm.records.entry import TransferMode
from prewarm.records.errors import EntryError
from prewarm.records.listing import Listing

KINDS: tuple[FaultKind, ...] = (
    "status",
    "reset",
    "cut",
    "flip",
    "hang",
    "slow",
    "html",
    "wrong-length",
    "ignore-range",
)
XET_PATHS = ["*/xet-read-token/*", "/v1/*"]


def whatever_goes_wrong(
    seed: int, transfer: TransferMode, hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every fault, on every kind of request, at random: the cache ends complete and right, or with a named error."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    monkeypatch.setattr("prewarm.hub.retry.FIRST_WAIT_S", 0.01)
    monkeypatch.setattr("prewarm.hub.retry.LONGEST_WAIT_S", 0.03)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 0.3)
    # hf_xet keeps its logs below it.
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    rng = random.Random(seed)
    hub.routes.serves_xet = over_xet = transfer == "xet"
    content = LARGE[: 10_000_000 + rng.randrange(1000)]
    repository = Repository(repo_id=REPO.repo_id)
    repository.commit({"large.bin": content, "small.txt": SMALL, "small.bin": SMALL})
    hub.add(repository)
    for _ in range(rng.randrange(1, 9)):
        hub.faults.add(
            Fault(
                path=rng.choice(
                    ["*", "/api/models/*", "*/resolve/*", "*large.bin", "*small.txt"] + XET_PATHS * over_xet
                ),
                kind=rng.choice(KINDS),
                count=rng.choice([1, 1, 1, 2, 3, 7]),
                origin=rng.choice(["hub", "cdn", "any"]),
                status=rng.choice([429, 408, 500, 502, 503, 504, 403]),
                at_byte=rng.choice([0, 1, 100, 70_000, 1_500_000]),
                seconds=0.6,
                bytes_per_s=4e7,
                headers=rng.choice([{}, {"Retry-After": "0"}, {"Retry-After": "0.1"}]),
            )
        )
    listing: Listing | None = None
    run = Run(tmp_path, rng.choice([1, 2, 4]), transfer)
    named: list[EntryError] = []
    for path in ("large.bin", "small.txt", "small.bin"):
        try:
            run.fetch(path)
            listing = run.listing()
        except EntryError as error:
            named.append(error)
    wrong = [blob for blob in tmp_path.rglob("blobs/*") if not right(blob)]
    assert wrong == []
    for failure in named:
        assert failure.kind in ("unreachable", "timeout", "corrupt", "rate-limited", "unauthorized", "not-found")
        assert failure.message
        assert failure.hint
    if not named:
        assert listing is not None
        assert run.content("large.bin") == content
    hub.faults.clear()
    again = Run(tmp_path, transfer=transfer)
    for path, expected in (("large.bin", content), ("small.txt", SMALL), ("small.bin", SMALL)):
        again.fetch(path)
        assert again.content(path) == expected


def right(blob: Path) -> bool:
    if ".prewarm." in blob.name:
        return True
    content = blob.read_bytes()
    if len(blob.name) == 64:
        return hashlib.sha256(content).hexdigest() == blob.name
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == blob.name
