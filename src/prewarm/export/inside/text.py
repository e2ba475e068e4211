"""Graphs of models that read a text: tokens to hidden states, labels, spans or words. Changes with these tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prewarm.export.inside.calls import call, takes, text_config
from prewarm.export.inside.graph import BATCH, Axes, Case, Graph, Port, Tensors, keep_padding, lengths

TOKENS: Axes = ("batch", "sequence")
_OUTPUTS: dict[str, dict[str, Axes]] = {
    "feature-extraction": {"last_hidden_state": ("batch", "sequence", "hidden")},
    "text-classification": {"logits": ("batch", "labels")},
    "token-classification": {"logits": ("batch", "sequence", "labels")},
    "question-answering": {"start_logits": TOKENS, "end_logits": TOKENS},
    "fill-mask": {"logits": ("batch", "sequence", "vocabulary")},
}
_OF_TOKENS = ("feature-extraction", "token-classification", "fill-mask")
_NOT_OF_BERT = ("token_type_ids",)


def names_of(model: Any, tokenizer: Any) -> list[str]:
    """What of a tokenizer's output the model takes."""
    said = list(getattr(tokenizer, "model_input_names", None) or ("input_ids", "attention_mask"))
    return [name for name in ("input_ids", "attention_mask", *_NOT_OF_BERT) if name in said and takes(model, name)]


def encoder(model: Any, tokenizer: Any, task: str, longest: int) -> Graph:
    """The graph of a task that gives something for each token, or for each text."""
    names = names_of(model, tokenizer)
    outputs = _OUTPUTS[task]
    fixed = _sizes(model, names, tokenizer, outputs)

    def counted(inputs: Tensors, _: Case) -> Any:
        return inputs[1].bool().numpy() if task in _OF_TOKENS and "attention_mask" in names else None

    return Graph(
        file="model.onnx",
        module=call(model, names, list(outputs)),
        inputs=tuple(Port(name=name, axes=TOKENS) for name in names),
        outputs=tuple(Port(name=name, axes=axes) for name, axes in fixed.items()),
        limits={**BATCH, "sequence": (2, longest)},
        sample=tokens(names, model, tokenizer),
        traced=Case(2, min(12, longest), is_padded=longest > 2),
        cases=lengths(longest),
        counted=counted,
    )


def tokens(names: list[str], model: Any, tokenizer: Any) -> Callable[[Case], Tensors]:
    """What makes inputs of tokens: padding in them, or the mask would vanish from the graph."""
    import torch

    config = text_config(model)
    count = int(config.vocab_size)
    padding = getattr(tokenizer, "pad_token_id", None)
    padding = getattr(config, "pad_token_id", None) if padding is None else padding
    end = getattr(config, "eos_token_id", None)
    end = end if isinstance(end, int) and 0 <= end < count and end != padding else None
    types = int(getattr(config, "type_vocab_size", 0) or 0)

    def sample(case: Case) -> Tensors:
        made = torch.Generator().manual_seed(case.batch * 1009 + case.length)
        ids = torch.randint(0, count, (case.batch, case.length), generator=made)
        if padding is not None:
            ids[ids == padding] = (padding + 1) % count
        mask = torch.ones_like(ids)
        if case.is_padded and "attention_mask" in names:
            keep_padding(mask)
            ids[mask == 0] = padding or 0
        if end is not None:
            # One at the end of each text: some classes look for it.
            ids[ids == end] = (end + 1) % count if (end + 1) % count != padding else (end + 2) % count
            ids[torch.arange(case.batch), mask.sum(-1) - 1] = end
        kinds = torch.zeros_like(ids)
        if types > 1:
            kinds[:, case.length // 2 :] = 1
        found = {"input_ids": ids, "attention_mask": mask, "token_type_ids": kinds}
        return tuple(found[name] for name in names)

    return sample


def _sizes(model: Any, names: list[str], tokenizer: Any, outputs: dict[str, Axes]) -> dict[str, Axes]:
    """The outputs with the sizes of their last axes, as the model gives them."""
    import torch

    with torch.no_grad():
        found = call(model, names, list(outputs))(*tokens(names, model, tokenizer)(Case(1, 2)))
    return {
        name: tuple(axis if axis in TOKENS else size for axis, size in zip(axes, value.shape, strict=True))
        for (name, axes), value in zip(outputs.items(), found, strict=True)
    }
