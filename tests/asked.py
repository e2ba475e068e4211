"""Asks tiny models of every kind, and keeps their answers beside those of transformers' own pipelines.

Run once for all tests that look at answers: ``python tests/asked.py FILE``. For each kind: what ``ask`` gives, and what
a pipeline, ``generate`` or ``encode`` gives for the same questions, each alone.
"""

from __future__ import annotations

import json
import logging
import math
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import artifacts

TEXTS = ["w5 w6 w7", "w8", " ".join(f"w{at}" for at in range(20, 60)), "w90 unknown w91 w92 w93"]
MASKED = ["w5 [MASK] w7", "[MASK] w8 w9"]
PAIR = ("w5 w6", "w20 w21 w22 w23 w24")
RATE = 16_000


def media(folder: Path) -> tuple[list[str], list[str]]:
    """Two pictures and two sounds, of which one has another rate and two channels."""
    import numpy as np
    import soundfile
    from PIL import Image

    made = np.random.default_rng(0)
    for name, size in (("a.png", (48, 40, 3)), ("b.jpg", (32, 64, 3))):
        Image.fromarray(made.integers(0, 255, size, dtype="uint8")).save(folder / name)
    soundfile.write(folder / "a.wav", (0.1 * made.standard_normal(8000)).astype("float32"), RATE)
    soundfile.write(folder / "b.flac", (0.1 * made.standard_normal((12_000, 2))).astype("float32"), 24_000)
    return [str(folder / "a.png"), str(folder / "b.jpg")], [str(folder / "a.wav"), str(folder / "b.flac")]


def more() -> dict[str, Callable[[], tuple[Any, Any, dict[str, Any]]]]:
    """Kinds that cannot be exported."""
    import transformers as t

    wave = artifacts._WAVE

    def both() -> tuple[Any, Any, dict[str, Any]]:
        image = {**artifacts._IMAGE}
        config = t.BlipConfig(
            text_config={**artifacts._TEXT, "bos_token_id": 2, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0,
                         "encoder_hidden_size": 32, "projection_dim": 16},
            vision_config={**image, "projection_dim": 16}, projection_dim=16, image_text_hidden_size=16,
        )  # fmt: skip
        kind = getattr(t, "BlipImageProcessorPil", None) or t.BlipImageProcessor
        processor = t.BlipProcessor(kind(size={"height": 32, "width": 32}), artifacts.tokenizer())
        return t.BlipForConditionalGeneration(config), processor, {}

    def hears(classes: int) -> tuple[Any, Any, dict[str, Any]]:
        config = t.Wav2Vec2Config(**wave, num_labels=classes)
        return t.Wav2Vec2ForSequenceClassification(config), t.Wav2Vec2FeatureExtractor(return_attention_mask=True), {}

    def left() -> tuple[Any, Any, dict[str, Any]]:
        config = t.GPT2Config(vocab_size=artifacts.WORDS, n_embd=32, n_layer=2, n_head=4, n_positions=64, num_labels=3,
                              pad_token_id=0)  # fmt: skip
        return t.GPT2ForSequenceClassification(config), artifacts.tokenizer(padding_side="left"), {}

    def mixes() -> tuple[Any, Any, dict[str, Any]]:
        text = {key: value for key, value in artifacts._TEXT.items() if key != "num_attention_heads"}
        return t.FNetModel(t.FNetConfig(**text)), artifacts.tokenizer(), {}

    def retrieves() -> tuple[Any, Any, dict[str, Any]]:
        return t.DPRQuestionEncoder(t.DPRConfig(**artifacts._TEXT)), artifacts.tokenizer(), {}

    def fills() -> tuple[Any, Any, dict[str, Any]]:
        text = {**artifacts._TEXT, "max_position_embeddings": 16, "projection_size": 32}
        config = t.SiglipConfig(text_config=text, vision_config=artifacts._IMAGE)
        words = artifacts.tokenizer()
        words.model_max_length, words.model_input_names = 16, ["input_ids"]
        kind = getattr(t, "SiglipImageProcessorPil", None) or t.SiglipImageProcessor
        return t.SiglipModel(config), t.SiglipProcessor(kind(size={"height": 32, "width": 32}), words), {}

    def begins() -> tuple[Any, Any, dict[str, Any]]:
        names = {0: "O", 1: "B-PER", 2: "I-PER"}
        model = t.BertForTokenClassification(t.BertConfig(**artifacts._TEXT, id2label=names))
        model.classifier.bias.data[1] += 5
        return model, artifacts.tokenizer(), {}

    return {
        "audio-classification": lambda: hears(3),
        "image-text-to-text": both,
        "text-classification-left": left,
        "feature-extraction-fnet": mixes,
        "feature-extraction-dpr": retrieves,
        "zero-shot-image-classification-siglip": fills,
        "token-classification-begins": begins,
    }


