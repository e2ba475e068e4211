"""Answers that are labels with scores: of texts, words, images and sounds. Changes with these tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from prewarm.runners import media
from prewarm.runners.parts import alike, cut_of, images_of, longest_of, placed, rate_of, sounds_of, tokenizer_of
from prewarm.runners.question import Question, cannot
from prewarm.worker.loaded import Loaded

SHOWN = 5
_NUMBERS_MOST = 2000
_LEAST_DETECTED = 0.5
_SPAN_MOST = 30


def texts(loaded: Loaded, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """What each text, or pair of texts, is."""

    def answers(inputs: dict[str, Any]) -> list[dict[str, Any]]:
        return [_of_logits(loaded.model, row) for row in loaded.model(**inputs).logits]

    return by_length(loaded, questions, answers)


def pictures(loaded: Loaded, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """What is in each picture."""
    found = loaded.model(**pictured(loaded, questions))
    return [_of_logits(loaded.model, row) for row in found.logits]


def sounds(loaded: Loaded, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """What each sound is."""
    return [
        _of_logits(loaded.model, loaded.model(**sounding(loaded, heard(loaded, question))).logits[0])
        for question in questions
    ]


def objects(loaded: Loaded, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """The things in each picture."""
    processor, found = images_of(loaded), []
    for image in opened(questions):
        outputs = loaded.model(**placed(processor(images=[image], return_tensors="pt"), loaded.model))
        told = processor.post_process_object_detection(
            outputs, threshold=_LEAST_DETECTED, target_sizes=[(image.height, image.width)]
        )[0]
        pairs = [
            (_label(loaded.model, int(label)), float(score))
            for label, score in zip(told["labels"], told["scores"], strict=True)
        ]
        found.append(_labels(pairs, numbers=_numbers(outputs.logits[0])))
    return found


def words(loaded: Loaded, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """The words of each text that have a label other than none, those of the same label put together."""
    import torch

    tokenizer, found = tokenizer_of(loaded), []
    for question in questions:
        text = question.text or ""
        inputs = encoded(loaded, [question])
        logits = loaded.model(**inputs).logits[0].float()
        scores = torch.softmax(logits, -1)
        spans = _offsets(tokenizer, text, loaded.model)
        told: list[tuple[str, float, int, int]] = []
        for at, (start, end) in enumerate(spans[: len(scores)]):
            score, label = scores[at].max(-1)
            said = _label(loaded.model, int(label))
            name = said.removeprefix("B-").removeprefix("I-")
            if start == end or name == "O":
                continue
            begins = said.startswith("B-")
            if told and told[-1][0] == name and not begins and not text[told[-1][3] : start].strip():
                before = told[-1]
                told[-1] = (name, min(before[1], float(score)), before[2], end)
            else:
                told.append((name, float(score), start, end))
        one = _labels([(name, score) for name, score, _, _ in told], numbers=_numbers(logits))
        one["texts"] = ["; ".join(f"{text[start:end]}: {name}" for name, _, start, end in told)]
        found.append(one)
    return found


def masked(loaded: Loaded, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """The words that may stand in the place of the mask of each text."""
    import torch

    tokenizer, found = tokenizer_of(loaded), []
    if tokenizer.mask_token is None:
        raise cannot(f"{type(tokenizer).__name__} has no token for a mask")
    for question in questions:
        text = question.text or ""
        for other in ("[MASK]", "<mask>"):
            text = text.replace(other, tokenizer.mask_token)
        inputs = encoded(loaded, [Question(text=text)])
        places = (inputs["input_ids"][0] == tokenizer.mask_token_id).nonzero().flatten()
        if not len(places):
            raise cannot(f"the text has no {tokenizer.mask_token}", f'text = "… {tokenizer.mask_token} …"')
        logits = loaded.model(**inputs).logits[0, places[0]].float()
        scores, tokens = torch.softmax(logits, -1).topk(min(SHOWN, len(logits)))
        pairs = [
            (tokenizer.decode([int(token)]).strip(), float(score)) for token, score in zip(tokens, scores, strict=True)
        ]
        found.append(_labels(pairs, numbers=_numbers(logits)))
    return found


def spans(loaded: Loaded, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """The part of ``text_pair`` that answers ``text``."""
    import torch

    tokenizer, found = tokenizer_of(loaded), []
    if not getattr(tokenizer, "is_fast", False):
        raise cannot(f"{type(tokenizer).__name__} does not say where its tokens stand in a text")
    most = longest_of(tokenizer, loaded.model)
    for question in questions:
        if question.text_pair is None:
            raise cannot("it finds the answer in a second text", 'text_pair = "…" beside text = "the question"')
        inputs = tokenizer(
            question.text,
            question.text_pair,
            truncation="only_second" if most is not None else False,
            max_length=most,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        places, kinds = inputs.pop("offset_mapping")[0].tolist(), inputs.sequence_ids()
        told = loaded.model(**placed(inputs, loaded.model))
        allowed = torch.tensor([kind == 1 for kind in kinds])
        starts = told.start_logits[0].float().masked_fill(~allowed, -1e4)
        ends = told.end_logits[0].float().masked_fill(~allowed, -1e4)
        both = torch.softmax(starts, -1)[:, None] * torch.softmax(ends, -1)[None, :]
        both = both.triu().tril(_SPAN_MOST)
        first, last = divmod(int(both.argmax()), both.shape[1])
        found.append(
            {
                "kind": "text",
                "texts": [question.text_pair[places[first][0] : places[last][1]]],
                "confidence": [float(both[first, last])],
                "numbers": _numbers(torch.cat([told.start_logits[0], told.end_logits[0]])),
            }
        )
    return found


def by_length(
    loaded: Loaded, questions: Sequence[Question], answers: Callable[[dict[str, Any]], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Answers to texts; those of as many tokens are computed together.

    Never padded: many models answer otherwise with padding than without, on whichever side it is, and an application
    that has one text has none.
    """
    most = longest_of(tokenizer_of(loaded), loaded.model)
    counts = [len(_tokens(loaded, question)) for question in questions]
    found: dict[int, dict[str, Any]] = {}
    for group in alike(counts, most).values():
        found.update(zip(group, answers(encoded(loaded, [questions[at] for at in group])), strict=True))
    for at, count in enumerate(counts):
        if cut := cut_of(count, most):
            found[at]["notes"] = [cut]
    return [found[at] for at in range(len(questions))]


