"""Graphs of models that hear, other than what writes word by word. Changes with these."""

from __future__ import annotations

from typing import Any

from prewarm.export.inside.calls import call
from prewarm.export.inside.graph import BATCH, Case, Graph, Port, Tensors, keep_padding

_LEAST_SAMPLES = 1600
_MOST_S = 30
_RATE = 16_000


def frames_of(model: Any, processor: Any, *, picked: str) -> Graph:
    """A wave to what stands on its frames: letters of a CTC model, or hidden states."""
    import torch

    extractor = getattr(processor, "feature_extractor", processor)
    names = ["input_values", *(["attention_mask"] if getattr(extractor, "return_attention_mask", False) else [])]
    rate = int(getattr(extractor, "sampling_rate", _RATE))
    longest = rate * _MOST_S
    module = call(model, names, [picked])

    def sample(case: Case) -> Tensors:
        made = torch.Generator().manual_seed(case.batch * 7 + case.length)
        wave = torch.randn(case.batch, case.length, generator=made)
        mask = torch.ones(case.batch, case.length, dtype=torch.int64)
        if case.is_padded and "attention_mask" in names:
            keep_padding(mask)
            # Less than a frame of sound gives no frame.
            mask[:, :_LEAST_SAMPLES] = 1
            wave = wave * mask
        return tuple({"input_values": wave, "attention_mask": mask}[name] for name in names)

    def counted(inputs: Tensors, _: Case) -> Any:
        if "attention_mask" not in names:
            return None
        with torch.no_grad():
            count = int(module(*inputs)[0].shape[1])
        body = getattr(model, model.base_model_prefix, model)
        return body._get_feature_vector_attention_mask(count, inputs[1]).bool().numpy()  # noqa: SLF001

    with torch.no_grad():
        size = int(module(*sample(Case(1, _LEAST_SAMPLES * 2)))[0].shape[-1])
    return Graph(
        file="model.onnx",
        module=module,
        inputs=tuple(Port(name=name, axes=("batch", "samples")) for name in names),
        outputs=(Port(name=picked, axes=("batch", "frames", size)),),
        limits={**BATCH, "samples": (_LEAST_SAMPLES, longest)},
        sample=sample,
        traced=Case(2, 4 * _LEAST_SAMPLES + 17, is_padded=True),
        cases=(
            Case(1, _LEAST_SAMPLES + 3),
            Case(3, 5 * _LEAST_SAMPLES + 111, is_padded=True),
            Case(2, 9 * _LEAST_SAMPLES, is_padded=True),
            Case(1, longest),
        ),
        counted=counted,
        constants={"sampling_rate": rate},
    )