def main(target: Path) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    import torch
    import transformers

    from prewarm.runners import Keys, Question, ask
    from prewarm.runners.tasks import done_by
    from prewarm.worker.loaded import Loaded

    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    pictures, sounds = media(target)
    found: dict[str, Any] = {}
    for name, kind in {**artifacts.kinds(), **more()}.items():
        if name.startswith(("refused", "opset", "float16", "int8")):
            continue
        torch.manual_seed(0)
        model, processor, _ = kind()
        model.eval()
        task = str(done_by(model))
        if task == "automatic-speech-recognition" and not hasattr(processor, "tokenizer"):
            processor = _with_words(processor, is_ctc=name.endswith("-ctc"))
        if task == "object-detection":
            own = getattr(transformers, "DetrImageProcessorPil", None) or transformers.DetrImageProcessor
            processor = own(size={"shortest_edge": 32, "longest_edge": 64})
            # It finds something.
            model.class_labels_classifier.bias.data[1] += 6
        if task == "fill-mask":
            processor.add_special_tokens({"mask_token": "[MASK]"})
        loaded = Loaded(model=model, processor=processor)
        questions = _questions(task, pictures, sounds, Question)
        keys = Keys(generation={"max_new_tokens": 6})
        answers = ask(loaded, questions, keys)
        with torch.no_grad():
            expected = [_expected(task, model, processor, one) for one in questions]
        alone = [ask(loaded, [one], keys)[0] for one in questions]
        found[name] = {"task": task, "answers": answers, "expected": expected, "alone": alone}
    found["conversation"] = _conversation(Keys, Question, ask, Loaded)
    found["sampling"] = _sampling(Keys, Question, ask, Loaded)
    (target / "answers.json").write_text(json.dumps(found), encoding="utf-8")


def _questions(task: str, pictures: Sequence[str], sounds: Sequence[str], kind: Any) -> list[Any]:
    if task == "fill-mask":
        return [kind(text=text) for text in MASKED]
    if task == "question-answering":
        return [kind(text=PAIR[0], text_pair=PAIR[1])]
    if task in ("image-classification", "object-detection", "image-text-to-text"):
        return [kind(image=path) for path in pictures]
    if task in ("audio-classification", "automatic-speech-recognition"):
        return [kind(audio=path) for path in sounds]
    if task == "zero-shot-image-classification":
        return [kind(text="w5 w6"), kind(image=pictures[0]), kind(image=pictures[1], text="w7")]
    return [kind(text=text) for text in TEXTS]


def _with_words(extractor: Any, *, is_ctc: bool) -> Any:
    """A processor around an extractor that has none."""
    import transformers as t

    if is_ctc:
        import tempfile

        with tempfile.TemporaryDirectory() as name:
            words = {"[PAD]": 0, "|": 1, "[UNK]": 2, **{chr(60 + at): at for at in range(3, artifacts.WORDS)}}
            Path(name, "vocab.json").write_text(json.dumps(words))
            letters = t.Wav2Vec2CTCTokenizer(str(Path(name, "vocab.json")), pad_token="[PAD]", unk_token="[UNK]")
        return t.Wav2Vec2Processor(extractor, letters)

    class Both:
        feature_extractor, tokenizer = extractor, artifacts.tokenizer()

    return Both()


