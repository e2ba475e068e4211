"""Mirrors below a path, with credentials, with tokens of their own; what the Hub says of a token; who is named."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import ClassVar

import pytest
from outcomes import ALL, Serve, error_of

from conftest import TOKEN, Prewarm
from prewarm.hub.addresses import Addresses
from prewarm.localhub import Fault, LocalHub, Mirror, Repository
from prewarm.records.errors import HubError
from prewarm.wire.answers import Answer, json_answer

SECRET = "s3cret-Pass"


# --- A mirror below a path -------------------------------------------------------------------------------------------


def without_sizes(origin: str, path: str, answer: Answer) -> Answer:
    """As a mirror that makes the listing itself: the tree has to be asked."""
    if "/revision/" not in path:
        return answer
    said = json.loads(answer.body if isinstance(answer.body, bytes) else b"")
    return json_answer({**said, "siblings": [{"rfilename": one["rfilename"]} for one in said["siblings"]]})


@pytest.mark.parametrize("prefix", ["/hf", "/a/b/c", "/apis"])
def test_pages_and_files_of_a_mirror_below_a_path(prewarm: Prewarm, serve: Serve, hub: LocalHub, prefix: str) -> None:
    serve(files={f"{number}.txt": bytes([number]) for number in range(25)} | {"large.bin": b"x" * 1000})
    hub.routes.tree_page = 10
    hub.behind(Mirror(prefix=prefix, alter=without_sizes))
    prewarm.manifest(ALL)
    result = prewarm("--json", env={"HF_ENDPOINT": hub.url})
    assert result.code == 0, result.err
    assert result.report["totals"]["files"] == 26
    assert not [one for one in hub.log.all() if one.status == 404]


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("https://huggingface.co/api/x?cursor=1", "https://m.example/hf/api/x?cursor=1"),
        ("https://m.example/hf/api/x", "https://m.example/hf/api/x"),
        ("https://m.example/api/x", "https://m.example/hf/api/x"),
        ("/api/x", "https://m.example/hf/api/x"),
        ("/hf/api/x", "https://m.example/hf/api/x"),
        ("/hfx/api/x", "https://m.example/hf/hfx/api/x"),
    ],
)
def test_what_the_hub_names_is_asked_of_the_mirror(named: str, found: str) -> None:
    assert Addresses("https://m.example/hf").here(named) == found


def test_the_origin_is_scheme_host_and_port() -> None:
    addresses = Addresses("https://m.example")
    assert addresses.is_own("https://m.example:443/x")
    assert not addresses.is_own("http://m.example/x")
    assert not addresses.is_own("https://m.example:8443/x")
    assert not addresses.is_own("https://m.example.evil/x")
    assert not addresses.is_own("http://[::1")
    with pytest.raises(HubError):
        addresses.here("http://[::1")


def test_a_redirect_that_leaves_tls_carries_no_token(
    tmp_path: Path, prewarm: Prewarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same host and port, in clear: what is sent there is looked at on the wire."""
    import trustme

    from prewarm.flow.stop import Stop
    from prewarm.hub import session
    from prewarm.hub.governor import Governor
    from prewarm.hub.patience import Patience
    from prewarm.hub.resolver import Elsewhere, Resolver

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with LocalHub(storage_tls=context) as hub:
        bundle = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(str(bundle))
        monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
        clear = hub.cdn_url.replace("https:", "http:")

        def to_clear(origin: str, path: str, answer: Answer) -> Answer:
            return Answer(status=302, headers={"Location": f"{clear}/org/x"})

        hub.behind(Mirror(alter=to_clear))
        from huggingface_hub import close_session

        close_session()
        resolver = Resolver(hub.cdn_url, session.headers(TOKEN), Governor(0, lambda event: None))
        with resolver.ask(f"{hub.cdn_url}/org/x/resolve/main/a", 0, lambda count: None, Patience(stop=Stop())) as found:
            assert isinstance(found, Elsewhere), "another origin: it is asked without the token"
            assert found.url.startswith("http://")
        close_session()


# --- Credentials in an address ---------------------------------------------------------------------------------------


def everything_written(prewarm: Prewarm) -> str:
    texts = [path.read_bytes().decode(errors="replace") for path in prewarm.folder.rglob("*") if path.is_file()]
    return "\n".join(texts)


