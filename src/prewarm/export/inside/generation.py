"""Graphs of models that write word by word: one that decodes, from an empty cache on, and the encoder if there is one.

Changes with what is exported of them.
"""

from __future__ import annotations

from typing import Any

from prewarm.export.inside.calls import call, text_config
from prewarm.export.inside.decoders import answering, cache_of, of_states, writing
from prewarm.export.inside.graph import BATCH, Case, Graph, Port, Tensors, keep_padding, lengths
from prewarm.export.inside.text import TOKENS, tokens
from prewarm.worker.refused import Refused

ENCODER, DECODER = "encoder_model.onnx", "decoder_model.onnx"


def writer(model: Any, tokenizer: Any, longest: int) -> Graph:
    """One graph that goes on with a text: the whole of it with an empty cache, or one more token."""
    import torch

    cache = cache_of(model, lambda: model(torch.ones(1, 2, dtype=torch.int64), use_cache=True, return_dict=True))
    vocabulary = _vocabulary_of(model)
    ids_of = tokens(["input_ids"], model, tokenizer)

    def sample(case: Case) -> Tensors:
        made = torch.Generator().manual_seed(case.batch + case.length)
        mask = torch.ones(case.batch, case.past + case.length, dtype=torch.int64)
        if case.is_padded:
            # What is asked for stands at the right, and the padding before it.
            keep_padding(mask[:, : max(case.past or case.length - 1, 1)], on_left=True)
        return (*ids_of(case), mask, *cache.random(case.batch, case.past, made))

    def counted(inputs: Tensors, case: Case) -> Any:
        return inputs[1][:, case.past :].bool().numpy()

    ports = (Port(name="input_ids", axes=TOKENS), Port(name="attention_mask", axes=("batch", "total_sequence")))
    most = max(longest - 1, 1)
    return Graph(
        file="model.onnx",
        module=writing()(model).eval(),
        inputs=(*ports, *cache.ports("past_key_values", "past_sequence")),
        outputs=(Port(name="logits", axes=(*TOKENS, vocabulary)), *cache.ports("present", "total_sequence")),
        limits={**BATCH, "sequence": (1, longest), "past_sequence": (0, most), "total_sequence": (1, longest)},
        sample=sample,
        traced=Case(2, min(5, longest), is_padded=True, past=min(7, most)),
        cases=(*lengths(longest), *(Case(3, 1, is_padded=True, past=min(past, most)) for past in (5, most))),
        counted=counted,
        needs_patches=True,
        constants=cache.told,
    )


def from_text(model: Any, tokenizer: Any, longest: int) -> list[Graph]:
    """Encoder and decoder of a model that writes a text for a text."""
    names = ["input_ids", "attention_mask"]
    sample = tokens(names, model, tokenizer)
    size = int(_states(model, sample(Case(1, 2)), names).shape[-1])
    encoder = Graph(
        file=ENCODER,
        module=call(model.get_encoder(), names, ["last_hidden_state"]),
        inputs=tuple(Port(name=name, axes=TOKENS) for name in names),
        outputs=(Port(name="last_hidden_state", axes=(*TOKENS, size)),),
        limits={**BATCH, "sequence": (2, longest)},
        sample=sample,
        traced=Case(2, min(12, longest), is_padded=True),
        cases=lengths(longest),
        counted=lambda inputs, _: inputs[1].bool().numpy(),
    )
    return [encoder, _decoder(model, size, None, longest)]