def _expected(task: str, model: Any, processor: Any, question: Any) -> Any:
    import soundfile
    import soxr
    import torch
    import transformers as t
    from PIL import Image

    def wave() -> Any:
        found, rate = soundfile.read(question.audio, dtype="float32", always_2d=True)
        found = found.mean(axis=1)
        return found if rate == RATE else soxr.resample(found, rate, RATE)

    if task == "text-classification":
        call = t.pipeline(task, model=model, tokenizer=processor)
        return [[one["label"], one["score"]] for one in call(question.text, top_k=None)]
    if task == "token-classification":
        call = t.pipeline(task, model=model, tokenizer=processor, aggregation_strategy="simple")
        return [[one["entity_group"], one["start"], one["end"]] for one in call(question.text)]
    if task == "fill-mask":
        call = t.pipeline(task, model=model, tokenizer=processor)
        return [[one["token_str"], one["score"]] for one in call(question.text)]
    if task == "image-classification":
        call = t.pipeline(task, model=model, image_processor=processor)
        return [[one["label"], one["score"]] for one in call(question.image)]
    if task == "audio-classification":
        call = t.pipeline(task, model=model, feature_extractor=processor)
        return [[one["label"], one["score"]] for one in call(wave())]
    if task == "object-detection":
        call = t.pipeline(task, model=model, image_processor=processor, threshold=0.5)
        return [[one["label"], one["score"]] for one in call(question.image)]
    if task == "question-answering":
        inputs = processor(question.text, question.text_pair, return_tensors="pt", return_offsets_mapping=True)
        places, kinds = inputs.pop("offset_mapping")[0], inputs.sequence_ids()
        inputs.pop("token_type_ids", None)
        told = model(**inputs)
        best = max(
            (float(told.start_logits[0, first] + told.end_logits[0, last]), first, last)
            for first in range(len(kinds))
            for last in range(first, len(kinds))
            if kinds[first] == 1 and kinds[last] == 1
        )
        return question.text_pair[int(places[best[1]][0]) : int(places[best[2]][1])]
    if task == "automatic-speech-recognition":
        inputs = processor.feature_extractor(wave(), sampling_rate=RATE, return_tensors="pt")
        if type(model).__name__.endswith("ForCTC"):
            best = torch.log_softmax(model(**inputs).logits[0], -1).max(-1)
            return [processor.tokenizer.decode(best.indices), math.exp(float(best.values.mean()))]
        ids = model.generate(inputs.input_features, max_new_tokens=6, do_sample=False)
        return [processor.tokenizer.decode(ids[0][-6:], skip_special_tokens=True), None]
    if task == "image-text-to-text":
        inputs = processor(images=Image.open(question.image).convert("RGB"), return_tensors="pt")
        ids = model.generate(**inputs, max_new_tokens=6, do_sample=False)
        return processor.decode(ids[0], skip_special_tokens=True)
    if task in ("text-generation", "text2text-generation"):
        return _written(model, processor, question.text)
    return _vector(task, model, processor, question, Image)


