"""huggingface_hub's and transformers' own clients work against the loopback Hub, unchanged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import MINILM, TOKEN, Prewarm
from prewarm.localhub import LocalHub, Quota, Quotas, Repository


def test_snapshot_download_brings_every_file(zoo_prewarm: Prewarm, minilm: Path) -> None:
    done = zoo_prewarm.python(f"from huggingface_hub import snapshot_download; print(snapshot_download('{MINILM}'))")
    assert done.code == 0, done.err
    snapshot = Path(done.out.strip())
    for path in minilm.rglob("*"):
        if path.is_file():
            assert (snapshot / path.relative_to(minilm)).read_bytes() == path.read_bytes()


def test_hf_download_and_verify(zoo_prewarm: Prewarm) -> None:
    run = "import sys; from huggingface_hub.cli.hf import main; sys.argv = ['hf', *{args}]; main()"
    done = zoo_prewarm.python(run.format(args=["download", "zoo/multimodal"]))
    assert done.code == 0, done.err
    done = zoo_prewarm.python(run.format(args=["cache", "verify", "zoo/multimodal"]))
    assert done.code == 0, done.out + done.err
    assert "All checksums match" in done.out


def test_from_pretrained_loads_model_and_processor(zoo_prewarm: Prewarm) -> None:
    done = zoo_prewarm.python(
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n"
        "model = AutoModelForCausalLM.from_pretrained('zoo/chat-templates')\n"
        "tokenizer = AutoTokenizer.from_pretrained('zoo/chat-templates')\n"
        "print(type(model).__name__, len(tokenizer), sorted(tokenizer.chat_template))"
    )
    assert done.code == 0, done.err
    assert done.out.strip() == "LlamaForCausalLM 304 ['default', 'tools']"


def test_from_pretrained_runs_trusted_code(zoo_prewarm: Prewarm) -> None:
    done = zoo_prewarm.python(
        "from transformers import AutoModel\n"
        "print(type(AutoModel.from_pretrained('zoo/custom-code-elsewhere', trust_remote_code=True)).__name__)"
    )
    assert done.code == 0, done.err
    assert done.out.strip() == "TinyModel"


def test_the_api_names_branches_tags_and_pages(hub: LocalHub, prewarm: Prewarm) -> None:
    repository = hub.add(Repository(repo_id="org/many"))
    first = repository.commit({f"{number:03}.txt": b"x" for number in range(25)} | {"sub/deep.txt": b"y"})
    second = repository.commit({"new.txt": b"z"}, branch="next/one")
    repository.tags["v1"] = first.sha
    hub.routes.tree_page = 10
    done = prewarm.python(
        "import json; from huggingface_hub import HfApi; api = HfApi()\n"
        "refs = api.list_repo_refs('org/many')\n"
        "print(json.dumps({'files': sorted(f.path for f in api.list_repo_tree('org/many', recursive=True) if hasattr(f, 'size')),"
        "'top': sorted(f.path for f in api.list_repo_tree('org/many')),"
        "'branches': sorted(b.name for b in refs.branches), 'tags': [t.target_commit for t in refs.tags],"
        "'next': api.model_info('org/many', revision='next/one').sha, 'v1': api.model_info('org/many', revision='v1').sha,"
        "'short': api.model_info('org/many', revision='" + second.sha[:8] + "').sha}))"
    )
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert len(said["files"]) == 26
    assert "sub" in said["top"]
    assert "sub/deep.txt" not in said["top"]
    assert said["branches"] == ["main", "next/one"]
    assert said["tags"] == [first.sha]
    assert (said["next"], said["v1"], said["short"]) == (second.sha, first.sha, second.sha)


@pytest.mark.parametrize(
    ("repo_id", "token", "error"),
    [
        ("org/none", None, "RepositoryNotFoundError"),
        ("org/private", None, "RepositoryNotFoundError"),
        ("org/private", TOKEN, "ok"),
        ("org/gated", None, "GatedRepoError"),
        ("org/refused", TOKEN, "GatedRepoError"),
        ("org/gated", TOKEN, "ok"),
        ("org/old", None, "ok"),
        ("org/open@none", None, "RevisionNotFoundError"),
        ("org/open/none.txt", None, "EntryNotFoundError"),
        ("org/open", "hf_wrong", "HfHubHTTPError"),
    ],
)
def test_refusals_are_those_of_the_hub(
    hub: LocalHub, prewarm: Prewarm, repo_id: str, token: str | None, error: str
) -> None:
    for name, fields in {
        "private": {"private": True},
        "gated": {"gated": "auto"},
        "refused": {"gated": "manual"},
        "open": {},
    }.items():
        repository = Repository(repo_id=f"org/{name}", **fields)  # type: ignore[arg-type]
        repository.commit({"a.txt": b"a"})
        hub.add(repository)
    hub.rename("org/old", "org/open")
    for name in ("private", "gated"):
        hub.access.members[f"org/{name}"] = {"tester"}
    repo, _, revision = repo_id.partition("@")
    path = "a.txt"
    if repo.count("/") == 2:
        repo, path = repo.rsplit("/", 1)
    done = prewarm.python(
        "from huggingface_hub import hf_hub_download\n"
        "from huggingface_hub import errors\n"
        "try:\n"
        f"    hf_hub_download({repo!r}, {path!r}, revision={revision or 'main'!r}, token={token!r})\n"
        "except Exception as error:\n"
        "    print(type(error.__cause__ if type(error).__name__ == 'LocalEntryNotFoundError' else error).__name__)\n"
        "else:\n"
        "    print('ok')"
    )
    assert done.out.strip().removeprefix("Remote") == error, done.err


def test_large_files_come_from_the_second_origin_without_the_token(hub: LocalHub, prewarm: Prewarm) -> None:
    repository = hub.add(Repository(repo_id="org/lfs"))
    repository.commit({"weights.bin": bytes(range(256)) * 100, "config.json": b"{}"})
    done = prewarm.python(
        f"from huggingface_hub import snapshot_download; snapshot_download('org/lfs', token='{TOKEN}')"
    )
    assert done.code == 0, done.err
    cdn = [request for request in hub.log.all() if request.origin == "cdn"]
    assert [request.status for request in cdn] == [200]
    assert not any(request.authorized for request in cdn)
    assert all(request.authorized for request in hub.log.all(containing="/resolve/"))


def test_hf_hub_waits_for_the_window(hub: LocalHub, prewarm: Prewarm) -> None:
    repository = hub.add(Repository(repo_id="org/few"))
    repository.commit({f"{number}.txt": b"x" for number in range(4)})
    hub.quotas = Quotas({"resolvers": Quota(requests=3, window_s=2)})
    done = prewarm.python("from huggingface_hub import snapshot_download; snapshot_download('org/few', max_workers=1)")
    assert done.code == 0, done.err
    assert any(request.status == 429 for request in hub.log.all())
