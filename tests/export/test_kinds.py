"""Tiny models of every kind: what onnxruntime gives beside what the original gave, and what is refused instead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artifacts import TEXTS
from conftest import made_once

# The first test of a run makes what all of them look at.
pytestmark = pytest.mark.timeout(900)

ORDINARY = [
    "feature-extraction",
    "feature-extraction-mpnet",
    "text-classification",
    "text-classification-deberta",
    "text-classification-bart",
    "token-classification",
    "question-answering",
    "fill-mask",
    "image-classification",
    "image-classification-resnet",
    "object-detection",
    "zero-shot-image-classification",
    "automatic-speech-recognition",
    "automatic-speech-recognition-ctc",
    "opset-14",
    "opset-12",
]
SENTENCES = {
    "embeddings-dense": "mean+max",
    "embeddings-cls": "cls",
    "embeddings-last": "lasttoken",
    "embeddings-left": "mean",
    "embeddings-types": "mean",
}
WRITERS = ["text-generation", "text-generation-llama", "text2text-generation", "text2text-generation-bart"]
SMALLER = {"float16": 0.9999, "int8": 0.999}
PER_TOKEN = ("feature-extraction", "feature-extraction-mpnet", "token-classification", "fill-mask", "int8")


class Kind:
    """What was made of one kind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "artifact"
        self.made: dict[str, Any] = json.loads((folder / "made.json").read_text(encoding="utf-8"))
        self._expected = folder / "expected.npz"

    def expected(self, start: str) -> dict[str, Any]:
        assert "graphs" in self.made, self.made
        with np.load(self._expected) as kept:
            return {name.removeprefix(start): kept[name] for name in kept.files if name.startswith(start)}

    def session(self, name: str = "") -> Any:
        import onnxruntime

        return onnxruntime.InferenceSession(str(self.folder / (name or self.made["graphs"][0])))


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "artifacts")


@pytest.mark.parametrize("name", [*ORDINARY, *SMALLER])
def test_a_graph_gives_what_the_original_gave(kinds: Path, name: str) -> None:
    kind = Kind(kinds / name)
    given, expected = kind.expected("in."), kind.expected("out.")
    session = kind.session()
    wanted = [one.name for one in session.get_outputs()]
    assert set(wanted) <= set(expected)
    values = session.run(wanted, {one.name: given[one.name] for one in session.get_inputs()})
    for output, value in zip(wanted, values, strict=True):
        found, right = value, expected[output]
        assert found.shape == right.shape
        if name in PER_TOKEN:
            mask = given["attention_mask"].astype(bool)
            found, right = value[mask], right[mask]
        if name in SMALLER:
            rows, others = found.reshape(-1, found.shape[-1]), right.reshape(-1, right.shape[-1])
            cosines = (rows * others).sum(-1) / np.linalg.norm(rows, axis=-1) / np.linalg.norm(others, axis=-1)
            assert cosines.min() > SMALLER[name]
        else:
            assert np.abs(found - right).max() < 1e-4 * max(1.0, np.abs(right).max())


@pytest.mark.parametrize("name", SENTENCES)
def test_modules_of_an_embedding_model_are_in_the_graph(kinds: Path, name: str) -> None:
    from prewarm.serve._server.server import Model

    kind = Kind(kinds / name)
    vectors = kind.expected("vectors")[""]
    made = kind.made
    assert vectors.shape[1] == made["dimensions"]
    assert made["normalised"] == (name != "embeddings-cls")
    assert made["pooling"] == SENTENCES[name]
    assert made["max_length"] == 32
    # As a server reads it: one text is longer than what the model takes.
    record = {"id": "org/tiny", "commit": "c" * 40, **made}
    (kind.folder / "prewarm.json").write_text(json.dumps(record), encoding="utf-8")
    model = Model(kind.folder)
    found = model.vectors(model.tokens(TEXTS))
    assert np.abs(found - vectors).max() < 1e-5 * max(1.0, np.abs(vectors).max())
    facts = kind.session().get_modelmeta().custom_metadata_map
    assert facts["pooling"] == made["pooling"]


@pytest.mark.parametrize("name", WRITERS)
def test_graphs_write_what_generate_wrote(kinds: Path, name: str) -> None:
    kind = Kind(kinds / name)
    given = kind.expected("in.")
    written = kind.expected("written")[""]
    ids, mask = given["input_ids"], given["attention_mask"]
    more = {}
    if len(kind.made["graphs"]) == 2:
        states = kind.session("encoder_model.onnx").run(None, {"input_ids": ids, "attention_mask": mask})[0]
        more = {"encoder_hidden_states": states, "encoder_attention_mask": mask}
        ids = written[:, :1]
    decoder = kind.session(kind.made["graphs"][-1])
    cache = [np.zeros((len(ids), heads, 0, size), np.float32) for heads, size in kind.made["cache"]]
    names = [one.name for one in decoder.get_inputs() if one.name.startswith("past_key_values")]
    assert names == [f"past_key_values.{at // 2}.{('key', 'value')[at % 2]}" for at in range(len(cache))]
    found = [ids]
    for _ in range(10):
        feed = {"input_ids": ids, **dict(zip(names, cache, strict=True)), **more}
        if not more:
            feed["attention_mask"] = mask
        logits, *cache = decoder.run(None, feed)
        ids = logits[:, -1].argmax(-1)[:, None]
        mask = np.concatenate([mask, np.ones_like(ids)], axis=1)
        found.append(ids)
    assert np.array_equal(np.concatenate(found, axis=1), written)


