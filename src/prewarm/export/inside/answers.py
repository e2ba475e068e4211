"""Whether graphs that write word by word write what ``generate`` does. Changes with how answers are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from prewarm.export.inside.generation import DECODER, ENCODER
from prewarm.export.inside.graph import Case, Tensors
from prewarm.worker.refused import Refused

_WRITTEN = 12
"""Tokens of the answer that is compared."""
_TIE = 1e-4


def answers_alike(model: Any, sessions: Mapping[str, Any], longest: int, sample: Callable[[Case], Tensors]) -> None:
    """Compare greedy answers of the graphs with those of ``generate``.

    Args:
        model: the original.
        sessions: by the names of the files.
        longest: tokens.
        sample: makes inputs of the first graph.

    Raises:
        Refused: they write something else.
    """
    import torch
    from transformers import GenerationConfig
    from transformers.generation import GenerationMixin

    inputs, first = _started(model, sample)
    count = max(1, min(_WRITTEN, longest - int(first.shape[1]) - 1))
    config = GenerationConfig(max_new_tokens=count, do_sample=False, num_beams=1, pad_token_id=0)
    config.decoder_start_token_id = _starts_with(model)
    # The model's own says more, such as what an answer has to end with: generate() would fill it in.
    own, model.generation_config = model.generation_config, GenerationConfig()
    try:
        with torch.no_grad():
            written = GenerationMixin.generate(model, **inputs, generation_config=config).numpy()
    finally:
        model.generation_config = own
    answer, margins = _greedy(sessions, inputs, first.numpy(), count)
    expected = written[:, -count:]
    for row, (one, other) in enumerate(zip(expected, answer, strict=True)):
        wrong = [at for at in range(count) if one[at] != other[at]]
        # Where two words are as good as each other, what rounds decides.
        if wrong and margins[wrong[0]][row] > _TIE:
            raise Refused(
                "export-error",
                f"the graph writes another answer than generate(), from its {wrong[0] + 1}. token on",
                "another class or opset may do; or serve it with torch",
            )


def _greedy(sessions: Mapping[str, Any], inputs: Mapping[str, Any], first: Any, count: int) -> tuple[Any, list[Any]]:
    """The answer of the graphs, and how far the best token was from the next at each step."""
    import numpy as np

    decoder = sessions.get(DECODER) or sessions["model.onnx"]
    feed: dict[str, Any] = {}
    mask = inputs["attention_mask"].numpy() if "attention_mask" in inputs else None
    is_both = ENCODER in sessions
    if is_both:
        encoder = sessions[ENCODER]
        wanted = [one.name for one in encoder.get_inputs()]
        states = encoder.run(None, {name: inputs[name].numpy() for name in wanted})[0]
        feed = {"encoder_hidden_states": states, "encoder_attention_mask": mask}
    known = {one.name: one for one in decoder.get_inputs()}
    past = [
        np.zeros((first.shape[0], one.shape[1], 0, one.shape[3]), dtype="float32")
        for name, one in known.items()
        if name.startswith("past_key_values")
    ]
    names = [name for name in known if name.startswith("past_key_values")]
    outputs = [one.name for one in decoder.get_outputs()]
    ids, answer, margins = first, [], []
    for _ in range(count):
        given = {**feed, "input_ids": ids, **dict(zip(names, past, strict=True))}
        if not is_both:
            given["attention_mask"] = mask
        logits, *past = decoder.run(outputs, {name: value for name, value in given.items() if name in known})
        last = logits[:, -1]
        ids = last.argmax(-1)[:, None]
        best = np.sort(last, axis=-1)
        margins.append((best[:, -1] - best[:, -2]) / np.maximum(np.abs(best).max(-1), 1e-6))
        answer.append(ids)
        if mask is not None and not is_both:
            mask = np.concatenate([mask, np.ones((len(ids), 1), dtype=mask.dtype)], axis=1)
    return np.concatenate(answer, axis=1), margins


def _started(model: Any, sample: Callable[[Case], Tensors]) -> tuple[dict[str, Any], Any]:
    """The inputs of ``generate``, and what begins the answer: the text itself, or the token that answers begin with."""
    import torch

    given = sample(Case(3, 9, is_padded=True))
    if not model.config.is_encoder_decoder:
        ids, mask = given[:2]
        return {"input_ids": ids, "attention_mask": mask}, ids
    names = ["input_ids", "attention_mask"] if len(given) > 1 else ["input_features"]
    first = torch.full((3, 1), _starts_with(model), dtype=torch.int64)
    return dict(zip(names, given, strict=True)), first


def _starts_with(model: Any) -> int:
    configs = (getattr(model, "generation_config", None), model.config)
    for name in ("decoder_start_token_id", "bos_token_id", "pad_token_id"):
        for config in configs:
            if isinstance(found := getattr(config, name, None), int):
                return found
    return 0
