"""Libraries that look for models elsewhere than in the Hugging Face cache, where a variable says so.

Changes with these libraries.
"""

from __future__ import annotations

from collections.abc import Mapping

HOMES: Mapping[str, str] = {
    "sentence_transformers": "SENTENCE_TRANSFORMERS_HOME",
    "fastembed": "FASTEMBED_CACHE_PATH",
    "flair": "FLAIR_CACHE_ROOT",
}
"""Package to variable."""


PACKAGES: Mapping[str, str] = {
    "PIL": "pillow",
    "accelerate": "accelerate",
    "auto_gptq": "auto-gptq",
    "bitsandbytes": "bitsandbytes",
    "compressed_tensors": "compressed-tensors",
    "datasets": "datasets",
    "diffusers": "diffusers",
    "einops": "einops",
    "faster_whisper": "faster-whisper",
    "fastembed": "fastembed",
    "flash_attn": "flash-attn",
    "gguf": "gguf",
    "gliner": "gliner",
    "google.protobuf": "protobuf",
    "gptqmodel": "gptqmodel",
    "librosa": "librosa",
    "model2vec": "model2vec",
    "onnxruntime": "onnxruntime",
    "open_clip": "open_clip_torch",
    "openvino": "openvino",
    "optimum": "optimum",
    "peft": "peft",
    "pyannote": "pyannote.audio",
    "sentence_transformers": "sentence-transformers",
    "sentencepiece": "sentencepiece",
    "setfit": "setfit",
    "soundfile": "soundfile",
    "speechbrain": "speechbrain",
    "tiktoken": "tiktoken",
    "timm": "timm",
    "torchaudio": "torchaudio",
    "torchvision": "torchvision",
}
"""Module to the package that has it. No hint names a package that is not here: anybody can take a free name."""


def install_hint(module: str) -> str:
    """What to do where ``module`` is not there."""
    top = module.partition(".")[0]
    known = PACKAGES.get(module) or PACKAGES.get(top)
    return f"pip install {known}" if known else f"install the package that has '{top}': the repository's page names it"


def moved(foreign_class: str | None, environ: Mapping[str, str], cache: str) -> str:
    """What makes the library of a class look elsewhere, as a sentence; empty: nothing.

    Args:
        foreign_class: ``package.module:Class``; None: one of transformers.
        environ: the application's environment.
        cache: the folder of the cache.
    """
    package = (foreign_class or "").partition(":")[0].partition(".")[0]
    variable = HOMES.get(package, "")
    named = environ.get(variable, "")
    if not named or named.rstrip("/") == cache.rstrip("/"):
        return ""
    return f"{variable} is set: {package} looks in {named}, and not in {cache}"