def encoded(loaded: Loaded, questions: Sequence[Question]) -> dict[str, Any]:
    """The tokens of texts that have as many each."""
    tokenizer = tokenizer_of(loaded)
    pairs = [question.text_pair for question in questions]
    first = [question.text for question in questions]
    given = (first, pairs) if all(pair is not None for pair in pairs) else (first,)
    most = longest_of(tokenizer, loaded.model)
    # SigLIP was trained with texts of its full length, and takes the last token's vector.
    fills = "siglip" in str(getattr(loaded.model.config, "model_type", ""))
    inputs = tokenizer(
        *given,
        padding="max_length" if fills else False,
        truncation=most is not None,
        max_length=most,
        return_tensors="pt",
    )
    return placed(inputs, loaded.model)


def _tokens(loaded: Loaded, question: Question) -> list[int]:
    if question.text is None:
        raise cannot(f"{type(loaded.model).__name__} reads texts", 'text = "…"')
    given = (question.text,) if question.text_pair is None else (question.text, question.text_pair)
    found: list[int] = tokenizer_of(loaded)(*given)["input_ids"]
    return found


def opened(questions: Sequence[Question]) -> list[Any]:
    """The pictures of questions."""
    return [media.image(one.image) if one.image is not None else media.usual_image() for one in questions]


def heard(loaded: Loaded, question: Question) -> Any:
    """The sound of a question."""
    rate = rate_of(loaded)
    return media.sound(question.audio, rate) if question.audio is not None else media.usual_sound(rate)


def pictured(loaded: Loaded, questions: Sequence[Question]) -> dict[str, Any]:
    """The pictures of questions, as the model takes them."""
    return placed(images_of(loaded)(images=opened(questions), return_tensors="pt"), loaded.model)


def sounding(loaded: Loaded, wave: Any) -> dict[str, Any]:
    """A sound, as the model takes it."""
    return placed(sounds_of(loaded)(wave, sampling_rate=rate_of(loaded), return_tensors="pt"), loaded.model)


def _of_logits(model: Any, logits: Any) -> dict[str, Any]:
    """Scores as transformers' pipelines compute them."""
    import torch

    logits = logits.float()
    kind = getattr(model.config, "problem_type", None)
    if kind == "regression":
        scores = logits
    elif kind == "multi_label_classification" or logits.shape[-1] == 1:
        scores = torch.sigmoid(logits)
    else:
        scores = torch.softmax(logits, -1)
    best = scores.topk(min(SHOWN, scores.shape[-1]))
    pairs = [(_label(model, int(at)), float(score)) for score, at in zip(best.values, best.indices, strict=True)]
    return _labels(pairs, numbers=_numbers(logits))


def _labels(pairs: list[tuple[str, float]], *, numbers: list[float]) -> dict[str, Any]:
    ordered = sorted(pairs, key=lambda pair: -pair[1])
    return {"kind": "labels", "labels": [list(pair) for pair in ordered], "numbers": numbers}


def _numbers(logits: Any) -> list[float]:
    return [float(one) for one in logits.float().flatten()[:_NUMBERS_MOST]]


def _label(model: Any, at: int) -> str:
    named = getattr(model.config, "id2label", None) or {}
    return str(named.get(at, at))


def _offsets(tokenizer: Any, text: str, model: Any) -> list[tuple[int, int]]:
    if not getattr(tokenizer, "is_fast", False):
        raise cannot(f"{type(tokenizer).__name__} does not say where its tokens stand in a text")
    most = longest_of(tokenizer, model)
    found = tokenizer(text, return_offsets_mapping=True, truncation=most is not None, max_length=most)
    return [(int(start), int(end)) for start, end in found["offset_mapping"]]
