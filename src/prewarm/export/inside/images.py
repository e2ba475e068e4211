"""Graphs of models that look at a picture. Changes with these tasks."""

from __future__ import annotations

from typing import Any

from prewarm.export.inside.calls import call, takes
from prewarm.export.inside.graph import BATCH, MOST_IN_A_BATCH, Axes, Case, Graph, Port, Tensors, keep_padding
from prewarm.worker.refused import Refused

_OUTPUTS = {
    "feature-extraction": ["last_hidden_state"],
    "image-classification": ["logits"],
    "object-detection": ["logits", "pred_boxes"],
}
_CASES = (Case(1), Case(3), Case(5))


def pictures(model: Any, processor: Any, task: str) -> Graph:
    """Pictures of one size to labels, boxes or hidden states."""
    import torch

    channels, height, width = size_of(model, processor)
    picked = _OUTPUTS[task]
    module = call(model, ["pixel_values"], picked)

    def sample(case: Case) -> Tensors:
        made = torch.Generator().manual_seed(case.batch)
        return (torch.randn(case.batch, channels, height, width, generator=made),)

    with torch.no_grad():
        given = module(*sample(Case(2)))
    return Graph(
        file="model.onnx",
        module=module,
        inputs=(Port(name="pixel_values", axes=("batch", channels, height, width)),),
        outputs=tuple(_batched(name, value) for name, value in zip(picked, given, strict=True)),
        limits=BATCH,
        sample=sample,
        traced=Case(2),
        cases=_CASES,
        constants={"image_size": [height, width], "channels": channels},
    )


def text_and_pictures(model: Any, processor: Any, tokenizer: Any, longest: int) -> Graph:
    """Texts and pictures to how well they fit, and to the embedding of each."""
    import torch

    channels, height, width = size_of(model, processor)
    names = ["input_ids", *(["attention_mask"] if _takes_mask(tokenizer) and takes(model, "attention_mask") else [])]
    picked = ["logits_per_image", "text_embeds", "image_embeds"]
    config = model.config.text_config
    last = int(config.vocab_size) - 1
    end = getattr(config, "eos_token_id", None)
    end = end if isinstance(end, int) and 0 <= end <= last else last

    def sample(case: Case) -> Tensors:
        made = torch.Generator().manual_seed(case.batch * 31 + case.length)
        ids = torch.randint(3, last, (case.batch, case.length), generator=made)
        mask = torch.ones_like(ids)
        if case.is_padded and "attention_mask" in names:
            keep_padding(mask)
        # The text's vector is taken where it ends.
        for row, count in enumerate(mask.sum(-1).tolist()):
            ids[row, count - 1] = end
        pixels = torch.randn(case.batch + 1, channels, height, width, generator=made)
        return (*({"input_ids": ids, "attention_mask": mask}[name] for name in names), pixels)

    with torch.no_grad():
        found = call(model, [*names, "pixel_values"], picked)(*sample(Case(2, min(longest, 5))))
    size = int(found[1].shape[-1])
    axes: list[Axes] = [("image_batch", "text_batch"), ("text_batch", size), ("image_batch", size)]
    short = min(longest, 12)
    return Graph(
        file="model.onnx",
        module=call(model, [*names, "pixel_values"], picked),
        inputs=(
            *(Port(name=name, axes=("text_batch", "sequence")) for name in names),
            Port(name="pixel_values", axes=("image_batch", channels, height, width)),
        ),
        outputs=tuple(Port(name=name, axes=one) for name, one in zip(picked, axes, strict=True)),
        limits={"text_batch": (1, MOST_IN_A_BATCH), "image_batch": (1, MOST_IN_A_BATCH), "sequence": (2, longest)},
        sample=sample,
        traced=Case(2, short - 1, is_padded=True),
        cases=(
            Case(1, 2),
            Case(3, min(longest, 7), is_padded=True),
            Case(2, longest, is_padded=True),
            Case(1, longest),
        ),
        constants={"image_size": [height, width], "channels": channels},
    )


def size_of(model: Any, processor: Any) -> tuple[int, int, int]:
    """Channels, height and width of what the processor makes of a picture.

    Raises:
        Refused: neither it nor the configuration says so.
    """
    maker = getattr(processor, "image_processor", None) or (processor if hasattr(processor, "preprocess") else None)
    if maker is not None:
        from PIL import Image

        made = maker(images=Image.new("RGB", (64, 64)), return_tensors="pt")["pixel_values"]
        return int(made.shape[1]), int(made.shape[2]), int(made.shape[3])
    config = getattr(model.config, "vision_config", model.config)
    size = getattr(config, "image_size", None)
    if size is None:
        raise Refused(
            "export-error",
            "nothing says how large its pictures are",
            'name what prepares them: processor_class = "AutoImageProcessor"',
        )
    height, width = size if isinstance(size, (list, tuple)) else (size, size)
    return int(getattr(config, "num_channels", 3)), int(height), int(width)


def _takes_mask(tokenizer: Any) -> bool:
    return "attention_mask" in (getattr(tokenizer, "model_input_names", None) or ("attention_mask",))


def _batched(name: str, value: Any) -> Port:
    return Port(name=name, axes=("batch", *(int(size) for size in value.shape[1:])))
