"""Calls that load something of the Hub, and where its id stands. Changes with the libraries that load models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

BY_KEYWORD = 9
"""In the place of ``Loader.at``: the id is given by its keyword alone."""
Kind = Literal["model", "pipeline", "file", "snapshot", "dataset"]


@dataclass(frozen=True, kw_only=True)
class Loader:
    """How a call names what it loads."""

    name: str
    """As entries call it: of transformers, or ``package:Name``."""
    keywords: tuple[str, ...] = ("pretrained_model_name_or_path",)
    """By which the id may be given; else it is argument ``at``."""
    at: int = 0
    kind: Kind = "model"
    default: str = ""
    """What it loads where nothing is named; empty: it has to be named."""
    prefix: str = ""
    """What an id without a namespace gets before it."""
    sizes: Mapping[str, str] | None = None
    """Short names, and what they stand for."""


_SENTENCES = "sentence_transformers:SentenceTransformer"
_PLAIN = (
    "albert-base-v1", "albert-base-v2", "bert-base-cased", "bert-base-multilingual-cased", "bert-base-uncased",
    "bert-large-cased", "bert-large-uncased", "distilbert-base-cased", "distilbert-base-multilingual-cased",
    "distilbert-base-uncased", "distilroberta-base", "gpt2", "gpt2-large", "gpt2-medium", "roberta-base",
    "roberta-large", "t5-base", "t5-large", "t5-small", "xlm-roberta-base", "xlm-roberta-large", "xlnet-base-cased",
)  # fmt: skip
"""Ids that have no namespace, and get none (``basic_transformer_models`` of sentence_transformers)."""
WHISPER = {
    **{name: f"Systran/faster-whisper-{name}" for name in (
        "tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "medium.en", "large-v1", "large-v2",
        "large-v3",
    )},
    "large": "Systran/faster-whisper-large-v3",
    "distil-small.en": "Systran/faster-distil-whisper-small.en",
    "distil-medium.en": "Systran/faster-distil-whisper-medium.en",
    "distil-large-v2": "Systran/faster-distil-whisper-large-v2",
    "distil-large-v3": "Systran/faster-distil-whisper-large-v3",
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
}  # fmt: skip
"""faster_whisper.utils of faster-whisper 1.2."""

_NAMED = ("model_name_or_path", "model_name", "model", "model_id", "model_path", "model_id_or_path")
_LANGCHAIN = ("model_name", "model")
CALLS: Mapping[str, Loader] = {
    "SentenceTransformer": Loader(name=_SENTENCES, keywords=_NAMED, prefix="sentence-transformers/"),
    "CrossEncoder": Loader(name="sentence_transformers:CrossEncoder", keywords=_NAMED),
    "SparseEncoder": Loader(name="sentence_transformers:SparseEncoder", keywords=_NAMED),
    "pipeline": Loader(name="transformers:pipeline", keywords=("model",), at=1, kind="pipeline"),
    "HuggingFaceEmbeddings": Loader(
        name=_SENTENCES,
        keywords=_LANGCHAIN,
        at=BY_KEYWORD,
        default="sentence-transformers/all-mpnet-base-v2",
        prefix="sentence-transformers/",
    ),
    "HuggingFaceBgeEmbeddings": Loader(
        name=_SENTENCES, keywords=_LANGCHAIN, at=BY_KEYWORD, default="BAAI/bge-large-en"
    ),
    "HuggingFaceInstructEmbeddings": Loader(
        name=_SENTENCES, keywords=_LANGCHAIN, at=BY_KEYWORD, default="hkunlp/instructor-large"
    ),
    "SentenceTransformerEmbeddings": Loader(
        name=_SENTENCES,
        keywords=_LANGCHAIN,
        at=BY_KEYWORD,
        default="sentence-transformers/all-mpnet-base-v2",
        prefix="sentence-transformers/",
    ),
    "SentenceTransformerEmbeddingFunction": Loader(
        name=_SENTENCES,
        keywords=_LANGCHAIN,
        default="sentence-transformers/all-MiniLM-L6-v2",
        prefix="sentence-transformers/",
    ),
    "HuggingFaceEmbedding": Loader(
        name=_SENTENCES, keywords=_LANGCHAIN, default="BAAI/bge-small-en", prefix="sentence-transformers/"
    ),
    "HuggingFaceCrossEncoder": Loader(
        name="sentence_transformers:CrossEncoder", keywords=_LANGCHAIN, at=BY_KEYWORD, default="BAAI/bge-reranker-base"
    ),
    "SentenceTransformerRerank": Loader(
        name="sentence_transformers:CrossEncoder",
        keywords=("model",),
        at=BY_KEYWORD,
        default="cross-encoder/stsb-distilroberta-base",
    ),
    "SentenceTransformersTextEmbedder": Loader(
        name=_SENTENCES, keywords=("model",), default="sentence-transformers/all-mpnet-base-v2"
    ),
    "SentenceTransformersDocumentEmbedder": Loader(
        name=_SENTENCES, keywords=("model",), default="sentence-transformers/all-mpnet-base-v2"
    ),
    "INSTRUCTOR": Loader(name=_SENTENCES, keywords=_NAMED),
    "KeyBERT": Loader(
        name=_SENTENCES,
        keywords=("model",),
        default="sentence-transformers/all-MiniLM-L6-v2",
        prefix="sentence-transformers/",
    ),
    "FlagModel": Loader(name="AutoModel", keywords=_NAMED),
    "BGEM3FlagModel": Loader(name="AutoModel", keywords=_NAMED),
    "FlagReranker": Loader(name="AutoModelForSequenceClassification", keywords=_NAMED),
    "WhisperModel": Loader(name="faster_whisper:WhisperModel", keywords=("model_size_or_path",), sizes=WHISPER),
    "TextEmbedding": Loader(name="fastembed:TextEmbedding", keywords=("model_name",), default="BAAI/bge-small-en-v1.5"),
    "SparseTextEmbedding": Loader(name="fastembed:SparseTextEmbedding", keywords=("model_name",)),
    "LateInteractionTextEmbedding": Loader(name="fastembed:LateInteractionTextEmbedding", keywords=("model_name",)),
    "TextCrossEncoder": Loader(name="fastembed:TextCrossEncoder", keywords=("model_name",)),
    "FastEmbedEmbeddings": Loader(
        name="fastembed:TextEmbedding", keywords=("model_name",), at=BY_KEYWORD, default="BAAI/bge-small-en-v1.5"
    ),
    "create_model": Loader(name="timm:create_model", keywords=("model_name",)),
    "create_model_and_transforms": Loader(name="open_clip:create_model_and_transforms", keywords=("model_name",)),
    "create_model_from_pretrained": Loader(name="open_clip:create_model_from_pretrained", keywords=("model_name",)),
    "hf_hub_download": Loader(name="huggingface_hub:hf_hub_download", keywords=("repo_id",), kind="file"),
    "cached_download": Loader(name="huggingface_hub:hf_hub_download", keywords=("repo_id",), kind="file"),
    "snapshot_download": Loader(name="huggingface_hub:snapshot_download", keywords=("repo_id",), kind="snapshot"),
    "load_dataset": Loader(name="datasets:load_dataset", keywords=("path",), kind="dataset"),
    "LLM": Loader(name="AutoModelForCausalLM", keywords=("model",)),
    "AsyncEngineArgs": Loader(name="AutoModelForCausalLM", keywords=("model",)),
    "EngineArgs": Loader(name="AutoModelForCausalLM", keywords=("model",)),
    "from_model_id": Loader(name="AutoModelForCausalLM", keywords=("model_id",)),
    "from_hparams": Loader(name="", keywords=("source",)),
    "load": Loader(name="AutoModelForCausalLM", keywords=("path_or_hf_repo",)),
    "transcribe": Loader(name="mlx_whisper:transcribe", keywords=("path_or_hf_repo",), at=BY_KEYWORD, kind="snapshot"),
    "download_model": Loader(name="faster_whisper:WhisperModel", keywords=("size_or_id",), sizes=WHISPER),
    "load_ip_adapter": Loader(
        name="diffusers:load_ip_adapter", keywords=("pretrained_model_name_or_path_or_dict",), kind="file"
    ),
    "load_adapter": Loader(name="AutoModel", keywords=("peft_model_id", "model_id")),
    "load_lora_weights": Loader(
        name="diffusers:load_lora_weights", keywords=("pretrained_model_name_or_path_or_dict",), kind="file"
    ),
    "load_textual_inversion": Loader(
        name="diffusers:load_textual_inversion", keywords=("pretrained_model_name_or_path",), kind="file"
    ),
}
"""By the last part of the call's name. Its package decides below."""

