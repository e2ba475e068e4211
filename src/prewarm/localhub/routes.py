"""What the Hub answers to which address. Standard library only.

The routes and headers are those of huggingface.co as its clients rely on them; see docs/design.md.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from prewarm.localhub.access import Access, Refusal
from prewarm.localhub.answers import Answer, api_error, json_answer, parse_range
from prewarm.localhub.repository import Commit, Repository, StoredFile
from prewarm.localhub.xet import TOKEN, XetStore

_TYPES = {"models": "model", "datasets": "dataset"}
_API_WORDS = ("revision", "tree", "paths-info", "refs", "xet-read-token")


@dataclass(frozen=True)
class _Signed:
    file: StoredFile
    path: str
    expires: float


class Routes:
    """Answers requests from repositories in memory.

    Args:
        access: who may read what.
        tree_page: entries on one page of a tree; 1,000 on the real Hub.
        link_lifetime_s: how long a signed address of the second origin is good.
    """

    def __init__(self, access: Access, *, tree_page: int = 1000, link_lifetime_s: float = 3600.0) -> None:
        self.access = access
        self.tree_page = tree_page
        self.link_lifetime_s = link_lifetime_s
        self.renamed: dict[str, str] = {}
        self.xet = XetStore()
        self.serves_xet = False
        self.hub_url = ""
        self.cdn_url = ""
        self._repositories: dict[tuple[str, str], Repository] = {}
        self._signed: dict[str, _Signed] = {}
        self._lock = threading.Lock()

    def add(self, repository: Repository) -> None:
        """Serve ``repository``."""
        self._repositories[repository.repo_type, repository.repo_id] = repository

    def find(self, repo_id: str, repo_type: str = "model") -> Repository | None:
        """The repository of that id, or None."""
        return self._repositories.get((repo_type, repo_id))

    def hub(self, path: str, query: str, authorization: str | None, body: bytes) -> Answer:
        """The answer of the Hub itself."""
        account = self.access.caller(authorization)
        if isinstance(account, Refusal):
            return api_error(account.status, account.message, code=account.code)
        parts = [part for part in path.split("/") if part]
        if parts[:1] == ["api"]:
            if parts[1:2] == ["whoami-v2"]:
                return json_answer({"name": account, "type": "user"}) if account else api_error(401, "Invalid username")
            if parts[1:2] == ["resolve-cache"]:
                return self._resolve_cache(parts[2:], account)
            if len(parts) > 2 and parts[1] in _TYPES:
                return self._api(_TYPES[parts[1]], parts[2:], query, account, body)
            return api_error(404, "Sorry, we can't find the page you are looking for.")
        if "resolve" in parts:
            return self._resolve(parts, account)
        return api_error(404, "Sorry, we can't find the page you are looking for.")

    def cdn(self, path: str, query: str, authorization: str | None, wanted: str | None) -> Answer:
        """The answer of the second origin: signed addresses only, and never with the Hub's token.

        Args:
            path: of the request.
            query: of the request.
            authorization: of the request.
            wanted: its ``Range``.
        """
        if path.startswith(("/v1/", "/v2/", "/xorbs/")):
            return self._cas(path, authorization, wanted)
        if authorization is not None:
            return api_error(400, "Only one auth mechanism allowed")
        signature = (parse_qs(query).get("X-Signature") or [""])[0]
        with self._lock:
            signed = self._signed.get(signature)
        if signed is None or path != f"/lfs/{signed.file.sha256}" or signed.expires < time.monotonic():
            return api_error(403, "Request has expired")
        # The second origin's own ETag is not the file's hash.
        headers = {"ETag": f'"cdn-{signature[:16]}"', "Content-Type": "application/octet-stream"}
        return Answer(status=200, headers=headers, body=signed.file, fault_path=signed.path)

    def _cas(self, path: str, authorization: str | None, wanted: str | None) -> Answer:
        _, route, *rest = path.split("/")
        if route == "xorbs":
            xorb = self.xet.xorb(rest[0])
            return Answer(status=200, body=xorb, fault_path=xorb.path) if xorb else api_error(404, "no such xorb")
        if route == "v1" and rest[0] == "telemetry":
            return json_answer({})
        # Clients that are told that there is no version 2 ask for version 1.
        if route == "v2" or rest[0] != "reconstructions":
            return api_error(404, "not found")
        if authorization != f"Bearer {TOKEN}":
            return api_error(401, "wrong token")
        size = self.xet.size_of(rest[1])
        chosen = parse_range(wanted, size) if wanted else (0, size)
        if chosen is None:
            return api_error(416, "no such range")
        said = self.xet.reconstruction(rest[1], chosen, self.cdn_url)
        return json_answer(said) if said else api_error(404, "no such file")

    def _api(self, repo_type: str, parts: list[str], query: str, account: str | None, body: bytes) -> Answer:
        at = next((place for place in (1, 2) if parts[place : place + 1] and parts[place] in _API_WORDS), None)
        repo_id = "/".join(parts[: at if at is not None else 2])
        word = parts[at] if at is not None else "revision"
        rest = parts[at + 1 :] if at is not None else []
        if at is None and len(parts) > 2:
            return api_error(404, "Sorry, we can't find the page you are looking for.")
        if repo_id in self.renamed:
            tail = "/".join(parts[at:] if at is not None else [])
            target = f"/api/{repo_type}s/{self.renamed[repo_id]}" + (f"/{tail}" if tail else "")
            return Answer(status=307, headers={"Location": target + (f"?{query}" if query else "")})
        repository = self.find(repo_id, repo_type)
        if refusal := self.access.refuses(repository, account, "listing"):
            return api_error(refusal.status, refusal.message, code=refusal.code)
        assert repository is not None
        if word == "refs":
            refs = [{"name": n, "ref": f"refs/heads/{n}", "targetCommit": c} for n, c in repository.branches.items()]
            tags = [{"name": n, "ref": f"refs/tags/{n}", "targetCommit": c} for n, c in repository.tags.items()]
            return json_answer({"branches": refs, "tags": tags, "converts": []})
        revision = unquote(rest[0]) if rest else "main"
        commit = repository.resolve(revision)
        if commit is None:
            return api_error(404, f"Invalid rev id: {revision}", code="RevisionNotFound")
        asked = parse_qs(query)
        if word == "xet-read-token":
            said = self.xet.token(self.cdn_url)
            named = {
                "X-Xet-Access-Token": said["accessToken"],
                "X-Xet-Token-Expiration": str(said["exp"]),
                "X-Xet-Cas-Url": said["casUrl"],
            }
            return json_answer(said, named)
        if word == "tree":
            return self._tree(repo_type, repo_id, commit, unquote("/".join(rest[1:])), rest[0], asked)
        if word == "paths-info":
            paths = parse_qs(body.decode()).get("paths", []) if body[:1] != b"{" else json.loads(body)["paths"]
            return json_answer([_tree_file(path, commit.files[path]) for path in paths if path in commit.files])
        return json_answer(_repo_info(repository, commit, blobs="blobs" in asked))

    def _tree(
        self, repo_type: str, repo_id: str, commit: Commit, folder: str, revision: str, asked: dict[str, list[str]]
    ) -> Answer:
        prefix = f"{folder}/" if folder else ""
        inside = {path: file for path, file in commit.files.items() if path.startswith(prefix)}
        if folder and not inside:
            return api_error(
                404, f"{folder} does not exist", code="EntryNotFound", headers={"X-Repo-Commit": commit.sha}
            )
        is_recursive = asked.get("recursive", ["false"])[0].lower() in ("true", "1")
        entries = [
            _tree_file(path, file) for path, file in inside.items() if is_recursive or "/" not in path[len(prefix) :]
        ]
        folders = sorted(_folders(inside, prefix, is_recursive))
        entries += [{"type": "directory", "oid": "0" * 40, "size": 0, "path": path} for path in folders]
        entries.sort(key=lambda entry: str(entry["path"]))
        start = int(asked.get("cursor", ["0"])[0])
        page = entries[start : start + self.tree_page]
        headers = {}
        if start + self.tree_page < len(entries):
            where = f"{self.hub_url}/api/{repo_type}s/{repo_id}/tree/{revision}" + (
                f"/{quote(folder)}" if folder else ""
            )
            query = f"recursive={str(is_recursive).lower()}&cursor={start + self.tree_page}"
            headers["Link"] = f'<{where}?{query}>; rel="next"'
        return json_answer(page, headers)

    def _resolve(self, parts: list[str], account: str | None) -> Answer:
        at = parts.index("resolve")
        owner = parts[:at]
        repo_type = "model"
        if len(owner) > 1 and owner[0] == "datasets":
            repo_type, owner = "dataset", owner[1:]
        repo_id = "/".join(owner)
        if len(parts) < at + 3:
            return api_error(404, "Sorry, we can't find the page you are looking for.")
        if repo_id in self.renamed:
            start = "/datasets/" if repo_type == "dataset" else "/"
            return Answer(status=307, headers={"Location": start + self.renamed[repo_id] + "/" + "/".join(parts[at:])})
        repository = self.find(repo_id, repo_type)
        if refusal := self.access.refuses(repository, account, "file"):
            return api_error(refusal.status, refusal.message, code=refusal.code)
        assert repository is not None
        revision, path = unquote(parts[at + 1]), unquote("/".join(parts[at + 2 :]))
        commit = repository.resolve(revision)
        if commit is None:
            return api_error(404, f"Invalid rev id: {revision}", code="RevisionNotFound")
        file = commit.files.get(path)
        said = {"X-Repo-Commit": commit.sha}
        if file is None:
            return api_error(404, "Entry not found", code="EntryNotFound", headers=said)
        if file.sha256 is None:
            where = f"/api/resolve-cache/{repo_type}s/{repo_id}/{commit.sha}/{quote(path)}"
            return Answer(
                status=307, headers={**said, "Location": f"{where}?{quote(path, safe='')}=&etag=%22{file.git_sha1}%22"}
            )
        signature = secrets.token_hex(16)
        with self._lock:
            self._signed[signature] = _Signed(file, "/" + "/".join(parts), time.monotonic() + self.link_lifetime_s)
        linked = {"X-Linked-Size": str(file.size), "X-Linked-ETag": f'"{file.sha256}"'}
        if self.serves_xet:
            route = f"{self.hub_url}/api/{repo_type}s/{repo_id}/xet-read-token/{commit.sha}"
            linked["X-Xet-Hash"] = self.xet.hash_of(file, "/" + "/".join(parts))
            linked["Link"] = f'<{route}>; rel="xet-auth"'
        location = f"{self.cdn_url}/lfs/{file.sha256}?X-Signature={signature}"
        return Answer(status=302, headers={**said, **linked, "Location": location})

    def _resolve_cache(self, parts: list[str], account: str | None) -> Answer:
        for length in (1, 2):
            repo_id, rest = "/".join(parts[1 : 1 + length]), parts[1 + length :]
            repository = self.find(repo_id, _TYPES.get(parts[0] if parts else "", ""))
            if repository is None or len(rest) < 2:
                continue
            if refusal := self.access.refuses(repository, account, "file"):
                return api_error(refusal.status, refusal.message, code=refusal.code)
            commit = repository.commits.get(rest[0])
            path = unquote("/".join(rest[1:]))
            file = commit.files.get(path) if commit else None
            if commit is None or file is None:
                continue
            headers = {
                "X-Repo-Commit": commit.sha,
                "ETag": f'"{file.git_sha1}"',
                "Content-Type": "text/plain; charset=utf-8",
            }
            fault_path = f"/{'datasets/' if parts[0] == 'datasets' else ''}{repo_id}/resolve/{commit.sha}/{path}"
            return Answer(status=200, headers=headers, body=file, fault_path=fault_path)
        return api_error(404, "Entry not found", code="EntryNotFound")


def _folders(paths: Iterable[str], prefix: str, is_recursive: bool) -> set[str]:
    found = set()
    for path in paths:
        steps = path[len(prefix) :].split("/")[:-1]
        for depth in range(1, len(steps) + 1 if is_recursive else min(2, len(steps) + 1)):
            found.add(prefix + "/".join(steps[:depth]))
    return found


def _tree_file(path: str, file: StoredFile) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "oid": file.git_sha1, "size": file.size, "path": path}
    if file.sha256 is not None:
        entry["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": file.pointer_size}
    return entry


def _repo_info(repository: Repository, commit: Commit, *, blobs: bool) -> dict[str, Any]:
    siblings: list[dict[str, Any]] = []
    for path, file in commit.files.items():
        sibling: dict[str, Any] = {"rfilename": path}
        if blobs:
            sibling.update({"blobId": file.git_sha1, "size": file.size})
            if file.sha256 is not None:
                sibling["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": file.pointer_size}
        siblings.append(sibling)
    said: dict[str, Any] = {
        "_id": commit.sha[:24],
        "id": repository.repo_id,
        "author": repository.repo_id.split("/")[0],
        "sha": commit.sha,
        "private": repository.private,
        "gated": repository.gated or False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "createdAt": "2026-01-01T00:00:00.000Z",
        "lastModified": "2026-01-01T00:00:00.000Z",
        "siblings": siblings,
    }
    if repository.repo_type == "model":
        said["modelId"] = repository.repo_id
    return said
