"""What a repository has in the place of the weights that an entry takes. Changes with how such files are named."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prewarm.records import units
from prewarm.records.listing import RepoFile
from prewarm.records.lock import LockedRepo

_WEIGHTS = (".bin", ".pt", ".pth", ".ckpt")
"""Of torch, as pickles."""
_PICKLED = (*_WEIGHTS, ".pkl", ".pickle", ".joblib")
_FORMATS = {
    ".safetensors": "safetensors", ".gguf": "GGUF", ".onnx": "ONNX", ".onnx_data": "ONNX", ".h5": "HDF5",
    ".keras": "Keras", ".msgpack": "Flax", ".tflite": "TFLite", ".nemo": "NeMo", ".npz": "NumPy", ".npy": "NumPy",
    ".xml": "OpenVINO",
}  # fmt: skip
_SHARD = re.compile(r"-\d{5}-of-\d{5}")
_VARIANT = re.compile(r"(?P<stem>.+?)(?P<shard>-\d{5}-of-\d{5})?\.(?P<variant>[\w-]+)\.safetensors")
_QUANTISED = re.compile(r"model_(fp16|quantized|int8|uint8|q4|q4f16|bnb4)\.onnx")
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Other files, in the place of those that are taken."""

    path: str
    """Of the file that is taken."""
    said: str
    hint: str


def format_of(file: RepoFile) -> str:
    """The format of a file of weights, in words; empty: it is none."""
    name = file.path.rpartition("/")[2].lower()
    suffix = "." + name.rpartition(".")[2]
    if suffix in _PICKLED:
        # faster-whisper's and OpenVINO's weights end in .bin, and are their own.
        return "CTranslate2" if name == "model.bin" else "OpenVINO" if name.startswith("openvino") else "pickle"
    return "" if suffix == ".xml" and not name.startswith("openvino") else _FORMATS.get(suffix, "")


def safer(repo: LockedRepo, listed: Mapping[str, int]) -> Iterator[Offer]:
    """Weights as safetensors, beside pickles that are taken.

    Args:
        repo: what is taken.
        listed: what the repository has, path to size in bytes.
    """
    for path, folder in _one_a_folder(repo):
        there = sorted(
            other for other in listed if other.rpartition("/")[0] == folder and other.endswith(".safetensors")
        )
        if there:
            more = f" and {len(there) - 1} more" if len(there) > 1 else ""
            yield Offer(
                path=path,
                said=f"{path} is a pickle, and the repository has {there[0]}{more}",
                hint="leave use_safetensors out, or write use_safetensors = true; with include, name that file",
            )


def smaller(repo: LockedRepo, listed: Mapping[str, int]) -> Iterator[Offer]:
    """Variants and quantisations with fewer bytes than what is taken."""
    yield from _variants(repo, listed)
    for kind, pattern in (("GGUF", r".*\.gguf"), ("ONNX", r"(?:.*/)?model(?:_\w+)?\.onnx")):
        taken = [file for file in repo.files if format_of(file) == kind and re.fullmatch(pattern, file.path)]
        if len(taken) != 1:
            continue
        others = {path: size for path, size in listed.items() if re.fullmatch(pattern, path) and size < taken[0].size}
        if kind == "ONNX":
            others = {path: size for path, size in others.items() if _QUANTISED.fullmatch(path.rpartition("/")[2])}
        if others:
            chosen = sorted(others.items(), key=lambda other: -other[1])[:_SHOWN]
            named = ", ".join(f"{path} ({units.size(size)})" for path, size in chosen)
            yield Offer(
                path=taken[0].path,
                said=f"{taken[0].path} has {units.size(taken[0].size)}, and the repository has {named}",
                hint=f'include = ["{chosen[0][0]}"]',
            )


def _variants(repo: LockedRepo, listed: Mapping[str, int]) -> Iterator[Offer]:
    taken: dict[str, list[RepoFile]] = defaultdict(list)
    for file in repo.files:
        if file.path.endswith(".safetensors"):
            taken[_stem(file.path)].append(file)
    bytes_of: dict[tuple[str, str], int] = defaultdict(int)
    for path, size in listed.items():
        if match := _VARIANT.fullmatch(path):
            bytes_of[match["variant"], match["stem"]] += size
    for variant in sorted({variant for variant, _ in bytes_of}):
        # Only where all that is taken has it: a pipeline has several folders.
        theirs = {stem: bytes_of[variant, stem] for stem in taken if (variant, stem) in bytes_of}
        own = {stem: sum(file.size for file in taken[stem]) for stem in theirs}
        if theirs and sum(theirs.values()) < sum(own.values()):
            path = taken[next(iter(theirs))][0].path
            less, more = (units.size(sum(sizes.values())) for sizes in (theirs, own))
            yield Offer(
                path=path,
                said=f"its variant '{variant}' has {less} in the place of {more}",
                hint=f'variant = "{variant}"',
            )


def _stem(path: str) -> str:
    return _SHARD.sub("", path.removesuffix(".safetensors"))


def _one_a_folder(repo: LockedRepo) -> Iterator[tuple[str, str]]:
    seen = set()
    for file in repo.files:
        folder = file.path.rpartition("/")[0]
        if format_of(file) == "pickle" and file.path.endswith(_WEIGHTS) and folder not in seen:
            seen.add(folder)
            yield file.path, folder
