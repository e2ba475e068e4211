"""timm and open_clip, whose torchvision stands in the way of everything else here: by their own calls, offline."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Prewarm
from prewarm.localhub import LocalHub, Repository
from prewarm.worker.opened import Opened

MAKE = """
import json, sys
from pathlib import Path
import open_clip, timm, torch
from safetensors.torch import save_file
torch.manual_seed(7)
root = Path(sys.argv[1])
timm.models.save_for_hf(timm.create_model("test_resnet"), root / "resnet", safe_serialization="both")
folder = root / "clip"
folder.mkdir()
tiny = dict(embed_dim=16, vision_cfg=dict(image_size=32, layers=1, width=64, head_width=32, patch_size=16),
            text_cfg=dict(context_length=77, vocab_size=49408, width=64, heads=2, layers=1))
model = open_clip.CLIP(**tiny)
save_file(model.state_dict(), folder / "open_clip_model.safetensors")
torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
said = {"model_cfg": tiny, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
(folder / "open_clip_config.json").write_text(json.dumps(said))
"""
MANIFEST = """\
[[advanced]]
id = "others/resnet"
model_class = "timm:create_model"
model_args = ["hf_hub:{id}"]
model_kwargs = { pretrained = true }

[[advanced]]
id = "others/clip"
model_class = "open_clip:create_model_and_transforms"
model_args = ["hf-hub:{id}"]
"""
CALL = """
import open_clip, timm, torch
def total(model): return round(float(sum(weight.double().abs().sum() for weight in model.parameters())), 4)
print(total(timm.create_model("hf_hub:others/resnet", pretrained=True)))
print(total(open_clip.create_model_and_transforms("hf-hub:others/clip")[0]))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vision")
    done = subprocess.run([sys.executable, "-c", MAKE, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def project(prewarm: Prewarm, hub: LocalHub, made: Path) -> Prewarm:
    for name in ("resnet", "clip"):
        repository = Repository(repo_id=f"others/{name}")
        repository.commit_folder(made / name)
        hub.add(repository)
    prewarm.environ["PYTHONWARNINGS"] = "ignore"
    return prewarm


def test_they_are_proven_with_one_format_and_load_offline_with_equal_weights(project: Prewarm, hub: LocalHub) -> None:
    directly = project.python(CALL, HF_HOME=str(project.folder / "direct"), PYTHONWARNINGS="ignore")
    assert directly.code == 0, directly.err
    project.manifest(MANIFEST)
    done = project("--json")
    assert done.code == 0, done.out
    assert [entry["status"] for entry in done.report["entries"]] == ["proven", "proven"]
    assert not list(project.cache.glob("*/snapshots/*/*.bin"))
    blobs = [path for path in project.cache.glob("*/blobs/*") if path.stat().st_size > 10_000]
    hub.log.clear()
    with Opened() as watching:
        for blob in blobs:
            watching.watch(blob)
        offline = project.python(CALL, HF_HUB_OFFLINE="1", PYTHONWARNINGS="ignore")
        assert watching.seen() == set(blobs)
    assert offline.out == directly.out, offline.err
    assert not hub.log.all()


def test_what_a_failure_says_to_write_is_right(project: Prewarm) -> None:
    project.manifest('simple = ["others/clip"]\n')
    hint = project("--json").entry("others/clip")["error"]["hint"]
    project.manifest(hint[hint.index("[[advanced]]") :])
    assert project("--json").code == 0


def test_record_writes_them(project: Prewarm) -> None:
    (project.folder / "app.py").write_text(CALL)
    done = project("record", "--write", "--", sys.executable, "app.py")
    assert done.code == 0, done.err
    from prewarm.manifest import read

    entries = {entry.id: entry for entry in read.load(project.folder / "prewarm.toml").entries}
    assert entries["others/resnet"].model_class == "timm:create_model"
    assert entries["others/resnet"].model_args == ("hf_hub:{id}",)
    assert dict(entries["others/resnet"].model_kwargs) == {"pretrained": True}
    assert entries["others/clip"].model_class == "open_clip:create_model_and_transforms"
    assert json.dumps(entries["others/clip"].model_args) == '["hf-hub:{id}"]'
    assert project().code == 0
