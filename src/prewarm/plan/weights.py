"""Which files a model's class reads its weights from. Changes with transformers' choice of a checkpoint.

The order is that of transformers' ``from_pretrained``: what ``config.json`` names, one safetensors file, sharded
safetensors, one ``.bin``, sharded ``.bin``; with a variant only the files of that variant.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from prewarm.plan import hints
from prewarm.plan.known import Known
from prewarm.records.entry import Entry
from prewarm.records.errors import PlanError
from prewarm.records.listing import Listing, Repo

STEMS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
"""The names of weights, in the order in which they are looked for."""


def with_variant(name: str, variant: str | None) -> str:
    """``name`` with the variant before its last extension, where transformers looks for it."""
    stem, _, extension = name.rpartition(".")
    return f"{stem}.{variant}.{extension}" if variant else name


def is_safetensors(path: str, folder: str) -> bool:
    """Whether it is a file of safetensors in ``folder`` itself."""
    name = path.removeprefix(folder)
    return path.startswith(folder) and name.endswith(".safetensors") and "/" not in name


def weight_files(entry: Entry, known: Known, repo: Repo, folder: str, config: Mapping[str, Any]) -> set[str]:
    """The weights below ``folder`` (empty, or with a slash at its end), with the index that names them.

    Raises:
        Needs: the index has to be read.
        PlanError: there are none that a class of transformers reads.
    """
    paths = known.paths(repo)
    named = config.get("transformers_weights")
    if isinstance(named, str) and folder + named in paths:
        candidates = [folder + named]
    else:
        stems = {True: STEMS[:2], False: STEMS[2:], None: STEMS}[entry.use_safetensors]
        candidates = [folder + with_variant(stem, entry.variant) for stem in stems]
    chosen = next((path for path in candidates if path in paths), None)
    if chosen is None:
        raise _no_weights(entry, known.listing(repo), folder)
    if ".index." not in chosen:
        return {chosen}
    shards = known.table(repo, chosen).get("weight_map")
    if not isinstance(shards, Mapping):
        raise PlanError(
            "load-error", f"{chosen} of {repo.repo_id} holds no weight_map", hint="tell the repository's owner"
        )
    files = {folder + str(shard) for shard in shards.values()}
    if lost := sorted(files - paths):
        raise PlanError(
            "load-error",
            f"{chosen} names {lost[0]}, which the repository does not have",
            hint="the repository is incomplete at this commit: name another revision",
        )
    return {chosen, *files}


def _no_weights(entry: Entry, listing: Listing, folder: str) -> PlanError:
    repo, paths = listing.repo, [file.path for file in listing.files]
    inside = sorted(path[len(folder) :] for path in paths if path.startswith(folder))
    where = f"{repo.repo_id}/{folder}".rstrip("/")
    if entry.variant and (variants := variants_of(inside)):
        others = ", ".join(f'"{variant}"' for variant in variants if variant) or "none: leave the key out"
        return PlanError(
            "not-found", f"{where} has no weights of variant '{entry.variant}'", hint=f"its variants are {others}"
        )
    if entry.use_safetensors is not None and any(path in STEMS for path in inside):
        other = "pickled .bin" if entry.use_safetensors else "safetensors"
        kind = "unsafe" if entry.use_safetensors else "not-found"
        return PlanError(
            "unsafe" if kind == "unsafe" else "not-found",
            f"use_safetensors is {str(entry.use_safetensors).lower()}, and {where} has {other} weights only",
            hint="leave use_safetensors out, if you trust the repository"
            if entry.use_safetensors
            else "leave use_safetensors out",
        )
    found = hints.format_of(inside, listing.made_for)
    for path in inside if found is None or not found.keys else []:
        deeper, _, name = path.rpartition("/")
        if name in STEMS and deeper.count("/") == 0:
            return PlanError(
                "not-found",
                f"{where} has no weights at its top, but in '{deeper}'",
                hint=f'subfolder = "{folder}{deeper}"',
            )
    if found is not None:
        hint = found.hint(entry, inside)
        return PlanError("load-error", f"no class of transformers loads {where}: it has {found.said}", hint=hint)
    return PlanError(
        "not-found",
        f"{where} has no weights",
        hint=f"if it has a processor only, write:\n{hints.toml(entry, 'model_class = false')}",
    )


def no_config(entry: Entry, listing: Listing, folder: str) -> PlanError:
    """The error for weights without a configuration: they are another library's."""
    inside = [file.path.removeprefix(folder) for file in listing.files if file.path.startswith(folder)]
    found = hints.format_of(inside, listing.made_for)
    said = found.said if found else "weights"
    return PlanError(
        "load-error",
        f"no class of transformers loads {listing.repo.repo_id}: it has {said}, and no {folder}config.json",
        hint=found.hint(entry, inside) if found else hints.files_only(entry, ["*"]),
    )


def variants_of(inside: Collection[str]) -> list[str]:
    """The variants of weights among the files of a folder; the empty one is the plain one."""
    found = set()
    for path in inside:
        match = re.fullmatch(r"(?:model|pytorch_model)(?:-\d+-of-\d+)?(?:\.([\w-]+))?\.(?:safetensors|bin)", path)
        if match:
            found.add(match[1] or "")
    return sorted(found)