@pytest.mark.parametrize(("name", "opset"), [("opset-14", 14), ("opset-12", 12), ("feature-extraction", 20)])
def test_the_opset_in_the_file_is_the_one_that_is_told(kinds: Path, name: str, opset: int) -> None:
    import onnx

    kind = Kind(kinds / name)
    imports = onnx.load(kind.folder / "model.onnx", load_external_data=False).opset_import
    assert {one.version for one in imports if not one.domain} == {opset} == {kind.made["opset"]}
    assert bool([note for note in kind.made["notes"] if "older exporter" in note]) == (opset < 17)


def test_facts_stand_in_the_file_and_dimensions_have_names(kinds: Path) -> None:
    session = Kind(kinds / "feature-extraction").session()
    facts = session.get_modelmeta().custom_metadata_map
    assert facts == {"repo_id": "org/tiny", "commit": "c" * 40, "task": "feature-extraction", "max_length": "64"}
    assert [one.shape for one in session.get_inputs()] == [["batch", "sequence"]] * 2
    assert session.get_outputs()[0].shape == ["batch", "sequence", 32]
    facts = Kind(kinds / "int8").session().get_modelmeta().custom_metadata_map
    assert facts["repo_id"] == "org/tiny"


def test_the_tokenizer_is_written_with_what_is_wanted(kinds: Path) -> None:
    from tokenizers import Tokenizer

    kind = Kind(kinds / "feature-extraction")
    own = Tokenizer.from_file(str(kind.folder / "tokenizer.json"))
    # It lay there with 6 and 6.
    assert own.truncation is not None
    assert own.truncation["max_length"] == 64
    encoded = own.encode_batch(TEXTS)
    given = kind.expected("in.")
    assert [one.ids for one in encoded] == given["input_ids"].tolist()
    assert [one.attention_mask for one in encoded] == given["attention_mask"].tolist()
    left = Tokenizer.from_file(str(kinds / "text-generation" / "artifact" / "tokenizer.json"))
    assert [one.ids for one in left.encode_batch(TEXTS)] == Kind(kinds / "text-generation").expected("in.")[
        "input_ids"
    ].tolist()


@pytest.mark.parametrize(
    ("name", "said", "hint"),
    [
        ("refused-branch", "branches on a shape", "max_length = 20"),
        ("refused-branch-older", "branches on a shape", "max_length = 20"),
        ("refused-int8", "less like the original than 0.99999", "min_similarity = 0.99"),
        ("refused-task", "BertModel does feature-extraction, and not text-classification", "SequenceClassification"),
        ("refused-length", "65 is more than the 64 positions", "max_length = 64"),
        ("refused-cache", "keeps another cache", "torch"),
        ("refused-words", "its module WordWeights cannot be in a graph", "Pooling, Dense, Normalize"),
        ("refused-opset", "opset 9 cannot be had", "opset = 17"),
    ],
)
def test_what_cannot_be_right_is_refused_with_what_to_do(kinds: Path, name: str, said: str, hint: str) -> None:
    made = Kind(kinds / name).made
    assert said in made["refused"]
    assert hint in made["hint"]
    assert made["kind"] == "export-error"


def test_every_kind_has_a_test(kinds: Path) -> None:
    refused = {path.name for path in kinds.iterdir() if path.name.startswith("refused")}
    assert {path.name for path in kinds.iterdir()} - refused == {*ORDINARY, *WRITERS, *SMALLER, *SENTENCES}
    assert len(refused) == 8


def test_texts_of_a_model_that_wants_three_tokens_are_told(kinds: Path) -> None:
    made = Kind(kinds / "text-classification-bart").made
    assert made["least_length"] == 3
    assert made["task"] == "text-classification"


def test_below_the_version_with_exporters_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from prewarm.export.inside import convert
    from prewarm.export.inside.graph import Case, Graph
    from prewarm.worker.refused import Refused

    def fails(graph: Graph, opset: int) -> None:
        raise ValueError("\x1b[96mCannot view a tensor\x1b[0m with shape")

    monkeypatch.setattr(convert, "_by_torch", fails)
    monkeypatch.setattr(convert, "_transformers_exporter", lambda: None)
    graph = Graph(
        file="x", module=None, inputs=(), outputs=(), limits={}, sample=lambda case: (), traced=Case(1), cases=()
    )
    with pytest.raises(Refused) as refused:
        convert._by_the_newer(graph, 20)
    assert refused.value.message == "ValueError: torch's exporter does not take it: Cannot view a tensor with shape"
    assert "transformers 5.23 brings another way: pip install -U transformers" in refused.value.hint
