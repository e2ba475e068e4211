"""Tiny repositories for classes of other libraries, made with those libraries. Changes with what these write."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prewarm.demo import models as demo


def diffusion(folder: Path) -> None:
    """A pipeline of diffusers in two formats and two variants."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(7)
    unet = UNet2DConditionModel(
        block_out_channels=(32, 64), layers_per_block=1, sample_size=8, in_channels=4, out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(32,), in_channels=3, out_channels=3, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",), up_block_types=("UpDecoderBlock2D",),
    )  # fmt: skip
    text = CLIPTextModel(
        CLIPTextConfig(
            hidden_size=32, intermediate_size=37, num_attention_heads=4, num_hidden_layers=2, vocab_size=300,
            bos_token_id=0, eos_token_id=1,
        )
    )  # fmt: skip
    tokens = folder / "tokens"
    tokens.mkdir()
    vocab = {"<|startoftext|>": 0, "<|endoftext|>": 1, **{f"{word}</w>": at + 2 for at, word in enumerate(demo.WORDS)}}
    (tokens / "vocab.json").write_text(json.dumps(vocab))
    (tokens / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(tokens / "vocab.json"), str(tokens / "merges.txt"), model_max_length=16)
    shutil.rmtree(tokens)
    pipe = StableDiffusionPipeline(
        unet=unet, vae=vae, text_encoder=text, tokenizer=tokenizer, scheduler=DDIMScheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipe.save_pretrained(folder)
    pipe.save_pretrained(folder, variant="fp16")
    pipe.save_pretrained(folder, safe_serialization=False)


def static(folder: Path) -> None:
    """A StaticEmbedding of sentence-transformers at the top of the repository."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    vocab = {"<unk>": 0, **{word: at + 1 for at, word in enumerate(demo.WORDS)}}
    tokenizer = Tokenizer(WordLevel(vocab, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    SentenceTransformer(modules=[_seeded(StaticEmbedding(tokenizer, embedding_dim=16))], device="cpu").save(
        str(folder), create_model_card=False
    )


def sentences(folder: Path) -> Any:
    """A plain model of sentence-transformers."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer

    inner = folder.with_name(folder.name + "-inner")
    inner.mkdir()
    demo.text(inner)
    model = Transformer(str(inner), max_seq_length=32)
    made = SentenceTransformer(modules=[model, Pooling(32, pooling_mode="cls")], device="cpu")
    made.save(str(folder), create_model_card=False)
    shutil.rmtree(inner)
    return made


def router(folder: Path) -> None:
    """A Router of sentence-transformers: a module of modules."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Router, Transformer

    inner = folder.with_name(folder.name + "-inner")
    inner.mkdir()
    demo.text(inner)
    parts = [[Transformer(str(inner), max_seq_length=32), Pooling(32)] for _ in range(2)]
    made = SentenceTransformer(modules=[Router.for_query_document(*parts)], device="cpu")
    made.save(str(folder), create_model_card=False)
    shutil.rmtree(inner)


def own_module(folder: Path) -> None:
    """A model of sentence-transformers with a module of its own code, which opens a file of its own."""
    sentences(folder)
    (folder / "custom_st.py").write_text(
        """\
import json

import torch
from sentence_transformers.models import Transformer


class Scaled(Transformer):
    def forward(self, features, **given):
        found = super().forward(features, **given)
        found["token_embeddings"] = found["token_embeddings"] * self.factor
        return found

    @classmethod
    def load(cls, model_name_or_path, subfolder="", **given):
        made = super().load(model_name_or_path, subfolder=subfolder, **given)
        own = {name: given[name] for name in ("token", "cache_folder", "revision", "local_files_only") if name in given}
        made.factor = json.load(open(cls.load_file_path(model_name_or_path, "factors/scale.json", **own)))["factor"]
        return made
"""
    )
    (folder / "factors").mkdir()
    (folder / "factors" / "scale.json").write_text('{"factor": 3.0}')
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "custom_st.Scaled"
    (folder / "modules.json").write_text(json.dumps(modules))


def few_shot(folder: Path) -> None:
    """A model of setfit: an encoder, and a head that is a pickle."""
    import numpy as np
    from setfit import SetFitModel
    from sklearn.linear_model import LogisticRegression

    body = sentences(folder)
    head = LogisticRegression().fit(np.random.RandomState(7).randn(20, 32), [0, 1] * 10)
    SetFitModel(model_body=body, model_head=head, labels=["no", "yes"]).save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)


def whisper(folder: Path) -> None:
    """A Whisper of CTranslate2, as faster-whisper opens it."""
    import ctranslate2
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    inner = folder.with_name(folder.name + "-inner")
    inner.mkdir()
    config = WhisperConfig(
        vocab_size=51865, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, num_mel_bins=80,
    )  # fmt: skip
    demo.save(WhisperForConditionalGeneration(config), inner)
    vocab = {f"word{at}": at for at in range(50257)}
    special = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>"]
    named = [f"<|{at}|>" for at in range(51865 - 50257 - len(special))]
    tokenizer = Tokenizer(BPE(vocab, []))
    tokenizer.add_special_tokens(special + named)
    tokenizer.save(str(inner / "tokenizer.json"))
    words = json.loads((inner / "tokenizer.json").read_text())
    (inner / "vocab.json").write_text(json.dumps(words["model"]["vocab"]))
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(tokenizer_file=str(inner / "tokenizer.json")).save_pretrained(inner)
    converter = ctranslate2.converters.TransformersConverter(str(inner), copy_files=["tokenizer.json"])
    converter.convert(str(folder), force=True)
    shutil.rmtree(inner)


def adapter(folder: Path) -> None:
    """An adapter whose configuration names a revision of its base model, with a tokenizer of its own."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = folder.with_name(folder.name + "-inner")
    base.mkdir()
    demo.chat(base)
    config = LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")
    made = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    made.save_pretrained(folder)
    said = json.loads((folder / "adapter_config.json").read_text())
    said.update(base_model_name_or_path="others/base", revision="v1")
    (folder / "adapter_config.json").write_text(json.dumps(said))
    (folder / "README.md").unlink(missing_ok=True)
    for path in base.glob("tokenizer*"):
        shutil.copy(path, folder)
    shutil.rmtree(base)


def vectors(folder: Path) -> None:
    """A model of model2vec."""
    import numpy as np
    from model2vec import StaticModel
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    vocab = {"[PAD]": 0, "[UNK]": 1, **{word: at + 2 for at, word in enumerate(demo.WORDS)}}
    tokenizer = Tokenizer(WordLevel(vocab, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    values = np.random.RandomState(7).randn(len(vocab), 16).astype("float32")
    StaticModel(values, tokenizer, config={"normalize": True}).save_pretrained(folder)


def blip(folder: Path) -> None:
    """An InstructBLIP: its second tokenizer lies in a subfolder that has no ``config.json``."""
    from transformers import (
        BertTokenizer,
        BlipImageProcessor,
        InstructBlipConfig,
        InstructBlipForConditionalGeneration,
        InstructBlipProcessor,
        InstructBlipQFormerConfig,
        InstructBlipVisionConfig,
        OPTConfig,
        PreTrainedTokenizerFast,
    )  # fmt: skip

    vision = InstructBlipVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14
    )
    qformer = InstructBlipQFormerConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, encoder_hidden_size=16,
        vocab_size=305,
    )  # fmt: skip
    text = OPTConfig(
        hidden_size=16, ffn_dim=16, num_hidden_layers=1, num_attention_heads=2, vocab_size=305,
        word_embed_proj_dim=16, max_position_embeddings=64,
    )  # fmt: skip
    config = InstructBlipConfig(
        vision_config=vision.to_dict(), qformer_config=qformer.to_dict(), text_config=text.to_dict(),
        num_query_tokens=2, image_token_index=304,
    )  # fmt: skip
    demo.save(InstructBlipForConditionalGeneration(config), folder)
    first, second = folder / "first", folder / "second"
    for inner in (first, second):
        inner.mkdir()
    demo.fast_tokenizer(first)
    demo.word_tokenizer(second)
    InstructBlipProcessor(
        image_processor=BlipImageProcessor(size={"height": 28, "width": 28}),
        tokenizer=PreTrainedTokenizerFast.from_pretrained(first),
        qformer_tokenizer=BertTokenizer.from_pretrained(second),
        num_query_tokens=2,
    ).save_pretrained(folder)
    shutil.rmtree(first)
    shutil.rmtree(second)


def talker(folder: Path) -> None:
    """A SpeechT5, whose pipeline loads a vocoder of another repository."""
    from transformers import (
        SpeechT5Config,
        SpeechT5FeatureExtractor,
        SpeechT5ForTextToSpeech,
        SpeechT5Processor,
        SpeechT5Tokenizer,
    )

    from zoo import sentencepiece_model

    config = SpeechT5Config(
        vocab_size=81, hidden_size=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, speech_decoder_prenet_units=16,
        speech_decoder_postnet_units=16, speech_decoder_postnet_layers=1, speech_decoder_prenet_layers=1,
        max_speech_positions=64, max_text_positions=64,
    )  # fmt: skip
    demo.save(SpeechT5ForTextToSpeech(config), folder)
    sentencepiece_model(folder / "spm_char.model", size=22, model_type="char")
    SpeechT5Processor(
        feature_extractor=SpeechT5FeatureExtractor(), tokenizer=SpeechT5Tokenizer(str(folder / "spm_char.model"))
    ).save_pretrained(folder)


def vocoder(folder: Path) -> None:
    """What a pipeline of SpeechT5 takes from another repository."""
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    demo.save(SpeechT5HifiGan(SpeechT5HifiGanConfig(upsample_initial_channel=32)), folder)


def voices(folder: Path) -> None:
    """A Bark with speaker embeddings."""
    import numpy as np
    from transformers import BarkModel, BarkProcessor, BertTokenizer, EncodecConfig
    from transformers.models.bark import BarkCoarseConfig, BarkConfig, BarkFineConfig, BarkSemanticConfig

    small: dict[str, Any] = {"block_size": 64, "hidden_size": 16, "num_layers": 1, "num_heads": 2}
    config = BarkConfig(
        semantic_config=BarkSemanticConfig(input_vocab_size=305, output_vocab_size=100, **small).to_dict(),
        coarse_acoustics_config=BarkCoarseConfig(input_vocab_size=100, output_vocab_size=100, **small).to_dict(),
        fine_acoustics_config=BarkFineConfig(
            input_vocab_size=100, output_vocab_size=100, n_codes_total=4, n_codes_given=1, **small
        ).to_dict(),
        codec_config=EncodecConfig(
            num_filters=4, hidden_size=16, codebook_size=16, codebook_dim=16, upsampling_ratios=[2, 2]
        ).to_dict(),
    )
    demo.save(BarkModel(config), folder)
    inner = folder / "inner"
    inner.mkdir()
    demo.word_tokenizer(inner)
    prompts = {
        "semantic_prompt": np.zeros(4, dtype="int64"),
        "coarse_prompt": np.zeros((2, 4), dtype="int64"),
        "fine_prompt": np.zeros((4, 4), dtype="int64"),
    }
    names: dict[str, Any] = {"repo_or_path": "others/voices", "en": {}}
    (folder / "speaker_embeddings").mkdir()
    for name, values in prompts.items():
        np.save(folder / "speaker_embeddings" / f"en_{name}.npy", values)
        names["en"][name] = f"speaker_embeddings/en_{name}.npy"
    BarkProcessor(tokenizer=BertTokenizer.from_pretrained(inner)).save_pretrained(folder)
    (folder / "speaker_embeddings_path.json").write_text(json.dumps(names))
    shutil.rmtree(inner)


def languages(folder: Path) -> None:
    """An MMS, with an adapter for another language."""
    import torch
    from safetensors.torch import save_file
    from transformers import (
        Wav2Vec2Config,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForCTC,
        Wav2Vec2Processor,
    )

    config = Wav2Vec2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, conv_dim=(16, 16),
        conv_stride=(5, 2), conv_kernel=(10, 3), num_feat_extract_layers=2, num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2, adapter_attn_dim=8, vocab_size=12, pad_token_id=0,
    )  # fmt: skip
    model = Wav2Vec2ForCTC(config)
    demo.save(model, folder)
    save_file({name: torch.ones_like(weight) for name, weight in model._get_adapters().items()},
              folder / "adapter.fra.safetensors", metadata={"format": "pt"})  # fmt: skip
    vocab = {language: {token: at for at, token in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefg"])}
             for language in ("eng", "fra")}  # fmt: skip
    (folder / "vocab.json").write_text(json.dumps(vocab))
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"), target_lang="eng")
    Wav2Vec2Processor(feature_extractor=Wav2Vec2FeatureExtractor(), tokenizer=tokenizer).save_pretrained(folder)


def segments(folder: Path) -> None:
    """The image processor of a OneFormer: it reads the names of its classes in a dataset."""
    said = {
        "image_processor_type": "OneFormerImageProcessor",
        "repo_path": "shi-labs/oneformer_demo",
        "class_info_file": "ade20k_panoptic.json",
        "num_text": 10,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(said))


def codec(folder: Path) -> None:
    """The audio codec that a Dia takes from another repository."""
    from transformers import DacConfig, DacModel

    config = DacConfig(
        encoder_hidden_size=8, downsampling_ratios=[2, 2], decoder_hidden_size=16, n_codebooks=2, codebook_size=16,
        codebook_dim=4, upsampling_ratios=[2, 2],
    )  # fmt: skip
    demo.save(DacModel(config), folder)


def dialogue(folder: Path) -> None:
    """A Dia: its processor loads a codec, which is a whole model."""
    from transformers import (
        DiaConfig,
        DiaDecoderConfig,
        DiaEncoderConfig,
        DiaFeatureExtractor,
        DiaForConditionalGeneration,
        DiaTokenizer,
    )

    small: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "head_dim": 8}
    encoder = DiaEncoderConfig(num_attention_heads=2, num_key_value_heads=2, **small)
    decoder = DiaDecoderConfig(
        num_attention_heads=2, num_key_value_heads=2, cross_num_attention_heads=2, cross_head_dim=8,
        cross_num_key_value_heads=2, cross_hidden_size=16, vocab_size=20, num_channels=2, **small,
    )  # fmt: skip
    config = DiaConfig(
        encoder_config=encoder.to_dict(), decoder_config=decoder.to_dict(), delay_pattern=[0, 1], pad_token_id=17,
        eos_token_id=16, bos_token_id=18,
    )  # fmt: skip
    demo.save(DiaForConditionalGeneration(config), folder)
    DiaFeatureExtractor(hop_length=4).save_pretrained(folder)
    DiaTokenizer().save_pretrained(folder)
    said = {
        "processor_class": "DiaProcessor",
        "audio_tokenizer": {"audio_tokenizer_class": "DacModel", "audio_tokenizer_name_or_path": "others/codec"},
    }
    (folder / "processor_config.json").write_text(json.dumps(said))


