"""Makes an artifact of what was loaded: graphs, compared with the original, and what else who opens them needs.

Called in the worker, with what was loaded. Changes with the order of these steps.
"""

from __future__ import annotations

import errno
import importlib.util
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prewarm.export.inside import agree, beside, limits
from prewarm.export.inside.answers import answers_alike
from prewarm.export.inside.convert import convert, with_newer_way
from prewarm.export.inside.encoded import encodes_alike
from prewarm.export.inside.generation import from_sound, from_text, writer
from prewarm.export.inside.graph import USUAL_LEAST, Graph
from prewarm.export.inside.images import pictures, text_and_pictures
from prewarm.export.inside.precision import INT8_NOTE, reduce
from prewarm.export.inside.sentences import embeddings, parts_of, prompt_of, transformer_of
from prewarm.export.inside.speech import frames_of
from prewarm.export.inside.tasks import task_of
from prewarm.export.inside.text import encoder
from prewarm.records.export import Precision
from prewarm.runners.tasks import is_sentence_transformer
from prewarm.worker.loaded import Loaded
from prewarm.worker.refused import Refused

_PACKAGES = ("onnx", "onnxruntime", "onnxscript")
_FULL_BYTES = 1 << 20
_HEARS = ("automatic-speech-recognition",)


@dataclass(frozen=True, kw_only=True)
class Keys:
    """What the manifest wants of a graph."""

    task: str | None
    """None: what the class does."""
    said: str | None
    """The entry's own task."""
    max_length: int | None
    """Tokens; None: the model's maximum, within bounds."""
    opset: int | None
    """Of ONNX; None: the exporter's."""
    dtype: Precision
    min_similarity: float
    """The least cosine of a smaller one and the original."""
    needs_vectors: bool = False
    """Whether it has to give one vector for each text."""


def make(loaded: Loaded, *, folder: str, facts: Mapping[str, str], **keys: Any) -> dict[str, Any]:
    """Write the graphs of a model into a folder, and what else who opens them needs.

    Args:
        loaded: the model, and its processor.
        folder: where to.
        facts: for the metadata_props of each graph.
        keys: the fields of ``Keys``.

    Raises:
        Refused: it cannot be exported, or what was written is wrong.
    """
    _look_for_packages()
    try:
        return _made(loaded.model, loaded.processor, Path(folder), facts, Keys(**keys))
    except Exception as error:
        if _is_full(error, folder):
            said = f"the disk is full ({folder})"
            raise Refused("no-space", said, "make room, or name another output_dir") from error
        if isinstance(error, (OSError, Refused)):
            raise
        message = " ".join(str(error).split())[:300]
        raise Refused(
            "export-error",
            f"{type(error).__name__}: {message}",
            'another class, task or max_length may do; or format = "files"; -v shows the trace',
        ) from error


def _is_full(error: Exception, folder: str) -> bool:
    """Whether the disk is: the libraries say all kinds of things of that."""
    says_so = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return says_so or (not isinstance(error, OSError) and shutil.disk_usage(folder).free < _FULL_BYTES)


def _made(model: Any, processor: Any, target: Path, facts: Mapping[str, str], keys: Keys) -> dict[str, Any]:
    notes: list[str] = []
    found = task_of(model, keys.task, keys.said)
    if keys.needs_vectors and not is_sentence_transformer(model):
        raise Refused(
            "export-error",
            'layout = "oracle" is for embeddings, and this gives no vector for each text',
            'layout = "plain"; or model_class = "sentence_transformers:SentenceTransformer"',
        )
    _to_32_bits(model, notes)
    tokenizer = _tokenizer_of(model, processor)
    longest = _longest(model, tokenizer, found, keys.max_length)
    graphs = _graphs(model, processor, tokenizer, found, longest)
    told: dict[str, Any] = {"task": found, "max_length": longest}
    if is_sentence_transformer(model):
        told["prompt"] = prompt_of(model)
    beside.write(target, model, processor, tokenizer, longest=longest, task=found, has_mask=_has_mask(graphs[0]))
    sessions: dict[str, Any] = {}
    agreed: list[agree.Found] = []
    opsets: list[int] = []
    for graph in graphs:
        told |= graph.constants
        path = target / graph.file
        converted = convert(graph, keys.opset, path, _props(facts, told))
        notes += converted.notes
        opsets.append(converted.opset)
        if keys.dtype != "float32":
            reduce(path, keys.dtype)
        sessions[graph.file] = agree.session_of(path)
        try:
            agreed.append(agree.compare(converted.graph, sessions[graph.file]))
            agree.accept(graph, agreed[-1], is_reduced=keys.dtype != "float32", least=keys.min_similarity)
        except Refused as refused:
            raise with_newer_way(refused) if graph.needs_patches else refused from refused.__cause__
        least = converted.graph.limits.get("sequence", (0, 0))[0]
        told |= {"least_length": least} if least > USUAL_LEAST else {}
    if is_sentence_transformer(model):
        enough = None if keys.dtype == "float32" else keys.min_similarity
        encodes_alike(model, sessions["model.onnx"], target / beside.TOKENIZER, longest or 0, least=enough)
    elif graphs[-1].needs_patches and keys.dtype == "float32":
        answers_alike(model, sessions, longest or 0, graphs[0].sample)
    notes += [INT8_NOTE] if keys.dtype == "int8" else []
    return {
        **told,
        "opset": min(opsets),
        "graphs": [graph.file for graph in graphs],
        "difference": max(one.difference for one in agreed),
        "similarity": min(one.similarity for one in agreed),
        "cases": sum(one.cases for one in agreed),
        "longest": max(one.longest for one in agreed) if longest else None,
        "notes": list(dict.fromkeys(notes)),
    }


