"""A repository with its history: commits, branches, tags, and files in git or in LFS. Standard library only."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prewarm.wire.contents import git_blob, pointer

LFS_PATTERNS = (
    "*.7z", "*.arrow", "*.bin", "*.ckpt", "*.ftz", "*.gguf", "*.gz", "*.h5", "*.joblib", "*.lfs.*", "*.mlmodel",
    "*.model", "*.msgpack", "*.npy", "*.npz", "*.onnx", "*.ot", "*.parquet", "*.pb", "*.pickle", "*.pkl", "*.pt",
    "*.pth", "*.rar", "*.safetensors", "*.spm", "*.tar", "*.tflite", "*.tgz", "*.wasm", "*.xz", "*.zip", "*.zst",
)  # fmt: skip
"""What the Hub's own ``.gitattributes`` of a new repository sends to LFS."""

LFS_THRESHOLD_BYTES = 10_000_000
"""The Hub refuses larger files outside of LFS."""

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """One file at a commit."""

    source: Path | bytes
    """Where its bytes are: a path is read when it is served, so that large files cost no memory."""
    size: int
    """Bytes."""
    git_sha1: str
    """The id of git's blob: of the content, or of the pointer for a file in LFS."""
    sha256: str | None
    """Of the content, for a file in LFS; None for a file in git."""

    @property
    def is_lfs(self) -> bool:
        """Whether it is served from the second origin."""
        return self.sha256 is not None

    def read(self, start: int, length: int) -> bytes:
        """``length`` bytes from ``start``."""
        if isinstance(self.source, bytes):
            return self.source[start : start + length]
        with self.source.open("rb") as file:
            file.seek(start)
            return file.read(length)


def store(path: str, source: Path | bytes) -> StoredFile:
    """Hash a file as git and LFS do; ``path`` decides which of them keeps it."""
    size = source.stat().st_size if isinstance(source, Path) else len(source)
    name = path.rsplit("/", 1)[-1]
    if size > LFS_THRESHOLD_BYTES or any(fnmatch.fnmatchcase(name, pattern) for pattern in LFS_PATTERNS):
        sha256 = _hash(hashlib.sha256(), source)
        kept = pointer(sha256, size)
        return StoredFile(source=source, size=size, git_sha1=_hash(git_blob(len(kept)), kept), sha256=sha256)
    return StoredFile(source=source, size=size, git_sha1=_hash(git_blob(size), source), sha256=None)


def _hash(state: hashlib._Hash, source: Path | bytes) -> str:
    if isinstance(source, bytes):
        state.update(source)
        return state.hexdigest()
    with source.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            state.update(block)
    return state.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A state of a repository."""

    sha: str
    """40 hexadecimal digits, the same for the same files and parent."""
    files: Mapping[str, StoredFile]


@dataclass(kw_only=True)
class Repository:
    """A repository: its commits, its branches and tags, and who may read it."""

    repo_id: str
    repo_type: str = "model"
    gated: str | None = None
    """``auto`` or ``manual`` where the owner asks for consent."""
    private: bool = False
    made_for: str | None = None
    """What the owner's card names, as in ``library_name``."""
    pipeline_tag: str | None = None
    """As ``made_for``."""
    license: str | None = None
    """As ``made_for``."""
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def commit(self, files: Mapping[str, Path | bytes], *, branch: str = "main") -> Commit:
        """Make ``files`` the whole content of ``branch``, and return the new commit."""
        parent = self.branches.get(branch, "")
        stored = {path: store(path, source) for path, source in sorted(files.items())}
        state = hashlib.sha1(f"{self.repo_type} {self.repo_id} {parent}\n".encode(), usedforsecurity=False)
        for path, file in stored.items():
            state.update(f"{path} {file.git_sha1}\n".encode())
        commit = Commit(sha=state.hexdigest(), files=stored)
        self.commits[commit.sha] = commit
        self.branches[branch] = commit.sha
        return commit

    def commit_folder(self, folder: Path, *, branch: str = "main") -> Commit:
        """Commit every file below ``folder``, hidden folders left out."""
        files = {
            path.relative_to(folder).as_posix(): path
            for path in folder.rglob("*")
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts[:-1])
        }
        return self.commit(dict(files), branch=branch)

    def resolve(self, revision: str) -> Commit | None:
        """The commit that a branch, a tag or (a unique start of at least 7 digits of) a commit names."""
        sha = self.branches.get(revision) or self.tags.get(revision)
        if sha is None and len(revision) >= 7:
            found = [known for known in self.commits if known.startswith(revision)]
            sha = found[0] if len(found) == 1 else None
        return self.commits.get(sha) if sha else None


def from_folder(root: Path) -> list[Repository]:
    """Every repository below ``root``: ``namespace/name`` for models, ``datasets/namespace/name`` for datasets.

    Raises:
        NotADirectoryError: there is no folder at ``root``.
    """
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is no folder")
    found = []
    for namespace in sorted(path for path in root.iterdir() if path.is_dir()):
        is_datasets = namespace.name == "datasets"
        parents = sorted(path for path in namespace.iterdir() if path.is_dir()) if is_datasets else [namespace]
        for parent in parents:
            for folder in sorted(path for path in parent.iterdir() if path.is_dir()):
                repository = Repository(
                    repo_id=f"{parent.name}/{folder.name}", repo_type="dataset" if is_datasets else "model"
                )
                repository.commit_folder(folder)
                found.append(repository)
    return found
