"""Tiny repositories of every kind that the planning and the proof have to get right, made with transformers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prewarm.demo import models as demo

LEFTOVERS = {
    **demo.LEFTOVERS,
    "LICENSE": b"none\n",
    "rust_model.ot": bytes(64),
    "openvino/openvino_model.xml": b"<net/>",
    "openvino/openvino_model.bin": bytes(64),
    "coreml/model.mlmodel": bytes(64),
    "model-q4.gguf": bytes(64),
    "original/consolidated.00.pth": bytes(64),
    "consolidated.safetensors": bytes(64),
    "onnx/model_quantized.onnx": bytes(64),
    "optimizer.pt": bytes(64),
    "trainer_state.json": b"{}",
    "picture.png": bytes(64),
}
"""Copies for other frameworks and other things that no class of transformers opens."""


def litter(folder: Path) -> None:
    for path, content in LEFTOVERS.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def as_bin(folder: Path, *, shards: int = 1) -> None:
    """Turn ``model.safetensors`` into pickled weights, as older repositories have them."""
    import torch
    from safetensors.torch import load_file

    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    if shards == 1:
        torch.save(weights, folder / "pytorch_model.bin")
        return
    names = sorted(weights)
    index: dict[str, Any] = {"metadata": {"total_size": 1}, "weight_map": {}}
    for number in range(shards):
        name = f"pytorch_model-{number + 1:05}-of-{shards:05}.bin"
        part = names[number::shards]
        torch.save({key: weights[key] for key in part}, folder / name)
        index["weight_map"].update(dict.fromkeys(part, name))
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))


def sentencepiece_model(path: Path, *, size: int = 200, **options: Any) -> None:
    import sentencepiece

    corpus = path.with_name("corpus.txt")
    corpus.write_text("\n".join(f"{word} and {word[::-1]} say {word * 2}" for word in demo.WORDS))
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus), model_prefix=str(path.with_name("made")), vocab_size=size, minloglevel=2, **options
    )
    path.with_name("made.model").rename(path)
    path.with_name("made.vocab").unlink()
    corpus.unlink()


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def text(folder: Path) -> None:
    demo.text(folder)
    litter(folder)


def bin_only(folder: Path) -> None:
    demo.text(folder)
    as_bin(folder)


def bin_sharded(folder: Path) -> None:
    demo.text(folder)
    as_bin(folder, shards=3)


def both(folder: Path) -> None:
    demo.text(folder)
    kept = (folder / "model.safetensors").read_bytes()
    as_bin(folder)
    (folder / "model.safetensors").write_bytes(kept)


def variant(folder: Path) -> None:
    from transformers import BertModel

    demo.text(folder)
    demo.save(BertModel(demo.bert_config()).half(), folder, variant="fp16")


def variant_sharded(folder: Path) -> None:
    from transformers import LlamaForCausalLM

    demo.save(LlamaForCausalLM(demo.llama_config()), folder, variant="fp16", max_shard_size="40KB")
    demo.fast_tokenizer(folder)


def subfolder(folder: Path) -> None:
    for name in ("encoder", "tokenizer"):
        (folder / name).mkdir()
    from transformers import BertModel

    demo.save(BertModel(demo.bert_config()), folder / "encoder")
    demo.word_tokenizer(folder / "tokenizer")
    litter(folder)


def slow_bert(folder: Path) -> None:
    """vocab.txt alone, and a configuration that names no tokenizer."""
    demo.text(folder)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()


def slow_gpt2(folder: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=304, n_positions=64, n_embd=32, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=1)
    demo.save(GPT2LMHeadModel(config), folder)
    letters = [chr(code) for code in range(33, 127)] + ["Ġ"]
    merges = [("w", "o"), ("wo", "r"), ("wor", "d"), ("Ġ", "word")]
    tokens = ["<|endoftext|>", *letters, *("".join(pair) for pair in merges)]
    (folder / "vocab.json").write_text(json.dumps({token: at for at, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))


def slow_t5(folder: Path) -> None:
    demo.summaries(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        (folder / name).unlink(missing_ok=True)
    sentencepiece_model(folder / "spiece.model", pad_id=0, eos_id=1, unk_id=2, bos_id=-1)


def slow_llama(folder: Path) -> None:
    demo.chat(folder)
    (folder / "tokenizer.json").unlink()
    sentencepiece_model(folder / "tokenizer.model", model_type="bpe")
    edit(folder / "tokenizer_config.json", lambda said: said.update(tokenizer_class="LlamaTokenizer"))


def slow_xlm_roberta(folder: Path) -> None:
    from transformers import XLMRobertaConfig, XLMRobertaModel

    config = XLMRobertaConfig(
        vocab_size=202, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    demo.save(XLMRobertaModel(config), folder)
    sentencepiece_model(folder / "sentencepiece.bpe.model")


def old_roberta(folder: Path) -> None:
    """A RoBERTa whose vocabulary is in BERT's form: transformers 5.23 makes a tokenizer of 5 tokens of it."""
    from transformers import RobertaConfig, RobertaModel

    config = RobertaConfig(
        vocab_size=305, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    demo.save(RobertaModel(config), folder)
    demo.word_tokenizer(folder)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()


def old_gpt2(folder: Path) -> None:
    """The same of a GPT-2: 1 token."""
    slow_gpt2(folder)
    (folder / "vocab.json").unlink()
    (folder / "merges.txt").unlink()
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *demo.WORDS]))


