"""What the Hub answers to which address. Standard library only.

The routes and headers are those of huggingface.co as its clients rely on them; see docs/design.md.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, unquote

from prewarm.localhub.access import Access, Refusal
from prewarm.localhub.repository import Commit, Repository, StoredFile
from prewarm.localhub.xet import TOKEN, XetStore
from prewarm.wire import addresses, contents, reading
from prewarm.wire.addresses import Address
from prewarm.wire.answers import Answer, api_error, json_answer, parse_range


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
            if parts[1:] in (["models"], ["datasets"]):
                return self._list(parts[1].removesuffix("s"), parse_qs(query))
            if parts[-1:] == ["auth-check"] and len(parts) > 3:
                repository = self.find("/".join(parts[2:-1]), parts[1].removesuffix("s"))
                refusal = self.access.refuses(repository, account, "file")
                return api_error(refusal.status, refusal.message, code=refusal.code) if refusal else json_answer({})
            if parts[1:2] == ["resolve-cache"]:
                return self._resolve_cache(parts[2:], account)
        asked = addresses.parse(path)
        if asked is None:
            return api_error(404, "Sorry, we can't find the page you are looking for.")
        if asked.repo_id in self.renamed:
            return self._moved(asked, query)
        repository = self.find(asked.repo_id, asked.repo_type)
        if refusal := self.access.refuses(repository, account, "file" if asked.word == "resolve" else "listing"):
            return api_error(refusal.status, refusal.message, code=refusal.code)
        assert repository is not None
        commit = repository.resolve(asked.revision)
        if asked.word == "refs":
            return json_answer(contents.refs(repository.branches, repository.tags))
        if commit is None:
            return api_error(404, f"Invalid rev id: {asked.revision}", code="RevisionNotFound")
        if asked.word == "resolve":
            return self._resolve(asked, commit)
        return self._api(asked, repository, commit, parse_qs(query), body)

    def _list(self, repo_type: str, query: dict[str, list[str]]) -> Answer:
        """The repositories that everybody may see."""
        public = [one for one in self._repositories.values() if one.repo_type == repo_type and not one.private]
        return json_answer([{"id": one.repo_id} for one in public[: int(query.get("limit", ["1000"])[0])]])

    def _moved(self, asked: Address, query: str) -> Answer:
        start = f"/api/{asked.repo_type}s/"
        if asked.word == "resolve":
            start, query = "/datasets/" if asked.repo_type == "dataset" else "/", ""
        target = start + self.renamed[asked.repo_id] + (f"/{asked.tail}" if asked.tail else "")
        return Answer(status=307, headers={"Location": target + (f"?{query}" if query else "")})

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

    def _api(
        self, asked: Address, repository: Repository, commit: Commit, query: dict[str, list[str]], body: bytes
    ) -> Answer:
        if asked.word == "xet-read-token":
            said = self.xet.token(self.cdn_url)
            named = {
                "X-Xet-Access-Token": said["accessToken"],
                "X-Xet-Token-Expiration": str(said["exp"]),
                "X-Xet-Cas-Url": said["casUrl"],
            }
            return json_answer(said, named)
        if asked.word == "commits":
            return json_answer(contents.commits(commit.sha))
        if asked.word == "tree":
            return self._tree(asked, commit, query)
        if asked.word == "paths-info":
            return json_answer(contents.paths_info(commit.files, reading.paths_in(body)))
        said = contents.repo_info(
            repository.repo_id,
            repository.repo_type,
            commit.sha,
            commit.files,
            blobs="blobs" in query,
            private=repository.private,
            gated=repository.gated,
            made_for=repository.made_for,
            pipeline_tag=repository.pipeline_tag,
            license_=repository.license,
        )
        return json_answer(said)

    def _tree(self, asked: Address, commit: Commit, query: dict[str, list[str]]) -> Answer:
        if asked.path and not any(path.startswith(f"{asked.path}/") for path in commit.files):
            return reading.absent(commit.sha, f"{asked.path} does not exist")
        is_recursive = query.get("recursive", ["false"])[0].lower() in ("true", "1")
        entries = contents.tree(commit.files, asked.path, is_recursive=is_recursive)
        start = int(query.get("cursor", ["0"])[0])
        headers = {}
        if start + self.tree_page < len(entries):
            where = f"{self.hub_url}/api/{asked.repo_type}s/{asked.repo_id}/{asked.tail}"
            following = f"recursive={str(is_recursive).lower()}&cursor={start + self.tree_page}"
            headers["Link"] = f'<{where}?{following}>; rel="next"'
        return json_answer(entries[start : start + self.tree_page], headers)

    def _resolve(self, asked: Address, commit: Commit) -> Answer:
        repo_type, repo_id, path = asked.repo_type, asked.repo_id, asked.path
        file = commit.files.get(path)
        said = {"X-Repo-Commit": commit.sha}
        if file is None:
            return reading.absent(commit.sha)
        if file.sha256 is None:
            where = f"/api/resolve-cache/{repo_type}s/{repo_id}/{commit.sha}/{quote(path)}"
            return Answer(
                status=307, headers={**said, "Location": f"{where}?{quote(path, safe='')}=&etag=%22{file.git_sha1}%22"}
            )
        start = "/datasets/" if repo_type == "dataset" else "/"
        fault_path = f"{start}{repo_id}/{asked.tail}"
        signature = secrets.token_hex(16)
        with self._lock:
            self._signed[signature] = _Signed(file, fault_path, time.monotonic() + self.link_lifetime_s)
        linked = {"X-Linked-Size": str(file.size), "X-Linked-ETag": f'"{file.sha256}"'}
        if self.serves_xet:
            route = f"{self.hub_url}/api/{repo_type}s/{repo_id}/xet-read-token/{commit.sha}"
            linked["X-Xet-Hash"] = self.xet.hash_of(file, fault_path)
            linked["Link"] = f'<{route}>; rel="xet-auth"'
        location = f"{self.cdn_url}/lfs/{file.sha256}?X-Signature={signature}"
        return Answer(status=302, headers={**said, **linked, "Location": location})

    def _resolve_cache(self, parts: list[str], account: str | None) -> Answer:
        for length in (1, 2):
            repo_id, rest = "/".join(parts[1 : 1 + length]), parts[1 + length :]
            repository = self.find(repo_id, addresses.TYPES.get(parts[0] if parts else "", "model"))
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
