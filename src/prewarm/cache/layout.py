"""Where things are in the cache. Changes when huggingface_hub's layout does.

The layout is documented at huggingface.co/docs/huggingface_hub/guides/manage-cache.
"""

from __future__ import annotations

from pathlib import Path

from prewarm.records.listing import Digest, Repo


def repo_folder(root: Path, repo: Repo) -> Path:
    """Where all of it is."""
    return root / repo.folder


def blob(root: Path, repo: Repo, digest: Digest) -> Path:
    """The content of a file, named by its hash."""
    return repo_folder(root, repo) / "blobs" / digest.value


def snapshot(root: Path, repo: Repo, commit: str) -> Path:
    """The folder of a commit's files."""
    return repo_folder(root, repo) / "snapshots" / commit


def pointer(root: Path, repo: Repo, commit: str, path: str) -> Path:
    """The name under which a file of a commit is opened."""
    return snapshot(root, repo, commit) / Path(*path.split("/"))


def ref(root: Path, repo: Repo) -> Path:
    """The file that says which commit the revision means."""
    return repo_folder(root, repo) / "refs" / Path(*repo.revision.split("/"))


def absent(root: Path, repo: Repo, commit: str, path: str) -> Path:
    """huggingface_hub's mark that the commit has no such file, so that nobody asks the Hub for it."""
    return repo_folder(root, repo) / ".no_exist" / commit / Path(*path.split("/"))


def proofs(root: Path, repo: Repo, name: str) -> Path:
    """What prewarm remembers of an entry's proofs; goes with the repository's folder."""
    return repo_folder(root, repo) / "prewarm" / f"{name}.json"


def listing(root: Path, repo: Repo, commit: str) -> Path:
    """huggingface_hub's own memory of a commit's listing."""
    return repo_folder(root, repo) / "trees" / f"{commit}.json"


def lock(root: Path, repo: Repo, digest: Digest) -> Path:
    """The lock that huggingface_hub takes, too, while it downloads a blob."""
    return root / ".locks" / repo.folder / f"{digest.value}.lock"
