"""What to write for a repository that no class of transformers loads. Changes with the formats that are known.

Each names every file that its library opens: what is printed can be pasted, and the application loads from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass

from prewarm.plan.globs import that_match
from prewarm.records.entry import Entry

SMALL = ("*.json", "*.txt", "*.model", "*.jinja")
"""Configurations and vocabularies, which lie beside the weights of every format."""


@dataclass(frozen=True)
class Format:
    """A format of weights that is not transformers' own."""

    pattern: str
    """Of a file that tells."""
    said: str
    keys: tuple[str, ...] = ()
    """What loads it, as lines of an entry; none: its files are fetched by name."""
    files: tuple[str, ...] = ()
    """Globs, with those of ``SMALL``; none: everything."""
    made_for: str = ""
    """As the repository's owner names it, where the file alone does not tell."""

    def matches(self, paths: Collection[str]) -> list[str]:
        """The files that tell, in order."""
        return sorted(path for path in paths if re.fullmatch(self.pattern, path))

    def hint(self, entry: Entry, paths: Collection[str]) -> str:
        """What to write for ``entry``, whose files are ``paths``."""
        if self.keys:
            return f"write:\n{toml(entry, *self.keys)}"
        if self.pattern.endswith("gguf"):
            # Each of them is a whole model, in another quantisation.
            found = self.matches(paths)
            chosen = next((path for path in found if "q4_k_m" in path.lower()), found[0])
            return _by_name(entry, [chosen, *that_match(paths, SMALL)])
        return _by_name(entry, that_match(paths, (*self.files, *SMALL)) if self.files else ["*"])


_FORMATS = (
    Format(
        r"pytorch_model\.bin",
        "a model of pyannote.audio",
        keys=('model_class = "pyannote.audio:Model"',),
        made_for="pyannote-audio",
    ),
    Format(
        r"config\.yaml",
        "a pipeline of pyannote.audio",
        keys=('model_class = "pyannote.audio:Pipeline"',),
        made_for="pyannote-audio",
    ),
    Format(r"model_index\.json", "a pipeline of diffusers", keys=('model_class = "diffusers:DiffusionPipeline"',)),
    Format(
        r"open_clip_config\.json",
        "a model of open_clip",
        keys=('model_class = "open_clip:create_model_and_transforms"', 'model_args = ["hf-hub:{id}"]'),
    ),
    Format(r"gliner_config\.json", "a model of GLiNER", keys=('model_class = "gliner:GLiNER"',)),
    Format(r"hyperparams\.yaml", "a model of speechbrain"),
    Format(r"model\.bin", "a model in CTranslate2's format", files=("model.bin",)),
    Format(r".*\.gguf", "GGUF files only"),
    Format(r"(onnx/)?.*\.onnx(_data)?", "ONNX files only", files=("*.onnx", "*.onnx_data*")),
    Format(r"(openvino/)?openvino_.*", "OpenVINO files only", files=("*openvino_*",)),
    Format(r".*\.(mlmodel|mlpackage.*)|coreml/.*", "Core ML files only", files=("*.mlmodel", "*.mlpackage/*")),
    Format(r"tf_model.*\.h5|saved_model.*|.*\.pb", "TensorFlow files only, which transformers 5 does not read"),
    Format(r"flax_model.*\.msgpack", "Flax files only, which transformers 5 does not read"),
    Format(r"consolidated.*", "consolidated weights in their maker's own format only"),
    Format(r".*\.nemo", "a model of NeMo", files=("*.nemo",)),
    Format(r".*\.(ckpt|pth|pt)", "PyTorch checkpoints of a library of their own"),
    Format(r".*\.(safetensors|bin)", "weights of a library of their own"),
)


def format_of(paths: Collection[str], made_for: str = "") -> Format | None:
    """What a repository has that no class of transformers loads; None where nothing tells.

    Args:
        paths: of its files, from the entry's subfolder on.
        made_for: as the repository's owner names it; empty: not at all.
    """
    of_it = (form for form in _FORMATS if not form.made_for or form.made_for == made_for)
    return next((form for form in of_it if form.matches(paths)), None)


def files_only(entry: Entry, include: Collection[str]) -> str:
    """The entry to write where the files are wanted and no class loads them."""
    named = ", ".join(f'"{path}"' for path in include)
    return toml(entry, f"include = [{named}]")


def whole(entry: Entry, *lines: str) -> str:
    """The entry as it is in the manifest, as far as it decides what is loaded, with ``lines``."""
    kept = []
    if entry.model_class is not None:
        kept.append(f"model_class = {_value(entry.model_class)}")
    if entry.processor_class is not None:
        kept.append(f"processor_class = {_value(entry.processor_class)}")
    keys = ("task", "subfolder", "variant", "dtype", "trust_remote_code", "include", "exclude", "model_args")
    kept += [f"{key} = {_value(value)}" for key in keys if (value := getattr(entry, key))]
    if entry.repo_type != "model":
        kept.append(f'repo_type = "{entry.repo_type}"')
    return toml(entry, *kept, *lines)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)


def toml(entry: Entry, *lines: str) -> str:
    """The entry with ``lines``."""
    start = ["[[advanced]]", f'id = "{entry.id}"']
    if entry.revision != "main":
        start.append(f'revision = "{entry.revision}"')
    return "\n".join([*start, *lines])


def _by_name(entry: Entry, include: Collection[str]) -> str:
    return f"fetch the files by name and load none:\n{files_only(entry, include)}"