@pytest.mark.parametrize("kind", ["warm", "gated", "missing", "check", "verify", "lock", "unreachable"])
def test_credentials_of_the_endpoint_work_and_are_nowhere(
    prewarm: Prewarm, serve: Serve, hub: LocalHub, kind: str
) -> None:
    serve()
    hub.add(Repository(repo_id="org/gated", gated="manual")).commit({"a.txt": b"a"})
    hub.behind(Mirror(credentials=f"user:{SECRET}"))
    address = hub.url.replace("://", f"://user:{SECRET}@")
    env = {"HF_ENDPOINT": address if kind != "unreachable" else f"http://user:{SECRET}@127.0.0.1:1"}
    repo = {"gated": "org/gated", "missing": "org/none"}.get(kind, "org/files")
    prewarm.manifest(f'[[advanced]]\nid = "{repo}"\ninclude = ["*"]\n')
    commands = {
        "check": [["-q"], ["check", "--json"]],
        "verify": [["-q"], ["verify", "--json"]],
        "lock": [["lock", "--json"]],
    }
    said = ""
    for args in commands.get(kind, [["--json"], ["-v"], ["check"]]):
        result = prewarm(*args, env=env)
        said += result.out + result.err
        assert result.code == int(kind in ("gated", "missing", "unreachable")), result.err
    if kind in ("warm", "check", "verify", "lock"):
        assert prewarm("-q", env={"HF_ENDPOINT": hub.url}).code == (1 if kind == "lock" else 0)
    assert SECRET not in said + everything_written(prewarm)


def test_credentials_of_the_endpoint_reach_no_worker(prewarm: Prewarm) -> None:
    from prewarm.proof.environment import command_environment, worker_environment

    given = {
        "HF_ENDPOINT": f"https://user:{SECRET}@mirror.example/hf",
        "https_proxy": f"http://user:{SECRET}@proxy:3128",
        "PIP_INDEX_URL": f"https://{SECRET}@packages.example/simple",
        "HF_TOKEN": TOKEN,
        "OTHER": f"x{TOKEN}y",
        "AWS_ACCESS_KEY_ID": SECRET,
        "MY_API_KEY": SECRET,
        "DATABASE_PASSWORD": SECRET,
        "wandb_api_key": SECRET,
        "TORCH_TOKEN": SECRET,
        "MY_DATA": "/data",
        "OMP_NUM_THREADS": "2",
    }
    for environment in (worker_environment, command_environment):
        made = environment(given, token=TOKEN, cache=Path("/c"), folder=Path("/f"))
        assert SECRET not in str(made)
        assert TOKEN not in str(made)
        assert made["HF_ENDPOINT"] == "https://mirror.example/hf"
        assert made["OMP_NUM_THREADS"] == "2"
    made = command_environment(given, token=TOKEN, cache=Path("/c"), folder=Path("/f"))
    assert made["https_proxy"] == "http://proxy:3128"
    assert made["MY_DATA"] == "/data"
    made = worker_environment(given, token=TOKEN, cache=Path("/c"), folder=Path("/f"))
    assert not {"https_proxy", "MY_DATA", "OTHER"} & set(made), "models' classes get what is named, and no more"


