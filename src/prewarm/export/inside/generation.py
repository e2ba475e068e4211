"""Graphs of models that write word by word: one that decodes, from an empty cache on, and the encoder if there is one.

Changes with transformers' caches. Nobody passes positions: they follow from the mask, inside the graph.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from prewarm.export.inside.calls import call, takes
from prewarm.export.inside.graph import BATCH, Case, Graph, Port, Tensors, keep_padding, lengths
from prewarm.export.inside.text import TOKENS, tokens
from prewarm.worker.refused import Refused

ENCODER, DECODER = "encoder_model.onnx", "decoder_model.onnx"
_WRITTEN = 12
"""Tokens of the answer that is compared with ``generate``."""
_TIE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Cache:
    """The sizes of a decoder's cache: keys and values of each layer."""

    sizes: tuple[tuple[int, int], ...]
    """(heads, size of a head) of keys, values, keys, …"""

    def names(self, start: str) -> list[str]:
        """Of each of its tensors."""
        return [f"{start}.{at // 2}.{('key', 'value')[at % 2]}" for at in range(len(self.sizes))]

    def ports(self, start: str, axis: str) -> tuple[Port, ...]:
        """Its tensors as inputs or outputs."""
        return tuple(
            Port(name=name, axes=("batch", heads, axis, size))
            for name, (heads, size) in zip(self.names(start), self.sizes, strict=True)
        )

    def random(self, batch: int, past: int, made: Any) -> list[Any]:
        """As it is after ``past`` tokens."""
        import torch

        return [torch.randn(batch, heads, past, size, generator=made) for heads, size in self.sizes]

    @property
    def told(self) -> Mapping[str, Any]:
        """For who opens the graph."""
        return {"cache": [[heads, size] for heads, size in self.sizes]}


def writer(model: Any, tokenizer: Any, longest: int) -> Graph:
    """One graph that goes on with a text: the whole of it with an empty cache, or one more token."""
    import torch

    cache = _cache_of(model, lambda: model(torch.ones(1, 2, dtype=torch.int64), use_cache=True, return_dict=True))
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
        module=_writing()(model).eval(),
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
    size = _encoded_size(model, sample(Case(1, 2)), names)
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

    size = _encoded_size(model, sample(Case(1)), ["input_features"])
    states = _states(model, sample(Case(1)), ["input_features"])
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
        return _of_states(model, torch.ones(1, 2, dtype=torch.int64), states, None, None)

    cache = _cache_of(model, try_it)
    config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    count = int(config.vocab_size)
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
        module=_answering()(model, has_mask=has_mask).eval(),
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


def answers_alike(
    model: Any, sessions: Mapping[str, Any], longest: int, *, start: Callable[[Any], tuple[Any, Any]]
) -> list[str]:
    """Compare greedy answers of the graphs with those of ``generate``; gives what is to be told of it.

    Args:
        model: the original.
        sessions: by the names of the files.
        longest: tokens.
        start: gives the inputs of ``generate``, and what stands before the answer.

    Raises:
        Refused: they write something else.
    """
    import torch
    from transformers import GenerationConfig
    from transformers.generation import GenerationMixin

    inputs, first = start(model)
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
    return []


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


def started(model: Any, sample: Callable[[Case], Tensors]) -> Callable[[Any], tuple[Any, Any]]:
    """What begins an answer: the text itself, or the token that an answer begins with."""
    import torch

    def start(_: Any) -> tuple[Any, Any]:
        if not model.config.is_encoder_decoder:
            ids, mask = sample(Case(3, 9, is_padded=True))[:2]
            return {"input_ids": ids, "attention_mask": mask}, ids
        given = sample(Case(3, 9, is_padded=True))
        names = ["input_ids", "attention_mask"] if len(given) > 1 else ["input_features"]
        first = torch.full((3, 1), _starts_with(model), dtype=torch.int64)
        return dict(zip(names, given, strict=True)), first

    return start


def _starts_with(model: Any) -> int:
    configs = (getattr(model, "generation_config", None), model.config)
    for name in ("decoder_start_token_id", "bos_token_id", "pad_token_id"):
        for config in configs:
            if isinstance(found := getattr(config, name, None), int):
                return found
    return 0