def _vector(task: str, model: Any, processor: Any, question: Any, image: Any) -> Any:
    """The vector of a text: the model's own, or the mean of its tokens'."""
    import numpy as np

    if hasattr(model, "encode"):
        return [float(one) for one in model.encode([question.text])[0]]
    if task == "zero-shot-image-classification":
        return _seen(model, processor, question, image)
    inputs = processor(question.text, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    if "FNet" in type(model).__name__:
        inputs.pop("attention_mask")
    told = model(**inputs)
    if not hasattr(told, "last_hidden_state"):
        return [float(one) for one in told.pooler_output[0]]
    return [float(one) for one in np.asarray(told.last_hidden_state[0].mean(0))]


def _written(model: Any, tokenizer: Any, text: str) -> list[Any]:
    """A greedy text, and its confidence by one more pass over all of it."""
    import torch

    inputs = tokenizer(text, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    own = dict(inputs)
    ids = model.generate(**own, max_new_tokens=6, do_sample=False, pad_token_id=0)[0]
    if model.config.is_encoder_decoder:
        made = ids[1:]
        logits = model(**own, decoder_input_ids=ids[None, :-1]).logits[0]
    else:
        start = inputs["input_ids"].shape[1]
        made, logits = ids[start:], model(ids[None]).logits[0, start - 1 : -1]
    chosen = torch.log_softmax(logits.float(), -1).gather(1, made[:, None]).mean()
    return [tokenizer.decode(made, skip_special_tokens=True), math.exp(float(chosen))]


def _seen(model: Any, processor: Any, question: Any, image: Any) -> Any:
    """Vectors of a text or a picture, or their cosine."""
    import torch

    vectors = []
    if hasattr(model, "logit_bias"):
        return _siglip(model, processor, question, image)
    if question.image is not None:
        pixels = processor.image_processor(images=image.open(question.image).convert("RGB"), return_tensors="pt")
        vectors.append(model.vision_model(**pixels).pooler_output @ model.visual_projection.weight.T)
    if question.text is not None:
        inputs = processor.tokenizer(question.text, return_tensors="pt")
        inputs.pop("token_type_ids", None)
        vectors.append(model.text_model(**inputs).pooler_output @ model.text_projection.weight.T)
    if len(vectors) == 2:
        return [[question.text, float(torch.nn.functional.cosine_similarity(*vectors))]]
    return [float(one) for one in vectors[0][0]]


def _siglip(model: Any, processor: Any, question: Any, image: Any) -> Any:
    """As its page has it: texts are filled up to their full length."""
    import torch

    vectors = []
    if question.image is not None:
        pixels = processor.image_processor(images=image.open(question.image).convert("RGB"), return_tensors="pt")
        vectors.append(model.vision_model(**pixels).pooler_output)
    if question.text is not None:
        inputs = processor.tokenizer(question.text, padding="max_length", max_length=16, return_tensors="pt")
        vectors.append(model.text_model(input_ids=inputs["input_ids"]).pooler_output)
    if len(vectors) == 2:
        return [[question.text, float(torch.nn.functional.cosine_similarity(*vectors))]]
    return [float(one) for one in vectors[0][0]]


def _gpt2() -> tuple[Any, Any]:
    import torch
    import transformers as t

    torch.manual_seed(3)
    config = t.GPT2Config(vocab_size=artifacts.WORDS, n_embd=32, n_layer=2, n_head=4, n_positions=64, eos_token_id=3,
                          bos_token_id=3)  # fmt: skip
    model = t.GPT2LMHeadModel(config).eval()
    for weight in model.parameters():
        weight.data = torch.randn(weight.shape) * 0.3
    words = artifacts.tokenizer(eos_token="[SEP]")
    words.pad_token = None
    return model, words


def _conversation(keys: Any, kind: Any, ask: Any, loaded: Any) -> Any:
    """A conversation of DialoGPT's form: by ids as its page has it, and as it is asked here; and the cap."""
    import torch

    model, words = _gpt2()
    questions, history, wanted = ["w5 w6", "w7 w8 w9", "w10"], [], []
    for question in questions:
        history += words(question, add_special_tokens=False)["input_ids"] + [words.eos_token_id]
        ids = model.generate(torch.tensor([history]), max_new_tokens=6, do_sample=False, pad_token_id=3)[0].tolist()
        wanted.append(words.decode(ids[len(history) :], skip_special_tokens=True))
        history = ids if ids[-1] == words.eos_token_id else [*ids, words.eos_token_id]
    own = loaded(model=model, processor=words)
    asked = [kind(chat=tuple(questions)), kind(chat=("w11",)), kind(chat=("w12 w13", "w14"))]
    given = keys(generation={"max_new_tokens": 6})
    return {
        "expected": wanted,
        "answers": ask(own, asked, given),
        "alone": [ask(own, [one], given)[0] for one in asked],
        "capped": ask(own, [kind(text="w5 w6 w7")], keys(generation={"max_new_tokens": 1000}))[0],
        "too long": ask(own, [kind(text="w5 " * 70)], given)[0],
    }


def _sampling(keys: Any, kind: Any, ask: Any, loaded: Any) -> Any:
    """Sampled answers with a seed and without, and a repository that samples by itself."""
    model, words = _gpt2()
    own = loaded(model=model, processor=words)
    sampled = {"max_new_tokens": 8, "do_sample": True, "top_k": 50}
    both = [kind(text="w5"), kind(text="w6 w7")]
    greedy = ask(own, both, keys(generation={"max_new_tokens": 8}))
    ends = ask(own, both, keys(generation={"max_new_tokens": 8, "eos_token_id": 60}))
    alone = [ask(own, [one], keys(generation={"max_new_tokens": 8, "eos_token_id": 60}))[0] for one in both]
    model.generation_config.do_sample, model.generation_config.temperature = True, 0.7
    told = ask(own, both, keys(generation={"max_new_tokens": 8}))
    top = ask(own, both, keys(generation={"max_new_tokens": 8, "do_sample": True, "top_k": 1}, seed=0))
    beams = ask(own, both, keys(generation={"max_new_tokens": 8, "num_beams": 3}))
    return {
        "first": ask(own, both, keys(generation=sampled, seed=5)),
        "again": ask(own, both[::-1], keys(generation=sampled, seed=5))[::-1],
        "other": ask(own, both, keys(generation=sampled, seed=6)),
        "unseeded": ask(own, both, keys(generation=sampled)),
        "greedy": greedy,
        "ends": ends,
        "ends alone": alone,
        "overridden": told,
        "top": top,
        "beams": beams,
        "beams expected": [_beamed(model, words, one.text) for one in both],
    }


def _beamed(model: Any, tokenizer: Any, text: str) -> list[Any]:
    import torch

    inputs = tokenizer(text, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    ids = model.generate(**inputs, max_new_tokens=8, num_beams=3, do_sample=False, pad_token_id=3)[0]
    start = inputs["input_ids"].shape[1]
    logits = model(ids[None]).logits[0, start - 1 : -1].float()
    made = ids[start:]
    if 3 in made.tolist():
        end = made.tolist().index(3) + 1
        made, logits = made[:end], logits[:end]
    chosen = torch.log_softmax(logits, -1).gather(1, made[:, None]).mean()
    return [tokenizer.decode(made, skip_special_tokens=True), math.exp(float(chosen))]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
