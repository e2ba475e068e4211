"""Answers that are written word by word, and how sure the model is of them. Changes with how texts are generated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from prewarm.runners.parts import alike, cut_of, longest_of, placed, positions_of, text_config, tokenizer_of
from prewarm.runners.question import Keys, Question, cannot
from prewarm.worker.loaded import Loaded

USUAL_TOKENS = 64
_FIRST = 8
_LOGITS_BYTES = 1 << 30
_SAMPLING = ("temperature", "top_k", "top_p", "min_p", "typical_p")
JOINED = "{% for message in messages %}{{ message.content }}{{ eos_token }}{% endfor %}"
"""A conversation for models without a chat template: as DialoGPT was trained, each turn ended by the token for that."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """One text that a model wrote."""

    text: str
    raw: str
    """With the space around it, as it stands in a conversation."""
    confidence: float | None
    """None: the class does not give its logits."""
    tokens: int
    first: list[tuple[int, float]]
    cut: str = ""
    """What of the input was left out."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How ``generate`` is called."""

    given: Mapping[str, Any]
    most: int
    """Tokens that may be written."""
    is_sampled: bool
    notes: tuple[str, ...]


def texts(loaded: Loaded, questions: Sequence[Question], keys: Keys) -> list[dict[str, Any]]:
    """What the model writes after each text, or of it."""
    if any(question.text is None for question in questions):
        raise cannot(f"{type(loaded.model).__name__} reads texts", 'text = "…", or chat = ["…"]')
    settings = settings_of(loaded.model, keys)
    prompts = [question.text or "" for question in questions]
    found: list[Written] = []
    for start, end in _parts(loaded, len(prompts), keys, settings):
        with _seeded(keys, settings):
            found += _write(loaded, prompts[start:end], settings, adds_special=True)
    return [told_of([one], settings) for one in found]


def conversations(loaded: Loaded, questions: Sequence[Question], keys: Keys) -> list[dict[str, Any]]:
    """The answers of conversations: each question sees those before it, and their answers."""
    settings = settings_of(loaded.model, keys)
    found: list[dict[str, Any]] = []
    for start, end in _parts(loaded, len(questions), keys, settings):
        with _seeded(keys, settings):
            found += _converse(loaded, questions[start:end], settings)
    return found


def _converse(loaded: Loaded, questions: Sequence[Question], settings: Settings) -> list[dict[str, Any]]:
    histories: list[list[dict[str, str]]] = [[] for _ in questions]
    answers: list[list[Written]] = [[] for _ in questions]
    for turn in range(max(len(question.chat) for question in questions)):
        going = [at for at, question in enumerate(questions) if turn < len(question.chat)]
        for at in going:
            histories[at].append({"role": "user", "content": questions[at].chat[turn]})
        prompts = [templated(loaded, histories[at]) for at in going]
        for at, one in zip(going, _write(loaded, prompts, settings, adds_special=False, is_talk=True), strict=True):
            histories[at].append({"role": "assistant", "content": one.raw})
            answers[at].append(one)
    return [told_of(one, settings) for one in answers]


def templated(loaded: Loaded, messages: Sequence[Mapping[str, Any]]) -> str:
    """A conversation as the model was trained to see it."""
    tokenizer = tokenizer_of(loaded)
    for one in (loaded.processor, tokenizer):
        if getattr(one, "chat_template", None):
            return str(one.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True))
    if not tokenizer.eos_token:
        raise cannot(f"{type(tokenizer).__name__} has no chat template, and no token that ends a turn", 'text = "…"')
    told = tokenizer.apply_chat_template(list(messages), chat_template=JOINED, tokenize=False)
    return str(told).removesuffix(tokenizer.eos_token) if loaded.model.config.is_encoder_decoder else str(told)


def settings_of(model: Any, keys: Keys) -> Settings:
    """How ``generate`` is called: greedy, unless sampling is asked for."""
    if not hasattr(model, "generate"):
        raise cannot(f"{type(model).__name__} does not write texts", 'another class may: model_class = "…"')
    given = dict(keys.generation)
    most = int(given.pop("max_new_tokens", USUAL_TOKENS))
    own = getattr(model, "generation_config", None)
    notes: list[str] = []
    if "do_sample" not in given:
        given["do_sample"] = False
        if getattr(own, "do_sample", False):
            said = ", ".join(f"{name} {value}" for name in _SAMPLING if (value := getattr(own, name, None)) is not None)
            notes.append(f"the repository samples ({said}): greedy here, unless generation has do_sample = true")
    is_sampled = bool(given["do_sample"])
    if is_sampled and keys.seed is None:
        notes.append("sampled without a seed: it answers otherwise each time")
    return Settings(given=given, most=most, is_sampled=is_sampled, notes=tuple(notes))