def chat_templates(folder: Path) -> None:
    demo.chat(folder)
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tools.jinja").write_text("tools: " + demo.CHAT_TEMPLATE)


def image(folder: Path) -> None:
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    config = ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=32, patch_size=8
    )
    demo.save(ViTForImageClassification(config), folder)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)


def video(folder: Path) -> None:
    from transformers import VideoMAEConfig, VideoMAEImageProcessor, VideoMAEModel

    config = VideoMAEConfig(
        image_size=32, patch_size=8, num_frames=4, tubelet_size=2, hidden_size=32, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=64,
    )  # fmt: skip
    demo.save(VideoMAEModel(config), folder)
    VideoMAEImageProcessor().save_pretrained(folder)


def multimodal(folder: Path) -> None:
    from transformers import (
        CLIPConfig,
        CLIPImageProcessor,
        CLIPModel,
        CLIPProcessor,
        CLIPTextConfig,
        CLIPTokenizer,
        CLIPVisionConfig,
    )

    small: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    config = CLIPConfig(
        text_config=CLIPTextConfig(vocab_size=99, max_position_embeddings=16, **small).to_dict(),
        vision_config=CLIPVisionConfig(image_size=32, patch_size=8, **small).to_dict(),
        projection_dim=16,
    )
    demo.save(CLIPModel(config), folder)
    letters = [chr(code) for code in range(97, 123)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "wo</w>", "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={token: at for at, token in enumerate(tokens)}, merges=[("w", "o</w>")])
    CLIPProcessor(image_processor=CLIPImageProcessor(), tokenizer=tokenizer).save_pretrained(folder)
    litter(folder)


def whisper(folder: Path) -> None:
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    config = WhisperConfig(
        vocab_size=304, d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, num_mel_bins=80, pad_token_id=0,
        bos_token_id=2, eos_token_id=3, decoder_start_token_id=2,
    )  # fmt: skip
    demo.save(WhisperForConditionalGeneration(config), folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    demo.fast_tokenizer(folder)


def weights_only(folder: Path) -> None:
    from transformers import BertModel

    demo.save(BertModel(demo.bert_config()), folder)


def masked_language(folder: Path) -> None:
    """Saved with a head and without a pooler, as most BERTs on the Hub are."""
    from transformers import BertForMaskedLM

    demo.save(BertForMaskedLM(demo.bert_config()), folder)
    demo.word_tokenizer(folder)


def lost_layer(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    demo.text(folder)
    weights = load_file(folder / "model.safetensors")
    kept = {key: weight for key, weight in weights.items() if "layer.1." not in key}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def no_model_type(folder: Path) -> None:
    demo.text(folder)
    edit(folder / "config.json", lambda said: said.pop("model_type"))


def no_model_type_at_all(folder: Path) -> None:
    no_model_type(folder)
    edit(folder / "config.json", lambda said: said.pop("architectures"))


def unknown_model_type(folder: Path) -> None:
    demo.text(folder)
    edit(folder / "config.json", lambda said: said.update(model_type="of_next_year", architectures=["NextYear"]))


def no_auto_model(folder: Path) -> None:
    from transformers import BertConfig, EncoderDecoderConfig, EncoderDecoderModel

    small = BertConfig(vocab_size=305, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    config = EncoderDecoderConfig.from_encoder_decoder_configs(small, small)
    demo.save(EncoderDecoderModel(config), folder)
    demo.word_tokenizer(folder)


def custom_code_elsewhere(folder: Path) -> None:
    demo.custom_code(folder, prefix="zoo/code--", with_code=False)


def code(folder: Path) -> None:
    for name, source in demo.CODE.items():
        (folder / name).write_text(source)


def custom_code_with_data(folder: Path) -> None:
    """Its code opens a file that no rule knows of."""
    demo.custom_code(folder)
    (folder / "data").mkdir()
    (folder / "data" / "labels.txt").write_text("one\ntwo\n")
    modeling = folder / "modeling_tiny.py"
    modeling.write_text(
        modeling.read_text().replace(
            "        super().__init__(config)\n",
            "        super().__init__(config)\n"
            "        from huggingface_hub import hf_hub_download\n"
            '        self.labels = open(hf_hub_download("zoo/custom-code-with-data", "data/labels.txt")).read()\n',
        )
    )


def custom_code_online(folder: Path) -> None:
    """Its code asks the network."""
    demo.custom_code(folder)
    modeling = folder / "modeling_tiny.py"
    modeling.write_text("import socket\n" + modeling.read_text().replace(
        "        super().__init__(config)\n",
        "        super().__init__(config)\n"
        "        try:\n"
        '            socket.create_connection(("192.0.2.1", 80), timeout=1)\n'
        "        except OSError:\n"
        "            pass\n",
    ))  # fmt: skip


def custom_code_dies(folder: Path) -> None:
    demo.custom_code(folder)
    (folder / "layers_tiny.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")


def custom_code_hangs(folder: Path) -> None:
    demo.custom_code(folder)
    (folder / "layers_tiny.py").write_text("import time\ntime.sleep(600)\n")


def custom_code_spies(folder: Path) -> None:
    """Its code fails with all that it sees of the environment."""
    demo.custom_code(folder)
    (folder / "layers_tiny.py").write_text(
        "import os\nfrom huggingface_hub import get_token\n"
        'raise RuntimeError("seen: " + " ".join(os.environ.values()) + str(get_token()))\n'
    )


def adapter(folder: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaForCausalLM

    model = get_peft_model(LlamaForCausalLM(demo.llama_config()), LoraConfig(r=2, target_modules=["q_proj"]))
    model.save_pretrained(folder)
    edit(folder / "adapter_config.json", lambda said: said.update(base_model_name_or_path="zoo/chat"))


def sentence_transformers(folder: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from transformers import BertModel

    plain = folder.with_name("plain-for-sentences")
    plain.mkdir()
    demo.save(BertModel(demo.bert_config()), plain)
    demo.word_tokenizer(plain)
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer

    transformer = Transformer(str(plain))
    pooling = Pooling(32, pooling_mode="cls")
    dense = Dense(in_features=32, out_features=8)
    SentenceTransformer(modules=[transformer, pooling, dense, Normalize()], device="cpu").save(str(folder))
    shutil.rmtree(plain)
    litter(folder)


def gguf(folder: Path) -> None:
    for name in ("tiny-q4.gguf", "tiny-q8.gguf"):
        (folder / name).write_bytes(b"GGUF" + bytes(200))
    (folder / "config.json").write_text('{"model_type": "llama"}')


def onnx(folder: Path) -> None:
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(bytes(300))
    (folder / "config.json").write_text('{"model_type": "bert"}')


def ctranslate2(folder: Path) -> None:
    (folder / "model.bin").write_bytes(bytes(300))
    (folder / "config.json").write_text('{"alignment_heads": []}')
    (folder / "vocabulary.txt").write_text("a\nb\n")


def table(folder: Path) -> None:
    (folder / "train.csv").write_text("a,b\n1,2\n")
    (folder / "test.csv").write_text("a,b\n3,4\n")
    (folder / "README.md").write_text("# Data\n")


MODELS: dict[str, Callable[[Path], None]] = {
    "text": text,
    "chat": demo.chat,
    "summaries": demo.summaries,
    "speech": demo.speech,
    "custom-code": demo.custom_code,
    "bin-only": bin_only,
    "bin-sharded": bin_sharded,
    "both": both,
    "variant": variant,
    "variant-sharded": variant_sharded,
    "subfolder": subfolder,
    "slow-bert": slow_bert,
    "slow-gpt2": slow_gpt2,
    "slow-t5": slow_t5,
    "slow-llama": slow_llama,
    "slow-xlm-roberta": slow_xlm_roberta,
    "old-roberta": old_roberta,
    "old-gpt2": old_gpt2,
    "chat-templates": chat_templates,
    "image": image,
    "video": video,
    "multimodal": multimodal,
    "whisper": whisper,
    "weights-only": weights_only,
    "masked-language": masked_language,
    "lost-layer": lost_layer,
    "no-model-type": no_model_type,
    "no-model-type-at-all": no_model_type_at_all,
    "unknown-model-type": unknown_model_type,
    "no-auto-model": no_auto_model,
    "custom-code-elsewhere": custom_code_elsewhere,
    "code": code,
    "custom-code-with-data": custom_code_with_data,
    "custom-code-online": custom_code_online,
    "custom-code-dies": custom_code_dies,
    "custom-code-hangs": custom_code_hangs,
    "custom-code-spies": custom_code_spies,
    "adapter": adapter,
    "sentence-transformers": sentence_transformers,
    "gguf": gguf,
    "onnx": onnx,
    "ctranslate2": ctranslate2,
}


def make(root: Path) -> None:
    """Make every repository below ``root``: ``zoo/<kind>``, and ``datasets/zoo/table``."""
    for name, maker in MODELS.items():
        folder = root / "zoo" / name
        folder.mkdir(parents=True)
        maker(folder)
    folder = root / "datasets" / "zoo" / "table"
    folder.mkdir(parents=True)
    table(folder)


if __name__ == "__main__":
    import sys

    make(Path(sys.argv[1]))