def _graphs(model: Any, processor: Any, tokenizer: Any, task: str, longest: int | None) -> list[Graph]:
    if longest is None:
        if _main_input(model) == "pixel_values":
            return [pictures(model, processor, task)]
        return [frames_of(model, processor, picked="logits" if task in _HEARS else "last_hidden_state")]
    if is_sentence_transformer(model):
        return [embeddings(model, longest)]
    if task == "zero-shot-image-classification":
        return [text_and_pictures(model, processor, tokenizer, longest)]
    if task == "text-generation":
        return [writer(model, tokenizer, longest)]
    if task in _HEARS:
        return from_sound(model, processor, longest)
    if task == "text2text-generation":
        return from_text(model, tokenizer, longest)
    return [encoder(model, tokenizer, task, longest)]


def _longest(model: Any, tokenizer: Any, task: str, wanted: int | None) -> int | None:
    """The most tokens; None: it takes none."""
    if is_sentence_transformer(model):
        known = model.max_seq_length
        inner = transformer_of(parts_of(model)[0])
        return limits.longest(inner, tokenizer, wanted, most=limits.ENCODER_MOST, known=known)
    if task in _HEARS and model.config.is_encoder_decoder:
        return limits.longest(model, None, wanted, most=limits.GENERATION_MOST)
    if task != "zero-shot-image-classification" and _main_input(model) != "input_ids":
        if wanted is not None:
            raise Refused("export-error", "it takes no tokens, so that there is no max_length", "leave it out")
        return None
    if tokenizer is not None and "generation" not in task and getattr(tokenizer, "pad_token", None) is None:
        raise Refused(
            "export-error",
            "its tokenizer has no token for padding, so that texts of several lengths cannot be computed together",
            'name one that it has: processor_kwargs = { pad_token = "…" }',
        )
    if tokenizer is None:
        raise Refused(
            "export-error",
            "no tokenizer was loaded",
            'name what prepares its texts: processor_class = "AutoTokenizer"',
        )
    most = limits.GENERATION_MOST if "generation" in task else limits.ENCODER_MOST
    return limits.longest(model, tokenizer, wanted, most=most)


def _has_mask(graph: Graph) -> bool:
    names = {port.name for port in graph.inputs}
    return "input_ids" not in names or "attention_mask" in names


def _main_input(model: Any) -> str:
    return str(getattr(model, "main_input_name", "input_ids"))


def _to_32_bits(model: Any, notes: list[str]) -> None:
    """What an artifact is compared with: what runs it computes in 32 bits."""
    import torch

    kinds = {weight.dtype for weight in model.parameters() if weight.is_floating_point()}
    if kinds <= {torch.float32}:
        model.eval()
        return
    try:
        model.float().eval()
    except (ValueError, RuntimeError) as error:
        said = " ".join(str(error).split())[:200]
        raise Refused(
            "export-error", f"its weights are no plain numbers: {said}", "export the repository that it was made from"
        ) from error
    names = ", ".join(sorted(str(kind).removeprefix("torch.") for kind in kinds))
    notes.append(f"its weights are {names}: the graph has them in float32, and was compared with that")


def _tokenizer_of(model: Any, processor: Any) -> Any:
    for one in (processor, getattr(processor, "tokenizer", None), getattr(model, "tokenizer", None)):
        if one is not None and hasattr(one, "get_vocab"):
            return one
    return None


def _props(facts: Mapping[str, str], told: Mapping[str, Any]) -> dict[str, str]:
    named = {key: told.get(key) for key in ("task", "pooling", "max_length", "normalised")}
    return {**facts, **{key: str(value) for key, value in named.items() if value is not None}}


def _look_for_packages() -> None:
    lost = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if lost:
        raise Refused("export-error", f"a package is missing: {', '.join(lost)}", 'pip install "hf-prewarm[onnx]"')