def test_a_proxy_with_credentials_is_named_without_them(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(ALL)
    env = {"HTTP_PROXY": f"http://user:{SECRET}@127.0.0.1:9"}
    result = prewarm("--json", env=env)
    error = error_of(result)
    assert "the proxy http://127.0.0.1:9 cannot be reached" in error["message"]
    assert "HTTP_PROXY" in error["hint"]
    assert SECRET not in result.out + result.err + everything_written(prewarm)


# --- Who is named ----------------------------------------------------------------------------------------------------


def test_an_unreachable_redirect_is_named_by_its_own_host(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve()
    target = "http://127.0.0.1:1/api/models/org/files/revision/main"
    hub.behind(Mirror(alter=lambda origin, path, answer: Answer(status=307, headers={"Location": target})))
    prewarm.manifest(ALL)
    error = error_of(prewarm("--json"))
    assert "http://127.0.0.1:1 cannot be reached" in error["message"]


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_what_forbids_to_ask_is_named(prewarm: Prewarm, serve: Serve, variable: str) -> None:
    serve()
    prewarm.manifest(ALL)
    error = error_of(prewarm("--json", env={variable: "1"}))
    assert error["message"].startswith(f"{variable} is set")
    assert error["hint"].startswith(f"unset {variable}")


# --- Gated, and other refusals ---------------------------------------------------------------------------------------


def test_a_mirror_that_holds_the_token_is_believed(prewarm: Prewarm, hub: LocalHub) -> None:
    hub.add(Repository(repo_id="org/files", gated="manual")).commit({"a.txt": b"a"})
    hub.access.members["org/files"] = {"tester"}
    hub.behind(Mirror(token=TOKEN))
    prewarm.manifest(ALL)
    assert prewarm("--json").code == 0


def test_a_gated_entry_that_is_whole_is_ready(prewarm: Prewarm, hub: LocalHub) -> None:
    hub.add(Repository(repo_id="org/files", gated="manual")).commit({"a.txt": b"a"})
    hub.access.members["org/files"] = {"tester"}
    prewarm.manifest(ALL)
    assert prewarm(env={"HF_TOKEN": TOKEN}).code == 0
    (prewarm.folder / "prewarm.lock").unlink()
    hub.log.clear()
    assert prewarm("--json").code == 0, "without a token, and nothing is missing"
    assert len(hub.log.metered()) == 1


SAID = {
    "a fine-grained token": (
        403,
        "GatedRepo",
        "Please enable access to public gated repositories in your fine-grained token settings to view this repository.",
        "gated",
        "settings/tokens",
    ),
    "a disabled repository": (403, "", "Access to this resource is disabled.", "unauthorized", "another repository"),
    "an expired token": (401, "", 'User Access Token "ci" is expired', "unauthorized", "make a new one"),
    "a token that nobody knows": (
        401,
        "",
        "Invalid credentials in Authorization header",
        "unauthorized",
        "make a new one",
    ),
    "a token for another thing": (
        403,
        "",
        "Your token does not have the scope that is needed",
        "unauthorized",
        "HF_TOKEN",
    ),
    "a blocked address": (451, "", "Not available in your country", "unreachable", ""),
}


@pytest.mark.parametrize("case", SAID)
@pytest.mark.parametrize("route", ["/api/*", "*/resolve/*"])
def test_what_the_hub_says_is_passed_on(prewarm: Prewarm, serve: Serve, hub: LocalHub, case: str, route: str) -> None:
    status, code, said, kind, hint = SAID[case]
    serve()
    headers = {"X-Error-Message": said, **({"X-Error-Code": code} if code else {})}
    hub.faults.add(Fault(path=route, origin="hub", kind="status", status=status, headers=headers, count=0))
    prewarm.manifest(ALL)
    error = error_of(prewarm("--json", env={"HF_TOKEN": TOKEN}))
    assert error["kind"] == kind
    assert said in error["message"]
    assert hint in error["hint"]


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("code", ["", "GatedRepo", "RepoNotFound"])
def test_without_a_token_no_hint_is_about_the_token_that_there_is(
    prewarm: Prewarm, serve: Serve, hub: LocalHub, status: int, code: str
) -> None:
    serve()
    headers = {"X-Error-Code": code} if code else {}
    hub.faults.add(Fault(path="*/resolve/*", origin="hub", kind="status", status=status, headers=headers, count=0))
    prewarm.manifest(ALL)
    error = error_of(prewarm("--json"))
    assert "the token" not in error["hint"]
    assert "look at HF_TOKEN" not in error["hint"]


def test_what_is_passed_on_carries_no_control_characters_and_no_secrets() -> None:
    from prewarm.hub.refusals import Refusals
    from prewarm.records.listing import Repo

    class Reply:
        status = 403
        url = "http://hub/x"
        headers: ClassVar = {"X-Error-Message": f"\x1b[2Jno\x9b {TOKEN} http://u:{SECRET}@h/ " + "x" * 2000}

    with pytest.raises(HubError) as raised:
        Refusals(endpoint="http://hub", has_token=True).check(Reply(), Repo(repo_id="a/b"), path=None)  # type: ignore[arg-type]
    said = raised.value.message
    assert said.isprintable()
    assert TOKEN not in said
    assert SECRET not in said
    assert len(said) < 500
