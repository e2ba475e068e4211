"""The parts of a processor, and what a model takes. Changes with transformers' processors."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from prewarm.runners.media import RATE
from prewarm.runners.question import cannot
from prewarm.worker.loaded import Loaded

_SANE_TOKENS = 1 << 20
_POSITIONS = ("max_position_embeddings", "n_positions", "max_target_positions", "n_ctx", "max_seq_len")


def tokenizer_of(loaded: Loaded) -> Any:
    """The tokenizer, alone or in a processor.

    Raises:
        Refused: none was loaded.
    """
    for one in (loaded.processor, getattr(loaded.processor, "tokenizer", None), _of_pipeline(loaded, "tokenizer")):
        if one is not None and hasattr(one, "get_vocab"):
            return one
    raise cannot(
        "no tokenizer was loaded, so that it neither reads nor writes texts",
        'name what the repository has: processor_class = "AutoTokenizer"',
    )


def images_of(loaded: Loaded) -> Any:
    """What prepares images.

    Raises:
        Refused: nothing was loaded that does.
    """
    for one in (getattr(loaded.processor, "image_processor", None), loaded.processor):
        if one is not None and _sees(one):
            return one
    inner = _of_pipeline(loaded, "image_processor")
    if inner is not None:
        return inner
    raise cannot(f"{type(loaded.model).__name__} takes no images, or nothing was loaded that prepares them")


def sounds_of(loaded: Loaded) -> Any:
    """What prepares sounds.

    Raises:
        Refused: nothing was loaded that does.
    """
    inner = getattr(loaded.processor, "feature_extractor", None)
    for one in (inner, loaded.processor, _of_pipeline(loaded, "feature_extractor")):
        if one is not None and hasattr(one, "sampling_rate"):
            return one
    raise cannot(f"{type(loaded.model).__name__} takes no sounds, or nothing was loaded that prepares them")


def rate_of(loaded: Loaded) -> int:
    """Samples of a sound a second."""
    return int(getattr(sounds_of(loaded), "sampling_rate", RATE))


def placed(inputs: Any, model: Any) -> dict[str, Any]:
    """Inputs where the model is, in its type, without what it does not take."""
    import torch

    weight = next(iter(model.parameters()), None)
    found: dict[str, Any] = {}
    named = inspect.signature(model.forward).parameters
    anything = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in named.values())
    for name, value in dict(inputs).items():
        # Most tokenizers give types, whatever the model: a class that takes anything would pass them on.
        is_taken = name in named or (anything and name != "token_type_ids")
        if not isinstance(value, torch.Tensor) or not is_taken:
            continue
        of_model = weight is not None and value.is_floating_point()
        found[name] = value.to(weight.device, weight.dtype) if of_model and weight is not None else value
    return found


def text_config(model: Any) -> Any:
    """The configuration of the part that reads or writes text."""
    config = model.config
    return config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config


def positions_of(model: Any) -> int | None:
    """The most tokens that the part of a model has places for which writes; None: nobody says."""
    configs = [text_config(model), model.config]
    for config in configs:
        for name in _POSITIONS:
            found = getattr(config, name, None)
            if isinstance(found, int) and 0 < found < _SANE_TOKENS:
                return found
    return None


def longest_of(tokenizer: Any, model: Any) -> int | None:
    """The most tokens of an input; None: nobody says."""
    known = [getattr(tokenizer, "model_max_length", None), positions_of(model)]
    sane = [one for one in known if isinstance(one, int) and 0 < one < _SANE_TOKENS]
    if not sane:
        return None
    # RoBERTa's positions begin behind the one for padding.
    begins = getattr(model.config, "pad_token_id", 0) if "roberta" in str(model.config.model_type) else 0
    return min(sane[0], sane[-1] - (begins + 1 if begins else 0))


def alike(counts: Sequence[int], most: int | None) -> dict[int, list[int]]:
    """Places in ``counts`` by the number of tokens that are read: ``most`` where there are more."""
    found: dict[int, list[int]] = {}
    for at, count in enumerate(counts):
        found.setdefault(min(count, most) if most is not None else count, []).append(at)
    return found


def cut_of(count: int, most: int | None) -> str:
    """What of an input is left out, in words; empty: nothing."""
    return f"only {most} of its {count} tokens are read" if most is not None and count > most else ""


def _sees(processor: Any) -> bool:
    return any("imageprocess" in kind.__name__.lower() for kind in type(processor).__mro__)


def _of_pipeline(loaded: Loaded, name: str) -> Any:
    return getattr(loaded.pipeline, name, None)
