"""Makes tiny models of every kind, exports each, and keeps what the originals give for inputs of its own.

Run once for all tests that look at artifacts: ``python tests/artifacts.py FOLDER``. For each kind a folder with the
artifact, ``made.json`` (what the export says, or why it refuses) and ``expected.npz``: inputs, and the original's
outputs for them.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORDS = 99
TEXTS = ["w5 w6 w7", "w8", " ".join(f"w{at}" for at in range(20, 60)), "w90 unknown w91 w92 w93"]
_TEXT = {
    "vocab_size": WORDS,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 37,
    "max_position_embeddings": 64,
}
_IMAGE = {**{key: value for key, value in _TEXT.items() if key != "vocab_size"}, "image_size": 32, "patch_size": 8}
_IMAGE.pop("max_position_embeddings")
_BOTH = {
    "vocab_size": WORDS,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 37,
    "decoder_ffn_dim": 37,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 3,
}
_WAVE = {
    **{key: value for key, value in _TEXT.items() if key != "max_position_embeddings"},
    "conv_dim": (32, 32, 32),
    "conv_stride": (5, 4, 4),
    "conv_kernel": (10, 3, 3),
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
}


_TYPED = ["input_ids", "attention_mask", "token_type_ids"]


def tokenizer(*, types: bool = False, **more: Any) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = {**{word: at for at, word in enumerate(special)}, **{f"w{at}": at for at in range(5, WORDS)}}
    own = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    own.pre_tokenizer = pre_tokenizers.Whitespace()
    own.post_processor = processors.TemplateProcessing(
        single="[CLS] $A:0 [SEP]:1" if types else "[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    # As it lies in many repositories: transformers sets its own, and other readers would be wrong.
    own.enable_truncation(6)
    own.enable_padding(length=6, pad_id=0, pad_token="[PAD]")
    return PreTrainedTokenizerFast(
        tokenizer_object=own,
        **({"model_input_names": _TYPED} if types else {}),
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        **more,
    )


def pictures() -> Any:
    from transformers import ViTImageProcessor

    return ViTImageProcessor(size={"height": 32, "width": 32})


def kinds() -> dict[str, Callable[[], tuple[Any, Any, dict[str, Any]]]]:
    """Name to what makes model, processor, and the keys of the export."""
    import transformers as t

    def of(
        model: str, config: str, processor: Callable[[], Any] = tokenizer, /, *, keys: Any = None, **given: Any
    ) -> Any:
        return lambda: (getattr(t, model)(getattr(t, config)(**given)), processor(), keys or {})

    def branching() -> tuple[Any, Any, dict[str, Any]]:
        import torch

        class BranchingModel(t.BertModel):  # type: ignore[misc]
            def forward(self, input_ids: Any = None, attention_mask: Any = None, **given: Any) -> Any:
                found = super().forward(input_ids=input_ids, attention_mask=attention_mask, **given)
                if input_ids.shape[1] > 20:
                    found["last_hidden_state"] = torch.flip(found["last_hidden_state"], dims=[1])
                return found

        return BranchingModel(t.BertConfig(**_TEXT)), tokenizer(), {}

    def branching_older() -> tuple[Any, Any, dict[str, Any]]:
        model, processor, _ = branching()
        return model, processor, {"opset": 14}

    def detr() -> tuple[Any, Any, dict[str, Any]]:
        body = t.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], out_features=["stage2"])
        config = t.DetrConfig(
            use_timm_backbone=False, use_pretrained_backbone=False, backbone_config=body, d_model=32, encoder_layers=1,
            decoder_layers=1, encoder_ffn_dim=32, decoder_ffn_dim=32, encoder_attention_heads=2,
            decoder_attention_heads=2, num_queries=5,
        )  # fmt: skip
        return t.DetrForObjectDetection(config), pictures(), {}

    def clip() -> tuple[Any, Any, dict[str, Any]]:
        text = {**_TEXT, "max_position_embeddings": 16, "eos_token_id": 3, "bos_token_id": 2}
        config = t.CLIPConfig(text_config=text, vision_config=_IMAGE, projection_dim=16)
        return t.CLIPModel(config), t.CLIPProcessor(image_processor=_clip_pictures(), tokenizer=tokenizer()), {}

    def _clip_pictures() -> Any:
        # Without torchvision, which the newer versions' own class wants.
        kind = getattr(t, "CLIPImageProcessorPil", None) or t.CLIPImageProcessor
        return kind(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})

    def sentences(*more: str, prompt: str = "", modes: Any = "mean", tokens: Any = None, **options: Any) -> Any:
        def made() -> tuple[Any, Any, dict[str, Any]]:
            body = t.BertModel(t.BertConfig(**_TEXT))
            return _sentences(body, more, prompt, modes, options, tokens or {}), None, {}

        return made

    half = of("BertForSequenceClassification", "BertConfig", **_TEXT, num_labels=3, keys={"dtype": "float16"})
    small = of("BertModel", "BertConfig", **_TEXT, keys={"dtype": "int8"})
    refused = of("GPT2LMHeadModel", "GPT2Config", n_embd=32, n_layer=2, n_head=4, vocab_size=WORDS, n_positions=64,
                 keys={"dtype": "int8", "min_similarity": 0.99999})  # fmt: skip
    narrow = {**_TEXT, "num_key_value_heads": 2}
    return {
        "feature-extraction": of("BertModel", "BertConfig", **_TEXT),
        "feature-extraction-mpnet": of("MPNetModel", "MPNetConfig", **{**_TEXT, "max_position_embeddings": 66}),
        "text-classification": of("DistilBertForSequenceClassification", "DistilBertConfig", vocab_size=WORDS, dim=32,
                                  n_layers=2, n_heads=4, hidden_dim=37, max_position_embeddings=64),
        "text-classification-deberta": of("DebertaV2ForSequenceClassification", "DebertaV2Config", **_TEXT,
                                          relative_attention=True, position_buckets=8, pos_att_type=["p2c", "c2p"]),
        "text-classification-bart": of("BartForSequenceClassification", "BartConfig", **_BOTH,
                                       max_position_embeddings=64),
        "token-classification": of("BertForTokenClassification", "BertConfig", **_TEXT, num_labels=5),
        "question-answering": of("RobertaForQuestionAnswering", "RobertaConfig",
                                 **{**_TEXT, "max_position_embeddings": 66}, pad_token_id=0, type_vocab_size=1),
        "fill-mask": of("BertForMaskedLM", "BertConfig", **_TEXT),
        "image-classification": of("ViTForImageClassification", "ViTConfig", pictures, **_IMAGE, num_labels=4),
        "image-classification-resnet": of("ResNetForImageClassification", "ResNetConfig", pictures, embedding_size=8,
                                          hidden_sizes=[8, 16], depths=[1, 1]),
        "object-detection": detr,
        "zero-shot-image-classification": clip,
        "text-generation": of("GPT2LMHeadModel", "GPT2Config", vocab_size=WORDS, n_embd=32, n_layer=2, n_head=4,
                              n_positions=64),
        "text-generation-llama": of("LlamaForCausalLM", "LlamaConfig", **narrow),
        "text2text-generation": of("T5ForConditionalGeneration", "T5Config", vocab_size=WORDS, d_model=32, d_kv=8,
                                   d_ff=37, num_layers=2, num_heads=4, decoder_start_token_id=0,
                                   keys={"max_length": 64}),
        "text2text-generation-bart": of("BartForConditionalGeneration", "BartConfig", **_BOTH,
                                        max_position_embeddings=64, decoder_start_token_id=3),
        "automatic-speech-recognition": of(
            "WhisperForConditionalGeneration", "WhisperConfig",
            lambda: t.WhisperFeatureExtractor(feature_size=8, chunk_length=1), **_BOTH, num_mel_bins=8,
            max_source_positions=50, max_target_positions=32, decoder_start_token_id=4, suppress_tokens=None,
            begin_suppress_tokens=None,
        ),
        "automatic-speech-recognition-ctc": of(
            "Wav2Vec2ForCTC", "Wav2Vec2Config", lambda: t.Wav2Vec2FeatureExtractor(return_attention_mask=True), **_WAVE
        ),
        "embeddings-dense": sentences("Dense", "Normalize", modes=("mean", "max")),
        "embeddings-cls": sentences("LayerNorm", modes="cls", truncate_dim=8),
        "embeddings-left": sentences("Normalize", tokens={"truncation_side": "left"}),
        "embeddings-types": sentences("Normalize", tokens={"types": True}),
        "embeddings-last": sentences("Normalize", modes="lasttoken", prompt="w9 w10 "),
        "refused-words": sentences("WordWeights"),
        "opset-14": of("BertForSequenceClassification", "BertConfig", **_TEXT, keys={"opset": 14}),
        "opset-12": of("ViTForImageClassification", "ViTConfig", pictures, **_IMAGE, keys={"opset": 12}),
        "float16": half,
        "int8": small,
        "refused-int8": refused,
        "refused-branch": branching,
        "refused-branch-older": branching_older,
        "refused-task": of("BertModel", "BertConfig", **_TEXT, keys={"task": "text-classification"}),
        "refused-length": of("BertModel", "BertConfig", **_TEXT, keys={"max_length": 65}),
        "refused-cache": of("MambaForCausalLM", "MambaConfig", vocab_size=WORDS, hidden_size=32, num_hidden_layers=2),
        "refused-opset": of("BertModel", "BertConfig", **_TEXT, keys={"opset": 9}),
    }  # fmt: skip


def _sentences(
    body: Any, more: tuple[str, ...], prompt: str, modes: Any, options: dict[str, Any], tokens: dict[str, Any]
) -> Any:
    """A model of sentence-transformers around a body."""
    import tempfile

    from sentence_transformers import SentenceTransformer
    from sentence_transformers import models as parts

    with tempfile.TemporaryDirectory() as name:
        body.save_pretrained(name)
        tokenizer(**tokens).save_pretrained(name)
        first = parts.Transformer(name, max_seq_length=32)
    width = 32
    pooling = parts.Pooling(width, pooling_mode=modes)
    size = width * (1 if isinstance(modes, str) else len(modes))
    known = {
        "Dense": lambda: parts.Dense(size, 12),
        "Normalize": parts.Normalize,
        "LayerNorm": lambda: parts.LayerNorm(size),
        "WordWeights": lambda: parts.WordWeights(["w5"], {"w5": 2.0}),
    }
    prompts = {"prompts": {"query": prompt}, "default_prompt_name": "query"} if prompt else {}
    before = [known[word]() for word in more if word == "WordWeights"]
    after = [known[word]() for word in more if word != "WordWeights"]
    return SentenceTransformer(modules=[first, *before, pooling, *after], **prompts, **options)


def _expected(model: Any, processor: Any, task: str) -> dict[str, Any]:
    """Inputs that the export has not seen, and what the original gives for them."""
    import torch

    torch.manual_seed(5)
    if hasattr(model, "encode"):
        return {"vectors": model.encode(TEXTS, convert_to_tensor=True, show_progress_bar=False).cpu()}
    if "generation" in task:
        given = processor(TEXTS, return_tensors="pt", padding=True, truncation=True, max_length=60)
        model.generation_config.eos_token_id = model.generation_config.forced_eos_token_id = None
        if not model.config.is_encoder_decoder:
            processor.padding_side = "left"
            given = processor(TEXTS, return_tensors="pt", padding=True)
        written = model.generate(
            input_ids=given["input_ids"], attention_mask=given["attention_mask"], max_new_tokens=10, do_sample=False
        )
        return {"in.input_ids": given["input_ids"], "in.attention_mask": given["attention_mask"], "written": written}
    if hasattr(model, "freqs") or (task == "automatic-speech-recognition" and model.config.is_encoder_decoder):
        sound = torch.randn(2, 8, 100)
        encoded = model.get_encoder()(sound).last_hidden_state
        return {"in.input_features": sound, "out.last_hidden_state": encoded}
    if task == "automatic-speech-recognition":
        wave, mask = torch.randn(2, 9000), torch.ones(2, 9000, dtype=torch.int64)
        return {
            "in.input_values": wave,
            "in.attention_mask": mask,
            "out.logits": model(wave, attention_mask=mask).logits,
        }
    if task == "zero-shot-image-classification":
        texts = processor.tokenizer(TEXTS, return_tensors="pt", padding=True, truncation=True, max_length=16)
        names = {key: texts[key] for key in ("input_ids", "attention_mask")} | {
            "pixel_values": torch.randn(3, 3, 32, 32)
        }
        found = model(**names)
        outputs = {name: found[name] for name in ("logits_per_image", "text_embeds", "image_embeds")}
    elif hasattr(processor, "get_vocab"):
        given = processor(TEXTS, return_tensors="pt", padding=True, truncation=True, max_length=64)
        names = {key: given[key] for key in given if key in _parameters(model)}
        outputs = dict(model(**names))
    else:
        names = {"pixel_values": torch.randn(4, 3, 32, 32)}
        outputs = dict(model(**names))
    return {f"in.{key}": value for key, value in names.items()} | {
        f"out.{key}": value for key, value in outputs.items()
    }


def _parameters(model: Any) -> Any:
    import inspect

    return inspect.signature(model.forward).parameters


def main(target: Path) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    import numpy as np
    import torch
    import transformers

    from prewarm.export.inside.make import make
    from prewarm.worker.loaded import Loaded
    from prewarm.worker.refused import Refused

    transformers.logging.set_verbosity_error()
    # Tiny models, beside other tests.
    torch.set_num_threads(1)
    for name, kind in kinds().items():
        torch.manual_seed(0)
        model, processor, keys = kind()
        model.eval()
        folder = target / name / "artifact"
        folder.mkdir(parents=True)
        given = {"task": None, "said": None, "max_length": None, "opset": None, "dtype": "float32", **keys}
        given.setdefault("min_similarity", 0.999)
        try:
            made = make(
                Loaded(model=model, processor=processor),
                folder=str(folder),
                facts={"repo_id": "org/tiny", "commit": "c" * 40},
                **given,
            )
            with torch.no_grad():
                arrays = _expected(model, processor, made["task"])
            np.savez(
                target / name / "expected.npz",
                **{key: value.numpy() for key, value in arrays.items() if hasattr(value, "numpy")},
            )
        except Refused as refused:
            made = {"refused": refused.message, "kind": refused.kind, "hint": refused.hint}
        except Exception:  # noqa: BLE001 (told by the test of it)
            made = {"bug": traceback.format_exc()}
        (target / name / "made.json").write_text(json.dumps(made), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
