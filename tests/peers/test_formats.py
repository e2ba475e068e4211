"""What a failure says to write for other libraries' formats, as printed: the application then loads offline.

Each is run beside its library, in the environments of ``.ci/peers``: those that need others' versions, by themselves.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Prewarm
from prewarm.localhub import LocalHub, Repository

LIBRARY = {"segmentation": "pyannote-audio", "voice": "pyannote-audio", "speaker": "speechbrain", "gliner": "gliner"}
CALLS = {
    "openvino": "import numpy, openvino; from huggingface_hub import snapshot_download; "
    "model = openvino.Core().compile_model(snapshot_download('others/openvino') + '/openvino_model.xml', 'CPU'); "
    "print(model(numpy.zeros((1, 2), 'float32'))[0])",
    "gguf": "import gguf; from huggingface_hub import hf_hub_download; "
    "print(gguf.GGUFReader(hf_hub_download('others/gguf', 'tiny-Q4_K_M.gguf')).tensors[0].data.sum())",
    "speaker": "import torch; from speechbrain.inference.classifiers import EncoderClassifier; "
    "found = EncoderClassifier.from_hparams('others/speaker', savedir='speechbrain'); "
    "torch.manual_seed(0); print(found.mods.embedding_model(torch.ones(1, 40, 8)).sum())",
    "segmentation": "import torch; from pyannote.audio import Model; "
    "print(Model.from_pretrained('others/segmentation')(torch.ones(1, 1, 32000)).sum())",
    "voice": "import torch; from pyannote.audio import Pipeline; "
    "found = Pipeline.from_pretrained('others/voice'); "
    "print(found._segmentation.model(torch.ones(1, 1, 32000)).sum())",
    "gliner": "from gliner import GLiNER; "
    "print(GLiNER.from_pretrained('others/gliner').predict_entities('word1 word2', ['word3'], threshold=0.0))",
    "quantised": "import torch; from transformers import AutoModelForCausalLM; "
    "print(AutoModelForCausalLM.from_pretrained('others/quantised')(torch.tensor([[5, 6, 7]])).logits.sum())",
}
FILES_ALONE = ("openvino", "gguf", "speaker", "quantised")
"""What prewarm has no class to load with; the others are loaded by theirs."""
BESIDE = {"PYTHONWARNINGS": "ignore"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path_factory.mktemp("formats")
    chosen = sorted({item.callspec.params["kind"] for item in request.session.items if hasattr(item, "callspec")})
    further = ["segmentation"] if "voice" in chosen and "segmentation" not in chosen else []
    command = [sys.executable, str(Path(__file__).with_name("make_formats.py")), str(folder), *chosen, *further]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def application(project: Prewarm, kind: str, **environ: str) -> str:
    beside = {**BESIDE, **environ}
    if kind == "quantised":
        # Where the application runs, its library is there; where prewarm runs, it is not.
        beside["PYTHONPATH"] = os.environ["PREWARM_TEST_QUANTISED"]
    done = project.python(CALLS[kind], **beside)
    assert done.code == 0, done.err
    return done.out.strip()


@pytest.mark.parametrize("kind", list(CALLS))
def test_what_is_printed_is_pasted_and_the_application_loads(
    prewarm: Prewarm, hub: LocalHub, made: Path, kind: str
) -> None:
    for name in {kind, "segmentation"} & {path.name for path in made.iterdir()}:
        repository = Repository(repo_id=f"others/{name}", made_for=LIBRARY.get(name))
        repository.commit_folder(made / name)
        hub.add(repository)
    prewarm.environ.update(BESIDE)
    directly = application(prewarm, kind, HF_HOME=str(prewarm.folder / "direct"))
    prewarm.manifest(f'simple = ["others/{kind}"]\n')
    done = prewarm("--json")
    assert done.code == 1, done.out
    hint = done.entry(f"others/{kind}")["error"]["hint"]
    manifest = hint[hint.index("[[advanced]]") :]
    prewarm.manifest(manifest)
    done = prewarm("--json")
    if (error := done.entry(f"others/{kind}")["error"]) is not None:
        # A checkpoint that names classes of its own: whoever trusts it says so, for it or for what it asks for.
        assert error["kind"] == "unsafe", error
        added = error["hint"][error["hint"].index("[[advanced]]") :]
        prewarm.manifest(added if f'id = "others/{kind}"' in added else f"{manifest}\n{added}")
        done = prewarm("--json")
    assert done.code == 0, done.out
    assert done.entry(f"others/{kind}")["status"] == ("cached" if kind in FILES_ALONE else "proven")
    hub.log.clear()
    offline = application(prewarm, kind, HF_HUB_OFFLINE="1")
    assert offline == directly
    assert directly
    assert not hub.log.all()