def generated(loaded: Loaded, inputs: Mapping[str, Any], settings: Settings, *, width: int) -> list[Written]:
    """What ``generate`` gives for inputs.

    Args:
        loaded: the model.
        inputs: as it takes them.
        settings: how it is called.
        width: tokens of the prompt, where what is written comes behind it.

    Raises:
        Refused: the prompt leaves no place for an answer.
    """
    import torch

    model, tokenizer = loaded.model, tokenizer_of(loaded)
    given = dict(settings.given)
    given["max_new_tokens"] = _room(model, settings.most, width)
    ends = _ends(model, given)
    known = (tokenizer.pad_token_id, tokenizer.eos_token_id, *ends)
    padding = next((one for one in known if one is not None), None)
    if "stop_strings" in given:
        given["tokenizer"] = tokenizer
    if padding is not None and getattr(model.generation_config, "pad_token_id", None) is None:
        given.setdefault("pad_token_id", padding)
    with torch.inference_mode():
        found = model.generate(**inputs, **given, return_dict_in_generate=True, output_logits=True)
    sequences = found["sequences"] if not isinstance(found, torch.Tensor) else found
    logits = getattr(found, "logits", None) or ()
    beams = getattr(found, "beam_indices", None)
    count = len(logits)
    if beams is not None:
        count = int((beams >= 0).sum(-1).max())
    if not count:
        # Classes of their own may not give logits; what stands before the answer is theirs then.
        count = sequences.shape[1] - (width if not model.config.is_encoder_decoder else 1)
    return [
        _written(row, sequences[row, sequences.shape[1] - count :], logits, beams, tokenizer, ends)
        for row in range(len(sequences))
    ]


def _written(row: int, tokens: Any, logits: Sequence[Any], beams: Any, tokenizer: Any, ends: set[int]) -> Written:
    import torch

    ids = [int(one) for one in tokens]
    end = next((at for at, one in enumerate(ids) if one in ends), len(ids) - 1)
    ids = ids[: end + 1]
    confidence, first = None, []
    if logits:
        rows = [row if beams is None else int(beams[row, step]) for step in range(len(ids))]
        chosen = [
            float(torch.log_softmax(logits[step][rows[step]].float(), -1)[token])
            for step, token in enumerate(ids)
            if rows[step] >= 0
        ]
        confidence = math.exp(sum(chosen) / len(chosen)) if chosen else None
        if ids:
            best = logits[0][rows[0]].float().topk(min(_FIRST, logits[0].shape[-1]))
            first = [(int(at), float(value)) for value, at in zip(best.values, best.indices, strict=True)]
    raw = tokenizer.decode(ids, skip_special_tokens=True)
    return Written(text=raw.strip(), raw=raw, confidence=confidence, tokens=len(ids), first=first)


def _write(
    loaded: Loaded, prompts: Sequence[str], settings: Settings, *, adds_special: bool, is_talk: bool = False
) -> list[Written]:
    """What is written after each prompt; those of as many tokens are computed together, and none is padded."""
    model, tokenizer = loaded.model, tokenizer_of(loaded)
    is_both = bool(model.config.is_encoder_decoder)
    adds_special = adds_special or is_both
    most = longest_of(tokenizer, model) if is_both else None
    counts = [len(tokenizer(prompt, add_special_tokens=adds_special)["input_ids"]) for prompt in prompts]
    if not all(counts):
        raise cannot("the tokenizer makes no token of the text", "a text with words that it knows")
    if is_talk and most is not None and max(counts) > most:
        raise cannot(f"the conversation has {max(counts)} tokens, and the model reads {most}", "a shorter one")
    found: dict[int, Written] = {}
    for count, group in alike(counts, most).items():
        inputs = tokenizer(
            [prompts[at] for at in group],
            add_special_tokens=adds_special,
            truncation=most is not None,
            max_length=most,
            return_tensors="pt",
        )
        written = generated(loaded, placed(inputs, model), settings, width=0 if is_both else count)
        for at, one in zip(group, written, strict=True):
            found[at] = replace(one, cut=cut_of(counts[at], most))
    return [found[at] for at in range(len(prompts))]


def _room(model: Any, wanted: int, width: int) -> int:
    places = positions_of(model)
    if places is None or hasattr(model.config, "relative_attention_num_buckets"):
        return wanted
    left = places - width if not model.config.is_encoder_decoder else places - 1
    if left < 1:
        raise cannot(f"the input has {width} tokens, and the model has places for {places}", "a shorter one")
    return min(wanted, left)


def _parts(loaded: Loaded, count: int, keys: Keys, settings: Settings) -> Iterator[tuple[int, int]]:
    """Which of them are computed together: sampled ones alone, or one would change what the others draw."""
    beams = int(settings.given.get("num_beams") or getattr(loaded.model.generation_config, "num_beams", 1) or 1)
    step_bytes = 4 * int(getattr(text_config(loaded.model), "vocab_size", 0) or 0) * settings.most * beams
    fitting = max(1, _LOGITS_BYTES // step_bytes) if step_bytes else 1
    together = 1 if settings.is_sampled else min(keys.most_together, fitting)
    for start in range(0, count, together):
        yield start, min(start + together, count)


@contextmanager
def _seeded(keys: Keys, settings: Settings) -> Iterator[None]:
    if settings.is_sampled and keys.seed is not None:
        import transformers

        transformers.set_seed(keys.seed % (1 << 32))
    yield


def _ends(model: Any, given: Mapping[str, Any]) -> set[int]:
    """The tokens that end a text, as ``generate`` has them: the tokenizer is not asked."""
    said = given.get("eos_token_id", getattr(getattr(model, "generation_config", None), "eos_token_id", None))
    named = said if isinstance(said, (list, tuple)) else [said]
    return {int(one) for one in named if one is not None}


def told_of(written: Sequence[Written], settings: Settings) -> dict[str, Any]:
    """Texts as an answer."""
    return {
        "kind": "text",
        "texts": [one.text for one in written],
        "confidence": [one.confidence for one in written if one.confidence is not None],
        "tokens": sum(one.tokens for one in written),
        "first": [list(pair) for pair in written[0].first],
        "is_sampled": settings.is_sampled,
        "notes": [*settings.notes, *dict.fromkeys(one.cut for one in written if one.cut)],
    }
