"""huggingface_hub's and transformers' own requests in the same process stay inside the quotas as well."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from huggingface_hub import get_session

from conftest import Prewarm
from prewarm.hub.client import Client
from prewarm.localhub import LocalHub, Quota, Quotas, Repository
from prewarm.records.events import Event
from prewarm.records.listing import Repo

pytestmark = pytest.mark.slow
Serve = Callable[..., Repository]


def client(hub: LocalHub, monkeypatch: pytest.MonkeyPatch, events: list[Event], max_wait_s: float = 60) -> Client:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    return Client(workers=4, max_wait_s=max_wait_s, observe=events.append)


APPLICATION = """
from concurrent.futures import ThreadPoolExecutor
from huggingface_hub import hf_hub_download
from transformers.utils import cached_file
from prewarm.hub.client import Client
from prewarm.records.listing import Repo

client = Client(workers=4, max_wait_s=60, observe=lambda event: None)
with client.governing():
    hf_hub_download("org/files", "0.txt")
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda number: hf_hub_download("org/files", f"{number}.txt"), range(1, 9)))
        paths += pool.map(lambda number: cached_file("org/files", f"{number}.txt"), range(9, 15))
    client.listing(Repo(repo_id="org/files"), lambda spent: None)
print(client.waited_s, *(open(path).read() for path in paths))
"""


@pytest.mark.models
def test_downloads_by_their_clients_meet_no_refusal(hub: LocalHub, serve: Serve, prewarm: Prewarm) -> None:
    serve(files={f"{number}.txt": str(number).encode() for number in range(15)})
    hub.quotas = Quotas({"resolvers": Quota(requests=12, window_s=3)})
    done = prewarm.python(APPLICATION)
    assert done.code == 0, done.err
    waited_s, *contents = done.out.split()
    assert contents == [str(number) for number in range(1, 15)]
    assert len(hub.log.metered(containing="/resolve/")) > 12, "more than one window"
    assert [request.path for request in hub.log.all() if request.status == 429] == []
    assert float(waited_s) > 0


def test_the_session_is_left_as_it_was(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {kind: list(hooks) for kind, hooks in get_session().event_hooks.items()}
    with client(hub, monkeypatch, []).governing():
        assert get_session().event_hooks != before
    assert get_session().event_hooks == before


def test_a_refusal_of_theirs_holds_ours_back(hub: LocalHub, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve()
    hub.quotas = Quotas({"api": Quota(requests=1, window_s=2)})
    events: list[Event] = []
    ours = client(hub, monkeypatch, events)
    url = f"{hub.url}/api/models/org/files"
    get_session().get(url)
    with ours.governing():
        assert get_session().get(url).status_code == 429
        ours.listing(Repo(repo_id="org/files"), lambda spent: None)
    assert [request.status for request in hub.log.all()] == [200, 429, 200]


def test_the_plan_is_told_before_it_is_sent(hub: LocalHub, serve: Serve, prewarm: Prewarm) -> None:
    serve(files={f"{number}.txt": bytes([number]) for number in range(9)})
    hub.quotas = Quotas({"resolvers": Quota(requests=5, window_s=2)})
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*"]\n')
    done = prewarm()
    assert done.code == 0, done.err
    assert "8 requests to send, and the Hub's limit on 'resolvers' has 4 left: this run will wait about" in done.err
    assert done.err.index("will wait about") < done.err.index("waiting"), "before it waits"