_OF_FRAMEWORKS = (
    "HuggingFaceEmbeddings", "HuggingFaceBgeEmbeddings", "HuggingFaceInstructEmbeddings",
    "SentenceTransformerEmbeddings", "SentenceTransformerEmbeddingFunction", "HuggingFaceEmbedding",
    "HuggingFaceCrossEncoder", "SentenceTransformerRerank", "SentenceTransformersTextEmbedder",
    "SentenceTransformersDocumentEmbedder", "FastEmbedEmbeddings", "from_model_id",
)  # fmt: skip

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "SentenceTransformer": ("sentence_transformers",),
    "CrossEncoder": ("sentence_transformers",),
    "SparseEncoder": ("sentence_transformers",),
    "pipeline": ("transformers",),
    "WhisperModel": ("faster_whisper",),
    "TextEmbedding": ("fastembed",),
    "SparseTextEmbedding": ("fastembed",),
    "LateInteractionTextEmbedding": ("fastembed",),
    "TextCrossEncoder": ("fastembed",),
    "create_model": ("timm",),
    "create_model_and_transforms": ("open_clip",),
    "create_model_from_pretrained": ("open_clip",),
    "hf_hub_download": ("huggingface_hub",),
    "cached_download": ("huggingface_hub",),
    "snapshot_download": ("huggingface_hub",),
    "load_dataset": ("datasets",),
    **dict.fromkeys(_OF_FRAMEWORKS, ("langchain", "llama_index", "chromadb", "haystack")),
    "download_model": ("faster_whisper",),
    "LLM": ("vllm",),
    "load": ("mlx_lm",),
    "transcribe": ("mlx_whisper",),
    "AsyncEngineArgs": ("vllm",),
    "EngineArgs": ("vllm",),
    "INSTRUCTOR": ("InstructorEmbedding",),
    "KeyBERT": ("keybert",),
    "FlagModel": ("FlagEmbedding",),
    "BGEM3FlagModel": ("FlagEmbedding",),
    "FlagReranker": ("FlagEmbedding",),
}
"""How the package begins that a name has to be imported from; the others may come from any but the application's."""

