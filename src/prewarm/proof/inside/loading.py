"""What a request loads: a pipeline, or a processor and a model. Changes with what can be loaded."""

from __future__ import annotations

from typing import Any

from prewarm.proof.inside.models import load_model
from prewarm.proof.inside.others import load_pipeline
from prewarm.proof.inside.processors import load_processor
from prewarm.proof.inside.request import Request
from prewarm.worker.loaded import Loaded

_PARTS = ("processor", "tokenizer", "feature_extractor", "image_processor")


def load(request: Request, notes: list[str]) -> tuple[Loaded, dict[str, list[str]]]:
    """Load it, and say which of its weights are made up; ``notes`` is told of classes that were replaced.

    Raises:
        Refused: it is not what the application would get.
    """
    import torch

    with torch.no_grad():
        if not request.task:
            processor = load_processor(request, notes)
            model, keys = load_model(request)
            return Loaded(model=model, processor=processor), keys
        pipeline = load_pipeline(request)
        found: Any = next((part for name in _PARTS if (part := getattr(pipeline, name, None)) is not None), None)
        return Loaded(model=pipeline.model, processor=found, pipeline=pipeline), {}
