"""What lies beside the graph so that a folder runs by itself. Changes with the layouts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prewarm.export.made import Made
from prewarm.export.record import Wanted
from prewarm.records.export import OracleEnvironment

_TEMPLATES = Path(__file__).with_name("_template")
_OF_SENTENCES = "dimensions"


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Files that who calls brings."""

    server: str
    """``server.py``: the whole server of ``prewarm serve``."""
    openapi: str
    """What it answers, as JSON."""


def write_layout(folder: Path, wanted: Wanted, made: Made, texts: Texts) -> None:
    """Write what the layout has beside the graph.

    Raises:
        OSError: the disk does not take it.
    """
    is_embeddings = _OF_SENTENCES in made.facts
    if is_embeddings:
        (folder / "server.py").write_text(texts.server, encoding="utf-8")
    if wanted.export.oracle is not None:
        score = (_TEMPLATES / "score.py").read_text(encoding="utf-8")
        (folder / "score.py").write_text(score, encoding="utf-8")
        (folder / "runtime.yaml").write_text(_runtime(wanted.export.oracle), encoding="utf-8")
        (folder / "openai.json").write_text(texts.openapi, encoding="utf-8")
    (folder / "README.md").write_text(_readme(wanted, made, is_embeddings=is_embeddings), encoding="utf-8")


def _runtime(environment: OracleEnvironment) -> str:
    """The two keys that the service reads; JSON's strings are YAML's as well."""
    said = {
        "INFERENCE_ENV_PATH": environment.environment_path,
        "INFERENCE_ENV_SLUG": environment.slug,
        "INFERENCE_ENV_TYPE": environment.type,
        "INFERENCE_PYTHON_VERSION": environment.python,
    }
    lines = [f"    {key}: {json.dumps(value)}" for key, value in said.items()]
    return "\n".join(['MODEL_ARTIFACT_VERSION: "3.0"', "MODEL_DEPLOYMENT:", "  INFERENCE_CONDA_ENV:", *lines, ""])


def _readme(wanted: Wanted, made: Made, *, is_embeddings: bool) -> str:
    assert wanted.locked is not None, "what was made was locked"
    graphs = " and ".join(f"`{name}`" for name in made.graphs)
    made_as = wanted.export.dtype
    lines = [
        f"{wanted.entry.id} at {wanted.locked.commit}, for {made.task}: ONNX, opset {made.opset}, {made_as}.",
        f"{graphs} gives what the original gives: {_agreement(made)}.",
        f"Beside it: {_beside(made, is_embeddings=is_embeddings)}; `prewarm.json` has sizes, hashes and limits.",
    ]
    if is_embeddings:
        body = json.dumps({"input": "a text", "model": wanted.entry.id})
        packages = "numpy onnxruntime starlette tokenizers uvicorn"
        lines.append(f"Run it: `pip install {packages}`, then `python server.py --port 8080`.")
        lines.append(f"Ask it: `curl localhost:8080/v1/embeddings -d '{body}'`.")
    else:
        lines.append("Open it: `pip install numpy onnxruntime tokenizers`, then")
        lines.append(f'`onnxruntime.InferenceSession("{made.graphs[-1]}").get_inputs()` has the names and the axes.')
    return "\n".join(lines) + "\n"


def _agreement(made: Made) -> str:
    found = made.agreement
    up_to = f" of up to {found.longest} tokens" if found.longest else ""
    return f"within {found.difference:.1e} of its greatest value, on {found.cases} inputs{up_to}"


def _beside(made: Made, *, is_embeddings: bool) -> str:
    names: list[Any] = ["`tokenizer.json` cuts and pads texts as it has to be"] if made.facts.get("max_length") else []
    if "image_size" in made.facts or "sampling_rate" in made.facts:
        names.append("`preprocessor_config.json` says how its inputs are prepared, where it needs that")
    if is_embeddings:
        names.append("`server.py` answers as OpenAI's embeddings do")
    return ", ".join(names) or "what its inputs need"
