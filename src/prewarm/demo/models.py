"""Makes tiny models of several kinds with transformers' own classes. Changes with the kinds that the demo shows.

``python -m prewarm.demo.models FOLDER`` makes all of them, in a process of its own: transformers and torch stay out of
the one that asks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

WORDS = [f"word{number}" for number in range(300)]
CHAT_TEMPLATE = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
LEFTOVERS = {
    "README.md": b"# A tiny model\n",
    "tf_model.h5": b"\x89HDF" + bytes(5000),
    "flax_model.msgpack": bytes(5000),
    "onnx/model.onnx": bytes(5000),
    "training_args.bin": bytes(500),
}
"""What real repositories also hold, and no class of transformers opens."""


def word_tokenizer(folder: Path, *, special: tuple[str, ...] = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")) -> None:
    """A BERT tokenizer over WORDS: ``tokenizer.json`` and ``vocab.txt``."""
    from transformers import BertTokenizer

    vocab = {token: at for at, token in enumerate([*special, *WORDS])}
    BertTokenizer(vocab=vocab).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocab) + "\n", encoding="utf-8")


def fast_tokenizer(folder: Path, **extra: Any) -> None:
    """A tokenizer of whole words with ``tokenizer.json`` alone."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import PreTrainedTokenizerFast

    vocab = {token: at for at, token in enumerate(["<pad>", "<unk>", "<s>", "</s>", *WORDS])}
    tokenizer = Tokenizer(WordLevel(vocab, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>", **extra
    ).save_pretrained(folder)


def save(model: Any, folder: Path, **how: Any) -> None:
    """Save a model with weights that are the same each time."""
    import torch

    generator = torch.Generator().manual_seed(7)
    for weight in model.parameters():
        weight.data = torch.randn(weight.shape, generator=generator) * 0.02
    model.save_pretrained(folder, **how)


def bert_config() -> Any:
    """A BERT of two small layers."""
    from transformers import BertConfig

    return BertConfig(vocab_size=305, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)


def llama_config() -> Any:
    """A Llama of two small layers."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=304,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        eos_token_id=3,
        bos_token_id=2,
    )


def text(folder: Path) -> None:
    """A BERT with its tokenizer, beside copies for other frameworks."""
    from transformers import BertModel

    save(BertModel(bert_config()), folder)
    word_tokenizer(folder)


def chat(folder: Path) -> None:
    """A causal language model in several shards, with a chat template and generation settings."""
    from transformers import LlamaForCausalLM

    save(LlamaForCausalLM(llama_config()), folder, max_shard_size="40KB")
    fast_tokenizer(folder, chat_template=CHAT_TEMPLATE)


def summaries(folder: Path) -> None:
    """A T5, which plain AutoModel would load without its head."""
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(vocab_size=304, d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, decoder_start_token_id=0)
    save(T5ForConditionalGeneration(config), folder)
    fast_tokenizer(folder)


def speech(folder: Path) -> None:
    """A wav2vec2 with a feature extractor and no tokenizer, on which AutoProcessor fails."""
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    config = Wav2Vec2Config(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=(16, 16),
        conv_stride=(5, 2),
        conv_kernel=(10, 3),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
    )
    save(Wav2Vec2Model(config), folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)


CODE: Mapping[str, str] = {
    "configuration_tiny.py": """\
from transformers import PretrainedConfig


class TinyConfig(PretrainedConfig):
    model_type = "prewarm_tiny"

    def __init__(self, width=8, **others):
        self.width = width
        super().__init__(**others)
""",
    "modeling_tiny.py": """\
import torch
from transformers import PreTrainedModel

from .configuration_tiny import TinyConfig
from .layers_tiny import double


class TinyModel(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.linear = torch.nn.Linear(config.width, config.width)
        self.post_init()

    def forward(self, values):
        return double(self.linear(values))
""",
    "layers_tiny.py": "def double(values):\n    return values * 2\n",
    "train_tiny.py": 'raise RuntimeError("no model needs this file")\n',
}
"""A model of Python files of its own, with relative imports, and one file that nothing imports."""


def custom_code(folder: Path, *, prefix: str = "", with_code: bool = True) -> None:
    """A model that brings its own Python code; ``prefix`` is ``repo--`` where the code is in another repository."""
    import torch
    from safetensors.torch import save_file

    said = {
        "model_type": "prewarm_tiny",
        "architectures": ["TinyModel"],
        "width": 8,
        "auto_map": {
            "AutoConfig": f"{prefix}configuration_tiny.TinyConfig",
            "AutoModel": f"{prefix}modeling_tiny.TinyModel",
        },
    }
    (folder / "config.json").write_text(json.dumps(said), encoding="utf-8")
    if with_code:
        for name, source in CODE.items():
            (folder / name).write_text(source, encoding="utf-8")
    weights = {"linear.weight": torch.eye(8), "linear.bias": torch.zeros(8)}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def voices(folder: Path) -> None:
    """What an application loads by a call of its own."""
    (folder / "voices").mkdir()
    for name in ("anna", "ben"):
        (folder / "voices" / f"{name}.json").write_text(json.dumps({"voice": name}), encoding="utf-8")


APPLICATION = """\
from pathlib import Path

from huggingface_hub import hf_hub_download

print(Path(hf_hub_download("demo/voices", "voices/anna.json")).read_text())
"""
"""An application that asks for what no entry describes."""

KINDS: Mapping[str, Callable[[Path], None]] = {
    "demo/text": text,
    "demo/chat": chat,
    "demo/summaries": summaries,
    "demo/speech": speech,
    "demo/custom-code": custom_code,
    "demo/voices": voices,
}

MANIFEST = """\
simple = [
  "demo/text",
  "demo/speech",
]

[[advanced]]
id = "demo/chat"
model_class = "AutoModelForCausalLM"

[[advanced]]
id = "demo/summaries"
model_class = "T5ForConditionalGeneration"

[[advanced]]
id = "demo/custom-code"
trust_remote_code = true

[[application]]
name = "app"
command = ["python", "app.py"]
sources = ["app.py"]
"""


def make(root: Path, kinds: Mapping[str, Callable[[Path], None]] = KINDS) -> None:
    """Make a folder per repository below ``root``."""
    for repo_id, maker in kinds.items():
        folder = root / repo_id
        folder.mkdir(parents=True)
        maker(folder)
        for path, content in LEFTOVERS.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(content)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
