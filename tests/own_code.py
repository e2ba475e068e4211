"""A repository with Python code of its own, for tests of what that code may do. Changes with what transformers wants."""

from __future__ import annotations

import json

CODE = """
import transformers
from .parts import WIDTH
class OwnConfig(transformers.PretrainedConfig):
    model_type = "own"
class OwnModel(transformers.PreTrainedModel):
    config_class = OwnConfig
    def __init__(self, config):
        super().__init__(config)
        import torch
        self.layer = torch.nn.Linear(WIDTH, WIDTH)
        self.post_init()
    def forward(self, x):
        return self.layer(x)
"""
ENTRY = '[[advanced]]\nid = "org/own"\ntrust_remote_code = true\nprocessor_class = false\n'


def weights() -> bytes:
    """Of the model, all zeros."""
    import torch
    from safetensors.torch import save

    return bytes(save({"layer.weight": torch.zeros(4, 4), "layer.bias": torch.zeros(4)}, metadata={"format": "pt"}))


def repository(content: bytes, code: str = CODE) -> dict[str, bytes]:
    """Its files."""
    auto = {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}
    config = {"model_type": "own", "auto_map": auto, "architectures": ["OwnModel"]}
    return {
        "config.json": json.dumps(config).encode(),
        "own.py": code.encode(),
        "parts.py": b"WIDTH = 4\n",
        "model.safetensors": content,
    }