def _answer_most(model: Any) -> int:
    for name in ("max_target_positions", "max_position_embeddings"):
        found = getattr(model.config, name, None)
        if isinstance(found, int):
            return found
    return 1 << 20


def _vocabulary_of(model: Any) -> int:
    return int(model.get_output_embeddings().weight.shape[0])


def _encoded_size(model: Any, given: Tensors, names: list[str]) -> int:
    return int(_states(model, given, names).shape[-1])


def _states(model: Any, given: Tensors, names: list[str]) -> Any:
    import torch

    with torch.no_grad():
        return call(model.get_encoder(), names, ["last_hidden_state"])(*given)[0]


def _cache_of(model: Any, run: Callable[[], Any]) -> Cache:
    """The sizes of the cache that a run leaves.

    Raises:
        Refused: it is of another kind than keys and values of each layer.
    """
    import torch

    with torch.no_grad():
        left = run().past_key_values
    left = getattr(left, "self_attention_cache", left)
    layers = getattr(left, "layers", None)
    tensors: list[Any] = [getattr(layer, name, None) for layer in layers or () for name in ("keys", "values")]
    if not tensors or any(tensor is None or tensor.ndim != 4 for tensor in tensors):
        raise Refused(
            "export-error",
            f"{type(model).__name__} keeps another cache than keys and values of each layer",
            "serve it with torch",
        )
    return Cache(sizes=tuple((int(one.shape[1]), int(one.shape[3])) for one in tensors))


def _of_states(model: Any, ids: Any, states: Any, mask: Any, cache: Any) -> Any:
    from transformers.modeling_outputs import BaseModelOutput

    masked = {} if mask is None else {"attention_mask": mask}
    return model(
        encoder_outputs=BaseModelOutput(last_hidden_state=states),
        decoder_input_ids=ids,
        past_key_values=cache,
        use_cache=True,
        return_dict=True,
        **masked,
    )


def _filled(past: Tensors) -> Any:
    from transformers.cache_utils import DynamicCache

    cache = DynamicCache()
    for at in range(0, len(past), 2):
        cache.update(past[at], past[at + 1], at // 2)
    return cache


def _kept(cache: Any) -> Tensors:
    return tuple(tensor for layer in cache.layers for tensor in (layer.keys, layer.values))


@functools.cache
def _writing() -> Any:
    import torch

    class Writing(torch.nn.Module):  # type: ignore[misc]
        """Ids, mask and cache to logits and cache."""

        def __init__(self, model: Any) -> None:
            super().__init__()
            self.model = model
            self.has_positions = takes(model, "position_ids")

        def forward(self, *given: Any) -> tuple[Any, ...]:
            ids, mask, *past = given
            before = past[0].shape[2]
            # Taken one by one, so that its length is not another name for the sum of two others.
            mask = mask.index_select(1, torch.arange(before + ids.shape[1]))
            positions = (mask.cumsum(-1) - 1).clamp(min=0).index_select(1, torch.arange(ids.shape[1]) + before)
            placed = {"position_ids": positions} if self.has_positions else {}
            cache = _filled(tuple(past))
            found = self.model(
                input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True, return_dict=True, **placed
            )
            return (found.logits, *_kept(found.past_key_values))

    return Writing


@functools.cache
def _answering() -> Any:
    import torch
    from transformers.cache_utils import DynamicCache, EncoderDecoderCache

    class Answering(torch.nn.Module):  # type: ignore[misc]
        """Ids, states of the encoder and cache to logits and cache; attention to the states is computed anew."""

        def __init__(self, model: Any, *, has_mask: bool) -> None:
            super().__init__()
            self.model, self.has_mask = model, has_mask

        def forward(self, *given: Any) -> tuple[Any, ...]:
            ids, states, *rest = given
            mask = rest.pop(0) if self.has_mask else None
            cache = EncoderDecoderCache(_filled(tuple(rest)), DynamicCache())
            found = _of_states(self.model, ids, states, mask, cache)
            return (found.logits, *_kept(found.past_key_values.self_attention_cache))

    return Answering