def from_sound(model: Any, processor: Any, longest: int) -> list[Graph]:
    """Encoder and decoder of a model that writes what it hears, from pictures of sound of one length."""
    import torch

    extractor = getattr(processor, "feature_extractor", processor)
    bins = int(getattr(model.config, "num_mel_bins", 0) or getattr(extractor, "feature_size", 0))
    frames = int(getattr(extractor, "nb_max_frames", 0) or 2 * getattr(model.config, "max_source_positions", 0))
    if not bins or not frames:
        raise Refused("export-error", f"nothing says how {type(model).__name__} is given sound", 'format = "files"')

    def sample(case: Case) -> Tensors:
        made = torch.Generator().manual_seed(case.batch)
        return (torch.randn(case.batch, bins, frames, generator=made),)

    states = _states(model, sample(Case(1)), ["input_features"])
    size = int(states.shape[-1])
    encoder = Graph(
        file=ENCODER,
        module=call(model.get_encoder(), ["input_features"], ["last_hidden_state"]),
        inputs=(Port(name="input_features", axes=("batch", bins, frames)),),
        outputs=(Port(name="last_hidden_state", axes=("batch", int(states.shape[1]), size)),),
        limits=BATCH,
        sample=sample,
        traced=Case(2),
        cases=(Case(1), Case(3)),
        constants={"frames": frames, "bins": bins, "sampling_rate": getattr(extractor, "sampling_rate", None)},
    )
    return [encoder, _decoder(model, size, int(states.shape[1]), longest)]


def _decoder(model: Any, size: int, frames: int | None, longest: int) -> Graph:
    """The graph that goes on with an answer; ``frames``: how many states there are, where that does not vary."""
    import torch

    def try_it() -> Any:
        states = torch.zeros(1, frames or 2, size)
        return of_states(model, torch.ones(1, 2, dtype=torch.int64), states, None, None)

    cache = cache_of(model, try_it)
    count = int(text_config(model).vocab_size)
    states_axis: str | int = "encoder_sequence" if frames is None else frames
    has_mask = frames is None

    def sample(case: Case) -> Tensors:
        made = torch.Generator().manual_seed(case.batch + case.length)
        ids = torch.randint(0, count, (case.batch, case.length), generator=made)
        wide = frames or (case.past + case.length) * 2 + 1
        wide = min(wide, longest) if frames is None else wide
        states = torch.randn(case.batch, wide, size, generator=made)
        mask = torch.ones(case.batch, wide, dtype=torch.int64)
        if case.is_padded and wide > 1:
            keep_padding(mask)
        masks = [mask] if has_mask else []
        return (ids, states, *masks, *cache.random(case.batch, case.past, made))

    ports = [
        Port(name="input_ids", axes=TOKENS),
        Port(name="encoder_hidden_states", axes=("batch", states_axis, size)),
        *([Port(name="encoder_attention_mask", axes=("batch", states_axis))] if has_mask else []),
    ]
    most = min(longest, _answer_most(model))
    limits = {**BATCH, "sequence": (1, most), "past_sequence": (0, most - 1)}
    return Graph(
        file=DECODER,
        module=answering()(model, has_mask=has_mask).eval(),
        inputs=(*ports, *cache.ports("past_key_values", "past_sequence")),
        outputs=(
            Port(name="logits", axes=(*TOKENS, _vocabulary_of(model))),
            *cache.ports("present", "total_sequence"),
        ),
        limits={**limits, "encoder_sequence": (2, longest)} if has_mask else limits,
        sample=sample,
        traced=Case(2, min(3, most), is_padded=True, past=min(4, most - 1)),
        cases=(
            Case(1, 1),
            Case(3, 4, is_padded=True),
            Case(2, 1, is_padded=True, past=min(9, most - 1)),
            Case(1, most),
        ),
        needs_patches=True,
        constants=cache.told,
    )


def _answer_most(model: Any) -> int:
    for name in ("max_target_positions", "max_position_embeddings"):
        found = getattr(model.config, name, None)
        if isinstance(found, int):
            return found
    return 1 << 20


def _vocabulary_of(model: Any) -> int:
    return int(model.get_output_embeddings().weight.shape[0])


def _states(model: Any, given: Tensors, names: list[str]) -> Any:
    import torch

    with torch.no_grad():
        return call(model.get_encoder(), names, ["last_hidden_state"])(*given)[0]
