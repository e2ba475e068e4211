"""Which automatic class of transformers gives a model, by what a repository says. Changes with these classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SUFFIXES = (
    "ForCausalLM", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering",
    "ForMultipleChoice", "ForNextSentencePrediction", "ForPreTraining", "ForCTC", "ForAudioClassification",
    "ForImageClassification", "ForZeroShotImageClassification", "ForObjectDetection", "ForZeroShotObjectDetection",
    "ForSemanticSegmentation", "ForInstanceSegmentation", "ForUniversalSegmentation", "ForDepthEstimation",
    "ForVideoClassification", "ForMaskedImageModeling", "ForTableQuestionAnswering", "ForVisualQuestionAnswering",
    "ForDocumentQuestionAnswering", "ForAudioFrameClassification", "ForAudioXVector",
)  # fmt: skip
"""Ends of names of classes, for each of which there is an ``AutoModel…``."""
BY_TAG = {
    "text-generation": "AutoModelForCausalLM",
    "fill-mask": "AutoModelForMaskedLM",
    "text-classification": "AutoModelForSequenceClassification",
    "text-ranking": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
    "question-answering": "AutoModelForQuestionAnswering",
    "translation": "AutoModelForSeq2SeqLM",
    "summarization": "AutoModelForSeq2SeqLM",
    "image-classification": "AutoModelForImageClassification",
    "object-detection": "AutoModelForObjectDetection",
    "automatic-speech-recognition": "AutoModelForSpeechSeq2Seq",
    "image-text-to-text": "AutoModelForImageTextToText",
}
ADAPTERS = {
    "CAUSAL_LM": "AutoModelForCausalLM",
    "SEQ_CLS": "AutoModelForSequenceClassification",
    "SEQ_2_SEQ_LM": "AutoModelForSeq2SeqLM",
    "TOKEN_CLS": "AutoModelForTokenClassification",
    "QUESTION_ANS": "AutoModelForQuestionAnswering",
}


def of_architecture(name: str) -> tuple[str, str]:
    """The automatic class that gives ``name``; ``name`` itself where none is sure to."""
    why = f"config.json names {name}"
    if not name.isidentifier() or name.endswith(("PreTrainedModel", "Model")):
        is_head = name.endswith(("LMHeadModel", "DoubleHeadsModel"))
        return ("AutoModelForCausalLM", why) if is_head else ("AutoModel", "")
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return f"AutoModel{suffix}", why
    return name, why


def of_auto_map(config: Mapping[str, Any], name: str) -> tuple[str, str]:
    """The automatic class that the repository's own code is for, and why."""
    auto_map = config.get("auto_map")
    pairs = auto_map.items() if isinstance(auto_map, Mapping) else ()
    models = {key: str(value) for key, value in pairs if isinstance(key, str) and key.startswith("AutoModel")}
    exact = [key for key, value in models.items() if value.rpartition(".")[2] == name]
    # The most special of those that give the class.
    for key in sorted(exact or models, key=len, reverse=True):
        if key == "AutoModel" and len(models) > 1 and not exact:
            continue
        return key, f"auto_map gives {models[key].rpartition('.')[2]}"
    return "AutoModel", ""
