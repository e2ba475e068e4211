"""A listing made of what the cache itself holds, for when nobody else can be asked. Changes with the cache's layout."""

from __future__ import annotations

import os
from pathlib import Path

from prewarm.cache import layout
from prewarm.lock.content import sha256_of
from prewarm.records import names
from prewarm.records.listing import Digest, Listing, Repo, RepoFile


def listing_of(root: Path, repo: Repo) -> Listing | None:
    """The files of the commit that the revision names in the cache; None where it names none.

    The hash of a file is the name of its blob, as huggingface_hub gives it, or that of its content.
    """
    commit = repo.revision
    try:
        if not names.is_commit(commit):
            commit = layout.ref(root, repo).read_text(encoding="utf-8").strip()
        folder = layout.snapshot(root, repo, commit)
        if not names.is_commit(commit) or not folder.is_dir():
            return None
        files = [_file(folder, Path(at, name)) for at, _, found in os.walk(folder) for name in sorted(found)]
    except (OSError, UnicodeDecodeError):
        return None
    return Listing(repo=repo, commit=commit, files=tuple(file for file in files if file is not None))


def _file(folder: Path, path: Path) -> RepoFile | None:
    if not path.is_file() or not names.is_path(relative := path.relative_to(folder).as_posix()):
        return None
    value = path.readlink().name if path.is_symlink() else ""
    if names.is_commit(value):
        digest = Digest(algorithm="git-sha1", value=value)
    else:
        # A copy without links, as COPY and cp -L make them: nothing but the content tells its hash.
        value = value if names.is_sha256(value) else sha256_of(path)
        digest = Digest(algorithm="sha256", value=value)
    return RepoFile(path=relative, size=path.stat().st_size, digest=digest)