def _seeded(module: Any) -> Any:
    import torch

    generator = torch.Generator().manual_seed(7)
    for weight in module.parameters():
        weight.data = torch.randn(weight.shape, generator=generator) * 0.02
    return module


KINDS: Mapping[str, Callable[[Path], Any]] = {
    "others/diffusion": diffusion,
    "others/static": static,
    "others/sentences": sentences,
    "others/router": router,
    "others/own-module": own_module,
    "others/few-shot": few_shot,
    "others/whisper": whisper,
    "others/base": demo.chat,
    "others/adapter": adapter,
    "others/vectors": vectors,
    "others/blip": blip,
    "others/talker": talker,
    "microsoft/speecht5_hifigan": vocoder,
    "others/voices": voices,
    "others/languages": languages,
    "others/segments": segments,
    "others/codec": codec,
    "others/dialogue": dialogue,
}


def make(root: Path) -> None:
    """Make a folder per repository below ``root``."""
    for repo_id, maker in KINDS.items():
        folder = root / repo_id
        folder.mkdir(parents=True)
        maker(folder)
    classes = root / "datasets" / "shi-labs" / "oneformer_demo"
    classes.mkdir(parents=True)
    (classes / "ade20k_panoptic.json").write_text('{"0": {"name": "wall", "isthing": 0}}')
    table = root / "datasets" / "others" / "table"
    table.mkdir(parents=True)
    (table / "train.csv").write_text("text,label\n" + "".join(f"{word},{at}\n" for at, word in enumerate(demo.WORDS)))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
