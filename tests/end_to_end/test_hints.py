"""What a failure says to write, written as it is printed: the application then loads offline."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Prewarm
from prewarm.localhub import LocalHub, Repository
from prewarm.localhub.repository import from_folder
from prewarm.plan import hints
from prewarm.records.entry import Entry

SNAPSHOT = "from huggingface_hub import snapshot_download; folder = snapshot_download({id!r}); "
CALLS = {
    "others/whisper": SNAPSHOT
    + "from faster_whisper import WhisperModel; WhisperModel(folder, device='cpu', compute_type='float32')",
    "others/onnx": SNAPSHOT
    + "import numpy, onnxruntime; session = onnxruntime.InferenceSession(folder + '/onnx/model.onnx'); "
    "assert session.run(None, {'x': numpy.ones(1, 'float32')})[0][0] == 1.0",
    "others/diffusion": "import diffusers; diffusers.DiffusionPipeline.from_pretrained({id!r})",
}


def identity_onnx() -> bytes:
    """A model of ONNX that gives what it is given, in its wire format."""

    def field(number: int, content: bytes | int) -> bytes:
        if isinstance(content, int):
            return bytes([number << 3, content])
        return bytes([number << 3 | 2, len(content)]) + content

    def value(name: bytes) -> bytes:
        shape = field(2, field(1, field(1, 1)))
        return field(1, name) + field(2, field(1, field(1, 1) + shape))

    node = field(1, b"x") + field(2, b"y") + field(4, b"Identity")
    graph = field(1, node) + field(2, b"g") + field(11, value(b"x")) + field(12, value(b"y"))
    return field(1, 8) + field(7, graph) + field(8, field(1, b"") + field(2, 13))


@pytest.fixture
def hub_of_others(others: Path) -> Iterator[LocalHub]:
    with LocalHub(from_folder(others)) as hub:
        onnx = Repository(repo_id="others/onnx")
        onnx.commit({"onnx/model.onnx": identity_onnx(), "config.json": b"{}", "tokenizer.json": b"{}"})
        hub.add(onnx)
        yield hub


@pytest.mark.exhaustive
@pytest.mark.parametrize("repo_id", CALLS)
def test_what_is_printed_is_pasted_and_the_application_loads(
    hub_of_others: LocalHub, tmp_path: Path, repo_id: str
) -> None:
    prewarm = Prewarm(tmp_path, hub_of_others.url)
    prewarm.manifest(f'simple = ["{repo_id}"]\n')
    done = prewarm("--json")
    assert done.code == 1
    hint = done.entry(repo_id)["error"]["hint"]
    written = hint[hint.index("[[advanced]]") :]
    prewarm.manifest(written)
    done = prewarm("--json")
    assert done.code == 0, done.out
    call = CALLS[repo_id].replace("{id!r}", repr(repo_id))
    loaded = prewarm.python(call, HF_HUB_OFFLINE="1", PYTHONWARNINGS="ignore")
    assert loaded.code == 0, loaded.err


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["openvino/openvino_model.xml", "openvino/openvino_model.bin"], 'include = ["*openvino_*"]'),
        (["a-q8_0.gguf", "a-Q4_K_M.gguf", "config.json"], 'include = ["a-Q4_K_M.gguf", "*.json"]'),
        (["model.onnx", "model.onnx_data", "vocab.txt"], 'include = ["*.onnx", "*.onnx_data*", "*.txt"]'),
        (["open_clip_config.json", "open_clip_model.safetensors"], 'model_args = ["hf-hub:{id}"]'),
        (["gliner_config.json", "pytorch_model.bin"], 'model_class = "gliner:GLiNER"'),
        (["hyperparams.yaml", "embedding_model.ckpt"], 'include = ["*"]'),
        (["pytorch_model.bin", "config.yaml"], 'include = ["*"]'),
    ],
)
def test_every_format_has_a_hint_that_is_a_manifest(tmp_path: Path, paths: list[str], expected: str) -> None:
    found = hints.format_of(paths)
    assert found is not None
    hint = found.hint(Entry(id="org/a", revision="v1"), paths)
    written = hint[hint.index("[[advanced]]") :]
    assert expected in written
    (tmp_path / "prewarm.toml").write_text(written)
    read = "from prewarm.manifest import read; import pathlib; print(read.load(pathlib.Path('.')).entries[0].revision)"
    done = subprocess.run([sys.executable, "-c", read], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "v1\n", done.stderr


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"pytorch_model.bin": b"a", "config.yaml": b""}, "Model"),
        ({"config.yaml": b"", "segmentation/pytorch_model.bin": b"a"}, "Pipeline"),
    ],
)
def test_where_the_files_do_not_tell_their_owner_does(
    prewarm: Prewarm, hub: LocalHub, files: dict[str, bytes], kind: str
) -> None:
    repository = Repository(repo_id="org/voice", made_for="pyannote-audio")
    repository.commit(dict(files))
    hub.add(repository)
    prewarm.manifest('simple = ["org/voice"]\n')
    hint = prewarm("--json").entry("org/voice")["error"]["hint"]
    assert hint.endswith(f'[[advanced]]\nid = "org/voice"\nmodel_class = "pyannote.audio:{kind}"')


def test_no_hint_names_a_package_that_nobody_vouches_for() -> None:
    from prewarm.records.libraries import install_hint

    assert install_hint("sentence_transformers.models") == "pip install sentence-transformers"
    for module in ("custom_st", "no_such", "modeling_evil"):
        assert not re.search("pip install", install_hint(module))
