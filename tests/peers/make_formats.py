"""Tiny repositories in other libraries' formats, made by those libraries: ``python make_formats.py FOLDER NAME…``."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

SPEAKER = """\
pretrained_path: others/speaker
n_mels: 8
compute_features: !new:speechbrain.lobes.features.Fbank
    n_mels: !ref <n_mels>
mean_var_norm: !new:speechbrain.processing.features.InputNormalization
    norm_type: sentence
    std_norm: False
embedding_model: !new:speechbrain.lobes.models.Xvector.Xvector
    in_channels: !ref <n_mels>
    tdnn_blocks: 1
    tdnn_channels: [8]
    tdnn_kernel_sizes: [1]
    tdnn_dilations: [1]
    lin_neurons: 8
modules:
    compute_features: !ref <compute_features>
    mean_var_norm: !ref <mean_var_norm>
    embedding_model: !ref <embedding_model>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        embedding_model: !ref <embedding_model>
    paths:
        embedding_model: !ref <pretrained_path>/embedding_model.ckpt
"""
VOICE = """\
version: 3.1.0
pipeline:
  name: pyannote.audio.pipelines.VoiceActivityDetection
  params:
    segmentation: others/segmentation
params:
  min_duration_on: 0.0
  min_duration_off: 0.0
  onset: 0.5
  offset: 0.5
"""


def openvino(folder: Path) -> None:
    """A model that adds one."""
    import numpy as np
    import openvino as ov
    from openvino import opset13 as ops

    given = ops.parameter([1, 2], np.float32, name="x")
    added = ops.add(given, ops.constant(np.ones((1, 2), np.float32)))
    ov.save_model(ov.Model([ops.result(added)], [given]), folder / "openvino_model.xml")
    (folder / "config.json").write_text("{}")


def gguf(folder: Path) -> None:
    """Two quantisations of one tensor."""
    import gguf as library
    import numpy as np

    for name in ("Q4_K_M", "Q8_0"):
        writer = library.GGUFWriter(folder / f"tiny-{name}.gguf", "llama")
        writer.add_block_count(1)
        writer.add_tensor("token_embd.weight", np.ones((4, 32), np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def speaker(folder: Path) -> None:
    """A speaker encoder of speechbrain."""
    import torch
    from speechbrain.lobes.models.Xvector import Xvector

    model = Xvector(
        in_channels=8, tdnn_blocks=1, tdnn_channels=[8], tdnn_kernel_sizes=[1], tdnn_dilations=[1], lin_neurons=8
    )
    torch.save(model.state_dict(), folder / "embedding_model.ckpt")
    (folder / "hyperparams.yaml").write_text(SPEAKER)


def segmentation(folder: Path) -> None:
    """A model of pyannote.audio, as its trainer writes it."""
    import pytorch_lightning
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.segmentation.debug import SimpleSegmentationModel

    model = SimpleSegmentationModel()
    model.specifications = Specifications(
        problem=Problem.MULTI_LABEL_CLASSIFICATION, resolution=Resolution.FRAME, duration=2.0, classes=["speech"]
    )
    model.build()
    model.setup()
    trainer = pytorch_lightning.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    trainer.strategy.connect(model)
    trainer.save_checkpoint(folder / "pytorch_model.bin", weights_only=True)
    (folder / "config.yaml").write_text("task: {}\n")


def voice(folder: Path) -> None:
    """A pipeline of pyannote.audio over a model in another repository."""
    (folder / "config.yaml").write_text(VOICE)


def quantised(folder: Path) -> None:
    """A Llama in whole numbers, which transformers reads with compressed-tensors."""
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import LlamaForCausalLM

    from prewarm.demo.models import fast_tokenizer, llama_config

    LlamaForCausalLM(llama_config()).save_pretrained(folder)
    fast_tokenizer(folder)
    weights = {}
    for name, weight in load_file(folder / "model.safetensors").items():
        if name.endswith("_proj.weight"):
            scale = weight.abs().amax(1, keepdim=True) / 127
            weights[name] = (weight / scale).round().to(torch.int8)
            weights[f"{name}_scale"] = scale
        else:
            weights[name] = weight
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    as_numbers = {"num_bits": 8, "type": "int", "strategy": "channel", "symmetric": True, "dynamic": False}
    config["quantization_config"] = {
        "quant_method": "compressed-tensors",
        "format": "int-quantized",
        "quantization_status": "compressed",
        "ignore": ["lm_head"],
        "config_groups": {"all": {"targets": ["Linear"], "format": "naive-quantized", "weights": as_numbers}},
    }
    (folder / "config.json").write_text(json.dumps(config))


def gliner(folder: Path) -> None:
    """A model of GLiNER."""
    from gliner import GLiNER, GLiNERConfig
    from transformers import BertConfig, BertModel

    from prewarm.demo.models import word_tokenizer

    base = folder.with_name("base-of-gliner")
    base.mkdir()
    word_tokenizer(base)
    config = BertConfig(
        vocab_size=400, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=37
    )
    BertModel(config).save_pretrained(base)
    made = GLiNERConfig(model_name=str(base), hidden_size=32, max_width=4, dropout=0.0, num_rnn_layers=0)
    GLiNER.from_config(made).save_pretrained(folder)


KINDS: Mapping[str, Callable[[Path], None]] = {
    kind.__name__: kind for kind in (openvino, gguf, speaker, segmentation, voice, quantised, gliner)
}


def main() -> None:
    """Make what is named."""
    import torch

    warnings.simplefilter("ignore")
    root = Path(sys.argv[1])
    for name in sys.argv[2:]:
        torch.manual_seed(7)
        (root / name).mkdir(parents=True)
        KINDS[name](root / name)


if __name__ == "__main__":
    main()
