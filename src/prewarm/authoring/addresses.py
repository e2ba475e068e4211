"""What people paste for a repository: an id, or the address of a page. Changes with the Hub's pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from prewarm.records import names
from prewarm.records.errors import CommandError
from prewarm.records.listing import Repo, RepoType
from prewarm.records.text import quoted

_VERBS = ("tree", "blob", "resolve", "raw", "commit", "commits", "edit", "blame")
_HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co")
_HINT = "an id is namespace/name, with @revision where wanted; or the address of its page"


@dataclass(frozen=True, kw_only=True)
class Pasted:
    """What was meant."""

    repo: Repo
    path: str = ""
    """Of a file in it, where one was named."""


def parse(said: str, endpoint: str = "") -> Pasted:
    """What somebody means by ``said``.

    Args:
        said: what was pasted.
        endpoint: of the Hub that is used, beside huggingface.co.

    Raises:
        CommandError: it is neither an id nor an address of a repository.
    """
    said = said.strip().strip("'\"<>")
    if said.startswith(tuple(f"{host}/" for host in _HOSTS)):
        said = f"https://{said}"
    if re.match(r"https?://|hf://", said):
        return _address(said, endpoint)
    said = said.rstrip("/")
    repo_type: RepoType = "model"
    for prefix, meant in (("datasets/", "dataset"), ("models/", "model")):
        if said.startswith(prefix) and said.count("/") >= 2:
            said, repo_type = said.removeprefix(prefix), "dataset" if meant == "dataset" else "model"
    repo_id, _, revision = said.partition("@")
    return _pasted(said, repo_id, repo_type, revision or "main", "")


def _address(said: str, endpoint: str) -> Pasted:
    parts = urlsplit(said)
    if parts.scheme != "hf" and parts.netloc.lower() not in {*_HOSTS, urlsplit(endpoint).netloc.lower()}:
        raise CommandError(f"'{quoted(said)}' is no address of the Hub", hint=_HINT)
    steps = [unquote(step) for step in parts.path.split("/") if step]
    if parts.scheme == "hf":
        steps = [parts.netloc, *steps]
    repo_type: RepoType = "dataset" if steps[:1] == ["datasets"] else "model"
    if steps[:1] == ["spaces"]:
        raise CommandError(
            f"'{quoted(said)}' is a space, and no model", hint="prewarm scan reads its source, once it is here"
        )
    if steps[:1] in (["datasets"], ["models"]):
        steps = steps[1:]
    at = next((place for place, step in enumerate(steps[1:3], start=1) if step in _VERBS), None)
    own, rest = (steps[:at], steps[at + 1 :]) if at is not None else (steps[:2], [])
    repo_id, _, revision = "/".join(own).partition("@")
    named = revision or (rest[0] if rest else "main")
    is_file = at is not None and steps[at] in ("blob", "resolve", "raw", "edit", "blame")
    return _pasted(said, repo_id, repo_type, named, "/".join(rest[1:]) if is_file else "")


def _pasted(said: str, repo_id: str, repo_type: RepoType, revision: str, path: str) -> Pasted:
    if not names.is_repo_id(repo_id) or not names.is_revision(revision):
        raise CommandError(f"'{quoted(said)}' is no repository", hint=_HINT)
    return Pasted(repo=Repo(repo_id=repo_id, revision=revision, repo_type=repo_type), path=path)