METHODS = ("load_adapter", "load_ip_adapter", "load_lora_weights", "load_textual_inversion")
"""Of objects, whose class need not be known."""

BUILDERS = (
    "csv",
    "json",
    "parquet",
    "text",
    "arrow",
    "imagefolder",
    "audiofolder",
    "videofolder",
    "webdataset",
    "pandas",
)
"""What load_dataset takes for kinds of files."""


CANONICAL = (
    "albert-", "bert-", "camembert-base", "ctrl", "distilbert-", "distilgpt2", "distilroberta-", "flaubert", "gpt2",
    "openai-gpt", "roberta-", "t5-", "transfo-xl-", "xlm-", "xlnet-",
)  # fmt: skip
"""How the ids begin that the Hub has without a namespace."""
OF_CTRANSLATE2 = ("faster", "ct2", "ctranslate")
"""What the names hold of repositories that faster-whisper reads."""


def whole_id(loader: Loader, said: str) -> str:
    """The repository that a name stands for."""
    for start in ("hf_hub:", "hf-hub:"):
        if said.startswith(start):
            return said.removeprefix(start)
    if loader.sizes is not None and said in loader.sizes:
        return loader.sizes[said]
    if loader.prefix and "/" not in said and said not in _PLAIN:
        return loader.prefix + said
    return said
