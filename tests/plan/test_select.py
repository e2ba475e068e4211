"""Which files a plan has, from nothing but a listing and the small files that it asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from prewarm.manifest import read as manifest
from prewarm.manifest import toml as tomlfile
from prewarm.plan import Known, Needs, Selection, select
from prewarm.records.entry import Entry
from prewarm.records.errors import PlanError
from prewarm.records.listing import Digest, Listing, Repo, RepoFile

Files = Mapping[str, Any]
BASE = {"config.json": {"model_type": "bert"}, "model.safetensors": None}


def listing(repo: Repo, files: Files) -> Listing:
    digest = Digest(algorithm="git-sha1", value="0" * 40)
    return Listing(
        repo=repo, commit="1" * 40, files=tuple(RepoFile(path=path, size=1, digest=digest) for path in files)
    )


def plan(entry: Entry, hub: Mapping[str, Files]) -> tuple[Selection, int]:
    """The selection, and how many rounds of questions it took."""
    listings: dict[Repo, Listing] = {}
    documents: dict[tuple[Repo, str], bytes] = {}
    for rounds in range(20):
        try:
            return select(entry, Known(listings=listings, documents=documents)), rounds
        except Needs as needs:
            for repo in needs.repos:
                listings[repo] = listing(repo, hub[repo.repo_id])
            for repo, path in needs.documents:
                content = hub[repo.repo_id][path]
                text = content if isinstance(content, str) else json.dumps(content if content is not None else {})
                documents[repo, path] = text.encode()
    raise AssertionError("it asks without end")


def own(entry: Entry, files: Files) -> set[str]:
    selection, _ = plan(entry, {entry.id: files})
    (paths,) = selection.files.values()
    return set(paths)


SIMPLE = Entry(id="org/a")

TOKENIZERS = {
    "fast": ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"],
    "bert": ["vocab.txt", "tokenizer_config.json"],
    "gpt2": ["vocab.json", "merges.txt"],
    "t5": ["spiece.model"],
    "xlm-roberta": ["sentencepiece.bpe.model"],
    "llama": ["tokenizer.model"],
    "mistral": ["tekken.json"],
    "mistral-versions": ["tokenizer.model.v3"],
    "qwen-1": ["qwen.tiktoken"],
    "kimi": ["tiktoken.model"],
    "marian": ["source.spm", "target.spm", "vocab.json"],
    "fsmt": ["vocab-src.json", "vocab-tgt.json", "merges.txt"],
    "deberta-v3": ["spm.model"],
    "speecht5": ["spm_char.model"],
    "whisper": ["vocab.json", "merges.txt", "normalizer.json", "added_tokens.json"],
    "luke": ["entity_vocab.json", "vocab.json", "merges.txt"],
    "xlm": ["vocab.json", "merges.txt"],
    "fairseq": ["dict.txt", "bpe.codes"],
    "prophetnet": ["prophetnet.tokenizer"],
    "byt5": ["tokenizer_config.json", "special_tokens_map.json"],
    "chat": ["tokenizer.json", "chat_template.jinja", "additional_chat_templates/rag.jinja"],
    "old-chat": ["tokenizer.json", "chat_template.json"],
}


@pytest.mark.parametrize("family", TOKENIZERS)
def test_tokenizers_of_every_family(family: str) -> None:
    wanted = set(TOKENIZERS[family])
    litter = {"README.md", "LICENSE", "train.json", "vocab.bpe.bak", "special/tokenizer.json", "x/y/chat.jinja"}
    selection, _ = plan(SIMPLE, {"org/a": {**BASE, **dict.fromkeys(wanted | litter)}})
    assert set(selection.files[SIMPLE.repo]) == {*BASE, *wanted}
    assert selection.processor.name == "AutoTokenizer"


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({}, None),
        ({"tokenizer.json": None}, "AutoTokenizer"),
        ({"preprocessor_config.json": {"image_processor_type": "ViTImageProcessor"}}, "AutoImageProcessor"),
        ({"preprocessor_config.json": {"feature_extractor_type": "ViTFeatureExtractor"}}, "AutoImageProcessor"),
        ({"preprocessor_config.json": {"sampling_rate": 16000, "processor_class": "X"}}, "AutoFeatureExtractor"),
        ({"preprocessor_config.json": {"processor_class": "SamProcessor"}}, "AutoProcessor"),
        ({"video_preprocessor_config.json": {}}, "AutoVideoProcessor"),
        ({"preprocessor_config.json": {}, "vocab.json": None}, "AutoProcessor"),
        ({"processor_config.json": {}, "tokenizer.json": None}, "AutoProcessor"),
    ],
)
def test_the_processor_is_what_the_repository_has(files: Files, name: str | None) -> None:
    selection, _ = plan(SIMPLE, {"org/a": {**BASE, **files}})
    assert selection.processor.name == name
    assert set(selection.files[SIMPLE.repo]) == {*BASE, *files}


def test_a_named_processor_stays() -> None:
    selection, _ = plan(Entry(id="org/a", processor_class="BertTokenizer"), {"org/a": {**BASE, "vocab.txt": None}})
    assert selection.processor.name == "BertTokenizer"


def test_processor_false_leaves_its_files() -> None:
    assert own(Entry(id="org/a", processor_class=False), {**BASE, "tokenizer.json": None}) == set(BASE)


def test_model_false_leaves_the_weights() -> None:
    assert own(Entry(id="org/a", model_class=False), {**BASE, "tokenizer.json": None}) == {"tokenizer.json"}


INDEX = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-1.safetensors"}}
WEIGHTS: list[tuple[dict[str, Any], dict[str, Any], set[str]]] = [
    ({}, {"model.safetensors": None, "pytorch_model.bin": None, "tf_model.h5": None}, {"model.safetensors"}),
    ({}, {"pytorch_model.bin": None, "model.onnx": None, "rust_model.ot": None}, {"pytorch_model.bin"}),
    (
        {},
        {"model.safetensors": None, "model.safetensors.index.json": INDEX, "model-1.safetensors": None},
        {"model.safetensors"},
    ),
    (
        {},
        {
            "model.safetensors.index.json": INDEX,
            "model-1.safetensors": None,
            "model-2.safetensors": None,
            "model-3.safetensors": None,
            "pytorch_model.bin": None,
        },
        {"model.safetensors.index.json", "model-1.safetensors", "model-2.safetensors"},
    ),
    (
        {"use_safetensors": False},
        {"model.safetensors": None, "pytorch_model.bin": None},
        {"pytorch_model.bin"},
    ),
    (
        {"variant": "fp16"},
        {"model.safetensors": None, "model.fp16.safetensors": None, "pytorch_model.fp16.bin": None},
        {"model.fp16.safetensors"},
    ),
    ({"variant": "fp16"}, {"model.safetensors": None, "pytorch_model.fp16.bin": None}, {"pytorch_model.fp16.bin"}),
    (
        {"variant": "fp16"},
        {
            "model.safetensors.index.fp16.json": {"weight_map": {"a": "model.fp16-1.safetensors"}},
            "model.fp16-1.safetensors": None,
        },
        {"model.safetensors.index.fp16.json", "model.fp16-1.safetensors"},
    ),
    (
        {"model_kwargs": {"gguf_file": "q4.gguf"}},
        {"q4.gguf": None, "q8.gguf": None, "model.safetensors": None},
        {"q4.gguf"},
    ),
]


@pytest.mark.parametrize(("fields", "files", "weights"), WEIGHTS)
def test_the_weights_are_those_that_transformers_takes(
    fields: dict[str, Any], files: dict[str, Any], weights: set[str]
) -> None:
    chosen = own(Entry(id="org/a", **fields), {"config.json": {"model_type": "bert"}, **files})
    assert chosen - {"config.json"} == weights


def test_weights_that_the_configuration_names() -> None:
    files = {
        "config.json": {"transformers_weights": "mine.safetensors"},
        "mine.safetensors": None,
        "model.safetensors": None,
    }
    assert own(SIMPLE, files) == {"config.json", "mine.safetensors"}


def test_an_index_that_names_a_lost_shard() -> None:
    with pytest.raises(PlanError, match=r"names model-1\.safetensors, which the repository does not have"):
        plan(SIMPLE, {"org/a": {"config.json": {}, "model.safetensors.index.json": INDEX}})


def test_versions_of_a_tokenizer() -> None:
    files = {
        **BASE,
        "tokenizer_config.json": {"fast_tokenizer_files": ["tokenizer.json", "tokenizer.5.0.0.json"]},
        "tokenizer.json": None,
        "tokenizer.5.0.0.json": None,
        "tokenizer.9.json": None,
    }
    assert own(SIMPLE, files) == {*files} - {"tokenizer.9.json"}


def test_an_adapter_brings_its_base_and_takes_its_processor() -> None:
    hub: dict[str, Files] = {
        "org/a": {
            "adapter_config.json": {"base_model_name_or_path": "org/base"},
            "adapter_model.safetensors": None,
            "adapter_model.bin": None,
            "README.md": None,
        },
        "org/base": {**BASE, "tokenizer.json": None, "README.md": None},
    }
    selection, _ = plan(SIMPLE, hub)
    assert set(selection.files[SIMPLE.repo]) == {"adapter_config.json", "adapter_model.safetensors"}
    assert set(selection.files[Repo(repo_id="org/base")]) == {*BASE, "tokenizer.json"}
    assert (selection.processor.name, selection.processor.repo.repo_id) == ("AutoTokenizer", "org/base")


@pytest.mark.parametrize("base", ["/home/me/llama", "", None, "../x"])
def test_an_adapter_without_a_base_on_the_hub(base: object) -> None:
    files = {"adapter_config.json": {"base_model_name_or_path": base}, "adapter_model.bin": None}
    with pytest.raises(PlanError, match="as its base model, which is no repository"):
        plan(SIMPLE, {"org/a": files})


def test_an_adapter_at_a_commit_cannot_load() -> None:
    files = {"adapter_config.json": {"base_model_name_or_path": "org/base"}, "adapter_model.bin": None}
    with pytest.raises(PlanError, match="looks for the adapter's commit in its base model"):
        plan(Entry(id="org/a", revision="a" * 40), {"org/a": files})


def test_code_with_its_imports_and_of_another_repository() -> None:
    hub: dict[str, Files] = {
        "org/a": {
            "config.json": {
                "auto_map": {
                    "AutoConfig": "configuration.C",
                    "AutoModel": "modeling.M",
                    "AutoModelForX": "org/code--other.M",
                }
            },
            "tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["slow.T", None]}},
            "model.safetensors": None,
            "configuration.py": "import os",
            "modeling.py": "from .configuration import C\nfrom .parts.block import B\nfrom . import loose\n",
            "parts/block.py": (
                "from ..loose import x\nfrom .deep import y\n"
                "try:\n    from .optional import z\nexcept ImportError:\n    pass"
            ),
            "parts/deep.py": "",
            "parts/optional.py": "",
            "loose.py": "",
            "slow.py": "",
            "train.py": "from .never import x",
            "never.py": "",
            "custom_generate/generate.py": "",
        },
        "org/code": {"other.py": "from .helper import x", "helper.py": "", "model.safetensors": None},
    }
    selection, _ = plan(Entry(id="org/a", trust_remote_code=True), hub)
    assert set(selection.files[SIMPLE.repo]) == set(hub["org/a"]) - {"train.py", "never.py"}
    assert set(selection.files[Repo(repo_id="org/code")]) == {"other.py", "helper.py"}
    selection, _ = plan(SIMPLE, hub)
    assert not any(path.endswith(".py") for paths in selection.files.values() for path in paths)


def test_code_that_does_not_parse_is_followed_as_transformers_does() -> None:
    files = {
        "config.json": {"auto_map": {"AutoModel": "modeling.M"}},
        "model.safetensors": None,
        "modeling.py": "from .layers import x\nprint 'python 2'\n",
        "layers.py": "",
    }
    assert own(Entry(id="org/a", trust_remote_code=True), files) == set(files)


def test_sentence_transformers_modules() -> None:
    files: dict[str, Any] = {
        **BASE,
        "modules.json": json.dumps([{"path": ""}, {"path": "1_Pooling"}, {"path": "2_Dense"}, {"path": "3_CNN"}]),
        "config_sentence_transformers.json": {},
        "sentence_bert_config.json": {},
        "tokenizer.json": None,
        "1_Pooling/config.json": {},
        "2_Dense/config.json": {},
        "2_Dense/model.safetensors": None,
        "2_Dense/pytorch_model.bin": None,
        "3_CNN/config.json": {},
        "3_CNN/pytorch_model.bin": None,
        "README.md": None,
    }
    extra = dict.fromkeys(
        ["onnx/model.onnx", "2_Dense/onnx/model.onnx", "data_config.json", "pytorch_model.bin", "4_Other/config.json"]
    )
    entry = Entry(id="org/a", model_class="sentence_transformers:SentenceTransformer")
    assert own(entry, {**files, **extra}) == set(files) - {"2_Dense/pytorch_model.bin"}
    plain, _ = plan(SIMPLE, {"org/a": files})
    assert set(plain.files[SIMPLE.repo]) == {*BASE, "tokenizer.json"}
    assert "sentence_transformers:SentenceTransformer" in plain.notes[0]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (("*.gguf",), (), {"a.gguf", "sub/b.gguf"}),
        (("sub/",), (), {"sub/b.gguf", "sub/c.txt"}),
        (("*.gguf",), ("sub/*",), {"a.gguf"}),
        (("a.gguf", "sub/c.txt"), (), {"a.gguf", "sub/c.txt"}),
    ],
)
def test_globs_replace_and_narrow(include: tuple[str, ...], exclude: tuple[str, ...], expected: set[str]) -> None:
    files = dict.fromkeys(["a.gguf", "sub/b.gguf", "sub/c.txt"])
    assert own(Entry(id="org/a", include=include, exclude=exclude), files) == expected


def test_exclude_narrows_what_the_classes_open() -> None:
    assert own(Entry(id="org/a", exclude=("vocab.*",)), {**BASE, "tokenizer.json": None, "vocab.txt": None}) == {
        *BASE,
        "tokenizer.json",
    }


def test_a_dataset_is_all_of_its_files() -> None:
    assert own(Entry(id="org/a", repo_type="dataset"), {"a.csv": None, "README.md": None}) == {"a.csv", "README.md"}


def test_small_files_are_asked_for_in_one_round() -> None:
    files: dict[str, Any] = {
        "config.json": {},
        "tokenizer_config.json": {},
        "preprocessor_config.json": {},
        "tokenizer.json": None,
        "model.safetensors.index.json": {"weight_map": {}},
    }
    _, rounds = plan(SIMPLE, {"org/a": files})
    assert rounds == 2, "one for the listing, one for all of the small files"


@pytest.mark.parametrize("content", ["[]", "{", '"x"', ""])
def test_a_broken_configuration_is_named(content: str) -> None:
    with pytest.raises(PlanError, match=r"config\.json of org/a holds no JSON object"):
        plan(SIMPLE, {"org/a": {**BASE, "config.json": content}})


NOT_LOADABLE: dict[str, Files] = {
    "a pipeline of diffusers": {"model_index.json": {}, "unet/diffusion_pytorch_model.safetensors": None},
    "a model in CTranslate2's format": {"model.bin": None, "config.json": {}},
    "GGUF files only": {"x.gguf": None},
    "ONNX files only": {"onnx/model.onnx": None, "config.json": {}},
    "TensorFlow files only": {"tf_model.h5": None, "config.json": {}},
    "Flax files only": {"flax_model.msgpack": None, "config.json": {}},
    "consolidated weights": {"consolidated.safetensors": None, "params.json": {}},
    "a model of NeMo": {"stt.nemo": None},
    "checkpoints of a library": {"yolo.pt": None},
    "weights of a library": {"open_clip_pytorch_model.bin": None},
    "has no weights": {"README.md": None},
}


@pytest.mark.parametrize("said", NOT_LOADABLE)
def test_what_transformers_does_not_load_is_said_with_what_to_write(said: str) -> None:
    with pytest.raises(PlanError, match=said) as error:
        plan(SIMPLE, {"org/a": NOT_LOADABLE[said]})
    assert '[[advanced]]\nid = "org/a"\n' in error.value.hint
    pasted = error.value.hint.split("\n", 1)[1]

    (entry,) = manifest.parse(tomlfile.parse(pasted), path=Path("prewarm.toml")).entries
    if entry.include:
        assert own(entry, NOT_LOADABLE[said]), "what is to be pasted works"
