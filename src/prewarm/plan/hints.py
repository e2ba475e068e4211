"""What to write for a repository that no class of transformers loads. Changes with the formats that are known.

Each names every file that its library opens: what is printed can be pasted, and the application loads from it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from prewarm.plan.globs import matches_any
from prewarm.records.entry import Entry

_SMALL = ("*.json", "*.txt", "*.model", "*.jinja")
"""Configurations and vocabularies, which lie beside the weights of every format."""


@dataclass(frozen=True)
class _Format:
    pattern: str
    """Of a file that tells."""
    said: str
    keys: tuple[str, ...] = ()
    """What loads it, as lines of an entry; none: its files are fetched by name."""
    files: tuple[str, ...] = ()
    """Globs, with those of ``_SMALL``; none: everything."""


_FORMATS = (
    _Format(r"model_index\.json", "a pipeline of diffusers", keys=('model_class = "diffusers:DiffusionPipeline"',)),
    _Format(
        r"open_clip_config\.json",
        "a model of open_clip",
        keys=('model_class = "open_clip:create_model_and_transforms"', 'model_args = ["hf-hub:{id}"]'),
    ),
    _Format(r"gliner_config\.json", "a model of GLiNER", keys=('model_class = "gliner:GLiNER"',)),
    _Format(r"hyperparams\.yaml", "a model of speechbrain"),
    _Format(r"model\.bin", "a model in CTranslate2's format", files=("model.bin",)),
    _Format(r".*\.gguf", "GGUF files only"),
    _Format(r"(onnx/)?.*\.onnx(_data)?", "ONNX files only", files=("*.onnx", "*.onnx_data*")),
    _Format(r"(openvino/)?openvino_.*", "OpenVINO files only", files=("*openvino_*",)),
    _Format(r".*\.(mlmodel|mlpackage.*)|coreml/.*", "Core ML files only", files=("*.mlmodel", "*.mlpackage/*")),
    _Format(r"tf_model.*\.h5|saved_model.*|.*\.pb", "TensorFlow files only, which transformers 5 does not read"),
    _Format(r"flax_model.*\.msgpack", "Flax files only, which transformers 5 does not read"),
    _Format(r"consolidated.*", "consolidated weights in their maker's own format only"),
    _Format(r".*\.nemo", "a model of NeMo", files=("*.nemo",)),
    _Format(r".*\.(ckpt|pth|pt)", "PyTorch checkpoints of a library of their own"),
    _Format(r".*\.(safetensors|bin)", "weights of a library of their own"),
)


def of_another_format(entry: Entry, paths: Collection[str]) -> tuple[str, str] | None:
    """What a repository has that no class of transformers loads, and what to do; None where nothing tells.

    Args:
        entry: what was asked for.
        paths: of its files, from its subfolder on.
    """
    for form in _FORMATS:
        matches = sorted(path for path in paths if re.fullmatch(form.pattern, path))
        if not matches:
            continue
        if form.keys:
            return form.said, f"write:\n{toml(entry, *form.keys)}"
        if form.pattern.endswith("gguf"):
            # Each of them is a whole model, in another quantisation.
            chosen = next((path for path in matches if "q4_k_m" in path.lower()), matches[0])
            return form.said, _by_name(entry, [chosen, *_there(paths, _SMALL)])
        return form.said, _by_name(entry, _there(paths, (*form.files, *_SMALL)) if form.files else ["*"])
    return None


def files_only(entry: Entry, include: Collection[str]) -> str:
    """The entry to write where the files are wanted and no class loads them."""
    named = ", ".join(f'"{path}"' for path in include)
    return toml(entry, f"include = [{named}]")


def toml(entry: Entry, *lines: str) -> str:
    """The entry with ``lines``."""
    start = ["[[advanced]]", f'id = "{entry.id}"']
    if entry.revision != "main":
        start.append(f'revision = "{entry.revision}"')
    return "\n".join([*start, *lines])


def _by_name(entry: Entry, include: Collection[str]) -> str:
    return f"fetch the files by name and load none:\n{files_only(entry, include)}"


def _there(paths: Collection[str], globs: Collection[str]) -> list[str]:
    """Those of ``globs`` that match something."""
    return [glob for glob in globs if any(matches_any(path, [glob]) for path in paths)]
