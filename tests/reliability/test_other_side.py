"""What the other side answers wrongly fails its entry, with a named kind, and the others go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from outcomes import ALL, Serve, no_trace

from conftest import Prewarm
from prewarm.localhub import LocalHub, Mirror
from prewarm.wire.answers import Answer, json_answer

# --- The other side --------------------------------------------------------------------------------------------------

SHA1, SHA256 = "0" * 40, "0" * 64
DEEP = "[" * 100_000 + "]" * 100_000


def _sibling(**changed: Any) -> dict[str, Any]:
    return {"rfilename": "config.json", "size": 2, "blobId": SHA1, **changed}


LISTINGS: dict[str, Any] = {
    "a sibling that is no table": {"siblings": [3]},
    "a sibling that is a list": {"siblings": [["config.json"]]},
    "siblings that are a table": {"siblings": {"rfilename": "config.json"}},
    "siblings that are nothing": {"siblings": None},
    "a name that is a number": {"siblings": [_sibling(rfilename=3)]},
    "no name": {"siblings": [{"size": 3}]},
    "a negative size": {"siblings": [_sibling(size=-1)]},
    "a size that is true": {"siblings": [_sibling(size=True)]},
    "an astronomic size": {"siblings": [_sibling(size=10**30)]},
    "a size of text": {"siblings": [_sibling(size="2")]},
    "a size with a fraction": {"siblings": [_sibling(size=2.5)]},
    "a hash that is none": {"siblings": [_sibling(blobId="../../x")]},
    "an lfs that is a list": {"siblings": [_sibling(lfs=[SHA256])]},
    "an lfs of a negative size": {"siblings": [_sibling(lfs={"sha256": SHA256, "size": -5})]},
    "the same file twice": {"siblings": [_sibling(), _sibling(blobId="1" * 40)]},
    "a file that is a folder as well": {"siblings": [_sibling(), _sibling(rfilename="config.json/x")]},
    "a path that leads out": {"siblings": [_sibling(rfilename="../../etc/passwd")]},
    "an absolute path": {"siblings": [_sibling(rfilename="/etc/passwd")]},
    "a commit that is none": {"sha": "../../../x"},
    "a commit that is a number": {"sha": 3},
    "a list": [1, 2],
    "a text": "hello",
    "nothing": None,
}
BODIES = {
    "nested 100,000 deep": DEEP.encode(),
    "a number of 5,000 digits": b'{"siblings": [{"size": ' + b"9" * 5000 + b"}]}",
    "no JSON": b"<html>",
    "nothing at all": b"",
    "no UTF-8": b'{"sha": "\xff\xfe"}',
    "half of it": b'{"sha": "0000',
}


def _refused(prewarm: Prewarm, *, others: bool = True) -> dict[str, Any]:
    """What is said of org/bad, which is not required, while org/files goes on and is locked."""
    prewarm.manifest('[[advanced]]\nid = "org/bad"\nrequired = false\n' + ALL)
    result = prewarm("--json")
    no_trace(result)
    assert result.code == 0, result.err
    assert result.entry("org/files")["ready"]
    error: dict[str, Any] = result.entry("org/bad")["error"]
    assert error["kind"] not in (None, "internal"), error
    lock = (prewarm.folder / "prewarm.lock").read_text()
    assert "org/files" in lock
    again = prewarm("check")
    assert again.code == 0, again.err
    return error


@pytest.mark.parametrize("case", LISTINGS)
def test_a_listing_that_is_none_fails_its_entry_alone(prewarm: Prewarm, serve: Serve, hub: LocalHub, case: str) -> None:
    serve()
    serve("org/bad", files={"config.json": b"{}"})

    def wrong(origin: str, path: str, answer: Answer) -> Answer:
        if "/org/bad/" not in path or "/api/models/" not in path:
            return answer
        said = LISTINGS[case]
        if "/tree/" in path:
            files = said.get("siblings") if isinstance(said, dict) else said
            return json_answer(
                [
                    {"type": "file", "path": "config.json", "oid": SHA1, **(one if isinstance(one, dict) else {})}
                    for one in files or []
                ]
            )
        return json_answer({"sha": SHA1, "siblings": [], **said} if isinstance(said, dict) else said)

    hub.behind(Mirror(alter=wrong))
    _refused(prewarm)


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_none_fails_its_entry_alone(prewarm: Prewarm, serve: Serve, hub: LocalHub, case: str) -> None:
    serve()
    serve("org/bad", files={"config.json": b"{}"})

    def wrong(origin: str, path: str, answer: Answer) -> Answer:
        if not path.startswith("/api/models/org/bad/"):
            return answer
        return Answer(status=200, headers={"Content-Type": "application/json"}, body=BODIES[case])

    hub.behind(Mirror(alter=wrong))
    _refused(prewarm)


@pytest.mark.parametrize(
    "location",
    [
        "http://[::1",
        "http://localhost:99999/x",
        f"http://{'a' * 300}.example/x",
        "http://",
        "//",
        "file:///etc/passwd",
        "http://\x7f/",
        "gopher://x/y",
        "http://exa mple/x",
        "http://localhost:port/",
        "\\\\x\\y",
        "http://%zz/",
    ],
)
@pytest.mark.parametrize("route", ["/resolve/", "/api/models/"])
def test_a_redirect_to_no_address_fails_its_entry_alone(
    prewarm: Prewarm, serve: Serve, hub: LocalHub, location: str, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    serve("org/bad", files={"config.json": b"{}", "model.safetensors": b"x"})

    def wrong(origin: str, path: str, answer: Answer) -> Answer:
        if "org/bad" not in path or route not in path:
            return answer
        return Answer(status=302, headers={"Location": location})

    hub.behind(Mirror(alter=wrong))
    _refused(prewarm)


INDEX = '{"weight_map": %s}'
DOCUMENTS: dict[str, dict[str, bytes]] = {
    "a configuration that is a list": {"config.json": b"[]"},
    "a configuration nested too deeply": {"config.json": DEEP.encode()},
    "a configuration with a long number": {"config.json": b'{"a": ' + b"9" * 5000 + b"}"},
    "a configuration that is no text": {"config.json": bytes(range(256))},
    "a weight_map that is a list": {"config.json": b"{}", "model.safetensors.index.json": (INDEX % "[]").encode()},
    "a weight_map that is a text": {"config.json": b"{}", "model.safetensors.index.json": (INDEX % '"x"').encode()},
    "no weight_map": {"config.json": b"{}", "model.safetensors.index.json": b"{}"},
    "a weight_map that leads out": {
        "config.json": b"{}",
        "model.safetensors.index.json": (INDEX % '{"a": "../x"}').encode(),
    },
    "a weight_map of numbers": {"config.json": b"{}", "model.safetensors.index.json": (INDEX % '{"a": 3}').encode()},
    "a configuration that names numbers": {"config.json": b'{"transformers_weights": 3, "auto_map": 7}'},
    "an adapter of nothing": {"adapter_config.json": b"{}", "adapter_model.safetensors": b"x"},
    "an adapter that is a list": {"adapter_config.json": b"[]", "adapter_model.safetensors": b"x"},
    "an adapter of a path": {
        "adapter_config.json": b'{"base_model_name_or_path": "../../x"}',
        "adapter_model.safetensors": b"x",
    },
    "a tokenizer of numbers": {"config.json": b"{}", "tokenizer_config.json": b'{"fast_tokenizer_files": 3}'},
}


@pytest.mark.parametrize("case", DOCUMENTS)
def test_a_document_of_another_form_fails_its_entry_alone(prewarm: Prewarm, serve: Serve, case: str) -> None:
    serve()
    serve("org/bad", files=DOCUMENTS[case])
    _refused(prewarm)


@pytest.mark.parametrize("content", [b"{}", b"{", b"3", DEEP.encode(), b'[{"path": "../x"}, 7]', b"\xff"])
def test_a_modules_json_of_another_form(prewarm: Prewarm, serve: Serve, content: bytes) -> None:
    serve()
    serve("org/bad", files={"modules.json": content})
    prewarm.manifest(
        '[[advanced]]\nid = "org/bad"\nrequired = false\nmodel_class = "sentence_transformers:SentenceTransformer"\n'
        + ALL
    )
    result = prewarm("--json")
    no_trace(result)
    assert result.code == 0
    assert result.entry("org/bad")["error"]["kind"] in ("load-error", "not-found")


CODE = {
    "nested parentheses": b"(" * 5000,
    "a long sum": b"x = " + b"1+" * 100_000 + b"1",
    "many signs": b"x = " + b"-" * 100_000 + b"1",
    "zeros": b"x = 1\0",
    "no text": bytes(range(256)),
    "odd escapes": b"x = '\\d'\nimport .y\n",
    "deep blocks": b"".join(b" " * n + b"if x:\n" for n in range(200)),
}


@pytest.mark.parametrize("case", CODE)
def test_code_that_no_parser_reads(prewarm: Prewarm, serve: Serve, case: str) -> None:
    serve()
    serve(
        "org/bad",
        files={
            "config.json": b'{"auto_map": {"AutoModel": "odd.Model"}}',
            "model.safetensors": b"x",
            "odd.py": CODE[case],
        },
    )
    prewarm.manifest('[[advanced]]\nid = "org/bad"\ntrust_remote_code = true\nproof = "files"\n' + ALL)
    result = prewarm("--json")
    no_trace(result)
    assert result.code == 0, result.err
    assert "Warning" not in result.err


@pytest.mark.parametrize("reference", ["../../x--odd.Model", "a b--odd.Model", "--odd.Model", "x/y/z--odd.Model"])
def test_code_of_something_that_is_no_repository(prewarm: Prewarm, serve: Serve, reference: str) -> None:
    serve(
        "org/bad",
        files={"config.json": json.dumps({"auto_map": {"AutoModel": reference}}).encode(), "model.safetensors": b"x"},
    )
    prewarm.manifest('[[advanced]]\nid = "org/bad"\ntrust_remote_code = true\nproof = "files"\n')
    result = prewarm("--json")
    no_trace(result)
    assert result.entry("org/bad")["error"]["kind"] == "unsafe"


MEMORIES = [
    b"",
    b"{",
    b"[]",
    b"3",
    b'{"proofs": 3}',
    b'{"proofs": [3]}',
    b'{"proofs": [{"depends": 3, "proof": {}}]}',
    b'{"proofs": [{"depends": {}, "proof": {"model": [3]}}]}',
    b'{"kind": "nonsense", "message": 3, "hint": []}',
    b'{"kind": "gated", "message": "\\u001b[2J", "hint": "x", "depends": null}',
    DEEP.encode(),
    bytes(range(256)),
]


@pytest.mark.parametrize("content", MEMORIES)
def test_a_damaged_memory_is_as_none(prewarm: Prewarm, serve: Serve, content: bytes) -> None:
    serve()
    prewarm.manifest('[[advanced]]\nid = "org/none"\nrequired = false\n' + ALL)
    assert prewarm("-q").code == 0
    damaged = list((prewarm.home / "prewarm").rglob("*.json"))
    assert damaged
    for path in damaged:
        path.write_bytes(content)
    for command in ([], ["check"], ["verify"]):
        result = prewarm(*command)
        no_trace(result)
        assert result.code == 0
        assert "\x1b" not in result.out + result.err


ANSWERS = [
    "3",
    "[]",
    "{",
    '{"error": 3}',
    '{"error": {"kind": "nonsense", "message": "", "hint": "", "trace": ""}}',
    '{"model": 3}',
    '{"load_s": "x"}',
    '{"looked_for": [3]}',
    '{"notes": 3}',
    '{"parameters": -1}',
    DEEP,
]


@pytest.mark.parametrize("said", ANSWERS)
def test_an_answer_of_another_form_is_the_entrys_failure(tmp_path: Path, said: str) -> None:
    from prewarm.proof.answer import read
    from prewarm.records.errors import ProofError

    path = tmp_path / "answer"
    path.write_text(said)
    with pytest.raises(ProofError, match="no answer that can be read"):
        read(path)
