"""What is read out of a repository's code: how each dangerous thing is written, and what only looks like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from prewarm.audit.code import read

DANGEROUS = {
    "code-network": [
        "import socket",
        "from urllib.request import urlopen as u\nu('x')",
        "import urllib.request as r\nr.urlopen('x')",
        "import http.client",
        "import requests\nrequests.get('x')",
        "from huggingface_hub import hf_hub_download",
        "import torch\ntorch.hub.load_state_dict_from_url('x')",
        "import asyncio\nasyncio.open_connection('a', 1)",
        "def f():\n    import aiohttp",
    ],
    "code-process": [
        "import os\nos.system('x')",
        "import os as o\no.popen('x')",
        "from os import system as s\ns('x')",
        "import os\nrun = os.system\nrun('x')",
        "import os\ngetattr(os, 'system')('x')",
        "import os\ngetattr(os, 'sys' 'tem')('x')",
        "import os\nos.execvp('sh', [])",
        "from subprocess import run",
        "import multiprocessing",
        "x = something()\nx.Popen('y')",
    ],
    "code-eval": [
        "eval('1')",
        "exec(text)",
        "f = compile",
        "__import__('os')",
        "import builtins\nbuiltins.exec('x')",
        "import importlib\nimportlib.import_module('x')",
        "from importlib import import_module",
        "import pickle\npickle.loads(b'')",
        "import torch\ntorch.load('x', weights_only=False)",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import ctypes",
        "().__class__.__base__.__subclasses__()",
        "f.__globals__['os']",
        "import os\ngetattr(os, name)('x')",
        "import os\ngetattr(os, 'sys' + 'tem')('x')",
        "globals()['x']",
        "import sys\nsys.modules['x']",
    ],
    "code-write": [
        "open('x', 'w')",
        "open('x', mode='ab')",
        "open('x', mode)",
        "path.open('wb')",
        "path.write_text('x')",
        "import os\nos.remove('x')",
        "from shutil import rmtree",
        "import torch\ntorch.save(x, 'y')",
        "import pathlib\npathlib.Path('x').unlink()",
    ],
}
HARMLESS = [
    "model.eval()",
    "self.compile = True\nmodel = torch.compile(model)",
    "code = tokens.code\ncode.shape",
    "open('x')",
    "path.open()",
    "open('x', 'rb')",
    "import os\nos.path.join('a', os.environ['HOME'])",
    "import torch\ntorch.load('x')\ntorch.load('x', weights_only=True)",
    "import importlib.util\nimportlib.util.find_spec('flash_attn')",
    "import importlib.metadata",
    "from huggingface_hub import PyTorchModelHubMixin",
    "requests = batch.requests\nrequests.append(1)",
    "getattr(self.config, name)",
    "import pickle",
]


@pytest.mark.parametrize(("rule", "source"), [(rule, one) for rule, all_ in DANGEROUS.items() for one in all_])
def test_what_it_can_do_is_named_by_its_kind(rule: str, source: str) -> None:
    assert rule in read(source.encode()).names


@pytest.mark.parametrize("source", HARMLESS)
def test_what_only_looks_like_it_is_not(source: str) -> None:
    assert not read(source.encode()).names


def test_nothing_is_found_in_the_models_of_transformers_themselves() -> None:
    import importlib.util

    spec = importlib.util.find_spec("transformers")
    if spec is None or spec.origin is None:
        pytest.skip("needs transformers")
    found = {}
    models = sorted(Path(spec.origin).parent.glob("models/*/modeling_*.py"))
    assert len(models) > 100
    for path in models:
        if names := read(path.read_bytes()).names:
            found[path.name] = names
    assert not found


def test_what_a_tokenizer_of_transformers_writes_is_named_with_its_line() -> None:
    source = "import os\nclass T:\n    def save_vocabulary(self, folder):\n        with open(folder, 'w') as file:\n            pass\n"
    assert read(source.encode()).names == {"code-write": (("open in mode w", 4),)}


def test_packages_are_those_of_elsewhere() -> None:
    source = "import os, torch.nn as nn\nfrom . import parts\nfrom .parts import x\nfrom einops import rearrange\nimport numpy"
    assert read(source.encode()).packages == ("einops", "numpy", "torch")


@pytest.mark.parametrize(
    "source", [b"def f(:\n", b"\0", b"\xff\xfe", b"(" * 3000, b"x = " + b"-" * 20_000 + b"1", b"#" * 6_000_000]
)
def test_what_cannot_be_read_is_said(source: bytes) -> None:
    assert read(source).broken
