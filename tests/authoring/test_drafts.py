"""Calls that were seen, to entries."""

from __future__ import annotations

from typing import Any

import pytest

from prewarm.authoring.record import Call, Seen, drafts
from prewarm.records.listing import Repo, RepoType

WHERE = "app.py:3"


def call(name: str, *args: Any, call: str = "", within: str | None = None, **given: Any) -> Call:
    return Call(name=name, args=args, given=given, where=WHERE, call=call or name, within=within)


def seen(repo_id: str, *opened: str, more: tuple[str, ...] = (), repo_type: RepoType = "model") -> Seen:
    return Seen(repo=Repo(repo_id=repo_id, repo_type=repo_type), given=(*opened, *more), opened=opened)


def keys(*calls: Call, of: tuple[Seen, ...] = (seen("org/a", "config.json"),)) -> list[dict[str, Any]]:
    return [dict(draft.keys) for draft in drafts(calls, of).entries]


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([call("AutoModel", "org/a")], [{}]),
        ([call("AutoModel", "org/a"), call("AutoTokenizer", "org/a")], [{}]),
        ([call("AutoModel", "org/a", revision="main", device_map="cpu", token="hf_x", local_files_only=True)], [{}]),
        ([call("AutoModel", "org/a", revision="v1")], [{"revision": "v1"}]),
        ([call("AutoTokenizer", "org/a")], [{"model_class": False}]),
        ([call("CLIPProcessor", "org/a")], [{"model_class": False, "processor_class": "CLIPProcessor"}]),
        (
            [call("AutoModelForCausalLM", "org/a", torch_dtype="float16")],
            [{"model_class": "AutoModelForCausalLM", "dtype": "float16"}],
        ),
        (
            [call("AutoModel", "org/a", subfolder="x", variant="fp16", num_labels=3)],
            [{"subfolder": "x", "variant": "fp16", "model_kwargs": {"num_labels": 3}}],
        ),
        (
            [call("AutoModelForCausalLM", "org/a"), call("AutoModelForSequenceClassification", "org/a")],
            [{"model_class": "AutoModelForCausalLM"}, {"model_class": "AutoModelForSequenceClassification"}],
        ),
        ([call("AutoModel", "org/a"), call("AutoModel", "org/a")], [{}]),
        ([call("transformers:pipeline", "fill-mask", model="org/a")], [{"task": "fill-mask"}]),
        (
            [call("timm:create_model", "hf_hub:org/a", pretrained=True)],
            [{"model_class": "timm:create_model", "model_args": ["hf_hub:{id}"], "model_kwargs": {"pretrained": True}}],
        ),
        ([call("setfit:SetFitModel", "org/a")], [{"model_class": "setfit:SetFitModel"}]),
        ([call("huggingface_hub:hf_hub_download", "org/a", "config.json")], [{"include": ["config.json"]}]),
    ],
)
def test_a_call_becomes_an_entry(calls: list[Call], expected: list[dict[str, Any]]) -> None:
    assert keys(*calls) == expected


def test_what_was_opened_counts_and_not_what_was_only_fetched() -> None:
    of = (seen("org/a", "config.json", more=("large.bin",)),)
    assert keys(call("huggingface_hub:snapshot_download", "org/a"), of=of) == [{"include": ["config.json"]}]


def test_an_alias_is_kept_as_the_argument() -> None:
    found = drafts(
        [
            call("faster_whisper:WhisperModel", "tiny", call="1"),
            call("huggingface_hub:snapshot_download", "Systran/tiny", within="1"),
        ],
        [seen("Systran/tiny", "model.bin")],
    )
    assert [(draft.id, dict(draft.keys)) for draft in found.entries] == [
        ("Systran/tiny", {"model_class": "faster_whisper:WhisperModel", "model_args": ["tiny"]})
    ]


def test_what_a_call_takes_from_elsewhere_is_its_own_matter() -> None:
    found = drafts(
        [
            call("transformers:pipeline", "text-to-speech", model="org/a", call="1"),
            call("huggingface_hub:hf_hub_download", "org/vocoder", "model.bin", within="1"),
        ],
        [seen("org/a", "config.json"), seen("org/vocoder", "model.bin")],
    )
    assert [draft.id for draft in found.entries] == ["org/a"]


def test_what_no_call_explains_is_named_by_its_files() -> None:
    found = drafts([], [seen("org/a", "x.bin"), seen("org/rows", "a.csv", repo_type="dataset")])
    assert [dict(draft.keys) for draft in found.entries] == [
        {"include": ["x.bin"]},
        {"repo_type": "dataset", "include": ["a.csv"]},
    ]
    assert "load_dataset(snapshot_download" in found.notes[0]


def test_what_leads_elsewhere_or_is_no_value_is_said() -> None:
    found = drafts([call("AutoModel", "org/a", cache_dir="/x", config={"!": "BertConfig"})], [seen("org/a", "c")])
    assert found.notes == (
        f"{WHERE}: cache_dir leads it to another folder, which prewarm does not fill",
        f"{WHERE}: config is no value that a manifest can hold: left out",
    )
    assert found.entries[0].is_simple
