"""fastembed, which wants huggingface_hub 1 and has a cache of its own: a variable moves it into the Hub's."""

from __future__ import annotations

import sys

from test_hints import identity_onnx

from conftest import Prewarm
from prewarm.localhub import LocalHub, Repository

ID = "Qdrant/all-MiniLM-L6-v2-onnx"
TOKENIZER = (
    b'{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,"pre_tokenizer":null,'
    b'"post_processor":null,"decoder":null,"model":{"type":"WordLevel","vocab":{"[PAD]":0,"[UNK]":1},"unk_token":"[UNK]"}}'
)
MANIFEST = f"""\
[[advanced]]
id = "{ID}"
model_class = "fastembed:TextEmbedding"
model_args = ["sentence-transformers/all-MiniLM-L6-v2"]
"""
CALL = "import fastembed; print(type(fastembed.TextEmbedding('sentence-transformers/all-MiniLM-L6-v2').model).__name__)"


def served(hub: LocalHub) -> None:
    repository = Repository(repo_id=ID)
    repository.commit(
        {
            "model.onnx": identity_onnx(),
            "config.json": b'{"pad_token_id": 0}',
            "tokenizer.json": TOKENIZER,
            "tokenizer_config.json": b'{"model_max_length": 32, "pad_token": "[PAD]"}',
            "special_tokens_map.json": b"{}",
            "other.onnx": b"x" * 1000,
        }
    )
    hub.add(repository)


def test_it_is_proven_and_loads_offline(prewarm: Prewarm, hub: LocalHub) -> None:
    served(hub)
    prewarm.environ["FASTEMBED_CACHE_PATH"] = str(prewarm.cache)
    prewarm.manifest(MANIFEST)
    done = prewarm("--json")
    assert done.code == 0, done.out
    assert done.entry(ID)["status"] == "proven"
    assert done.entry(ID)["proof"]["model"] == "TextEmbedding"
    hub.log.clear()
    loaded = prewarm.python(CALL, HF_HUB_OFFLINE="1", PYTHONWARNINGS="ignore")
    assert loaded.code == 0, loaded.err
    assert not hub.log.all()


def test_record_sees_it_and_names_the_variable_where_it_does_not(prewarm: Prewarm, hub: LocalHub) -> None:
    served(hub)
    prewarm.environ["PYTHONWARNINGS"] = "ignore"
    (prewarm.folder / "app.py").write_text(CALL)
    full = {"FASTEMBED_CACHE_PATH": str(prewarm.cache)}
    done = prewarm("record", "--", sys.executable, "app.py", env=full)
    assert done.code == 0, done.err
    assert ID in done.out
