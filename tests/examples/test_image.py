"""The steps of the example's Dockerfile, in order, without a container engine; and the picture of the embeddings.

What an image would hold is in a folder. A stage that installs packages may import them and what they need, no more.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from recipes import EXAMPLES, instructions, needed

from conftest import MINILM, Prewarm
from prewarm.localhub import LocalHub, Repository

# The first test of a run makes what all of them look at.
pytestmark = pytest.mark.timeout(900)


def installed(names: list[str], target: Path) -> Path:
    """A folder that has the files of these packages, and of what they need, and nothing else."""
    target.mkdir(parents=True)
    for name in needed(names):
        for file in distribution(name).files or []:
            first = file.parts[0]
            source = Path(str(distribution(name).locate_file(first)))
            if first not in ("..", "__pycache__") and not (target / first).exists() and source.exists():
                (target / first).symlink_to(source)
    return target


def test_the_image_is_built_and_answers_with_nothing_but_what_its_last_stage_has(
    tmp_path: Path, minilm: Path, served: Path
) -> None:
    first, last = instructions((EXAMPLES / "image/Dockerfile").read_text(encoding="utf-8"))
    repository = Repository(repo_id=MINILM)
    repository.commit_folder(minilm)
    build = tmp_path / "first" / dict(first)["WORKDIR"].strip("/")
    build.mkdir(parents=True)
    with LocalHub([repository]) as hub:
        for word, rest in first:
            if word == "COPY":
                for pattern in rest.split()[:-1]:
                    for path in (EXAMPLES / "image").glob(pattern):
                        shutil.copy(path, build)
            elif word == "RUN" and "pip install" in rest:
                names = [one for one in shlex.split(rest)[2:] if not one.startswith("-")]
                assert {"hf-prewarm", "torch", "onnxscript", "sentence-transformers"} <= needed(names)
            elif word == "RUN":
                command = shlex.split(re.sub(r"--mount=\S+ ", "", rest))
                assert command[0] == "prewarm"
                done = Prewarm(build, hub.url)(*command[1:])
                assert done.code == 0, done.out + done.err
    packages, root, command = tmp_path / "none", tmp_path / "last", []
    for word, rest in last:
        if word == "RUN":
            names = [one for one in shlex.split(rest)[2:] if not one.startswith("-")]
            packages = installed(names, tmp_path / "packages")
            assert not {"torch", "transformers", "hf-prewarm", "safetensors"} & needed(names)
        elif word == "COPY":
            source, target = rest.removeprefix("--from=export ").split()
            shutil.copytree(tmp_path / "first" / source.strip("/"), root / target.strip("/"))
        elif word == "CMD":
            command = json.loads(rest)
    shutil.rmtree(tmp_path / "first")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert command[0] == "python"
    arguments = [str(root / word.strip("/")) if word.startswith("/srv") else word for word in command[1:]]
    arguments[-1] = str(port)
    # -I -S: neither the environment's packages nor this folder.
    code = f"import sys, runpy; sys.path.append({str(packages)!r}); sys.argv = {arguments!r}"
    run = f"{code}; runpy.run_path(sys.argv[0], run_name='__main__')"
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", run], stderr=subprocess.PIPE, text=True)
    try:
        answer = _ask(process, f"http://127.0.0.1:{port}/v1/embeddings", {"input": "ok", "model": "minilm"})
    finally:
        process.kill()
        process.communicate()
    with np.load(served / "expected.npz") as kept:
        assert np.abs(np.array(answer["data"][0]["embedding"]) - kept["vectors"][4]).max() < 1e-5


def _ask(process: subprocess.Popen[str], url: str, body: dict[str, str]) -> dict[str, list[dict[str, list[float]]]]:
    until = time.monotonic() + 60
    while True:
        assert process.poll() is None, process.communicate()
        try:
            with urllib.request.urlopen(url, data=json.dumps(body).encode(), timeout=30) as reply:
                found: dict[str, list[dict[str, list[float]]]] = json.loads(reply.read())
                return found
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_the_example_of_embeddings_shows_what_it_prints(served: Path, tmp_path: Path) -> None:
    text = (EXAMPLES / "embeddings/README.md").read_text(encoding="utf-8")
    block = re.search(r"^prewarm serve (--try.*?)\n```", text, re.MULTILINE | re.DOTALL)
    assert block
    words = shlex.split(block[1].replace("\\\n", " "))
    done = subprocess.run(
        [sys.executable, "-m", "prewarm", "serve", str(served / "models/minilm"), *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    shown = re.search(r"```text\n(.*?)```", text, re.DOTALL)
    assert shown
    numbers = re.compile(r"-?\d\.\d+")
    printed = [float(one) for one in numbers.findall(done.stdout)]
    assert np.allclose(printed, [float(one) for one in numbers.findall(shown[1])], atol=2e-3)
    picture = (EXAMPLES / "embeddings/alike.svg").read_text(encoding="utf-8")
    cells = [float(one) for one in re.findall(r">(-?\d\.\d\d)</text>", picture)]
    assert np.allclose(cells, printed, atol=6e-3)
    drawn = re.findall(r">(-?\d\.\d\d)</text>", (tmp_path / "alike.svg").read_text(encoding="utf-8"))
    assert [float(one) for one in drawn] == pytest.approx(cells, abs=0.011)


@pytest.mark.parametrize("name", ["image", "embeddings"])
def test_the_manifests_of_the_examples_are_valid(name: str) -> None:
    from prewarm.manifest import read

    manifest = read.load(EXAMPLES / name)
    assert manifest.entries[0].name == "minilm"
    assert manifest.entries[0].export is not None
