"""``prewarm scan``: what an application's source loads, how it is written down, and what is honestly not decided."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conftest import MINILM, Prewarm
from prewarm.authoring.scan import Scan, read_sources, scan
from prewarm.manifest import toml

SENTENCES = "sentence_transformers:SentenceTransformer"
IMPORTS = """
import os, argparse, config
from dataclasses import dataclass, field
from enum import Enum
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, HfArgumentParser, pipeline
from sentence_transformers import SentenceTransformer, CrossEncoder
"""


def scanned(folder: Path, **files: str) -> Scan:
    """What is found in these files; ``app`` begins with the usual imports."""
    for name, text in files.items():
        path = folder / (name if "." in name else f"{name.replace('__', '/')}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(IMPORTS + text if name == "app" else text, encoding="utf-8")
    return scan(read_sources([folder]))


def ids(found: Scan) -> list[str]:
    return sorted({one.id for one in found.found})


FOLLOWED = {
    "a literal": 'AutoModel.from_pretrained("org/a")',
    "an assignment": 'NAME = "org/a"\nAutoModel.from_pretrained(NAME)',
    "a keyword": 'AutoModel.from_pretrained(pretrained_model_name_or_path="org/a")',
    "a variable's default": 'AutoModel.from_pretrained(os.getenv("M", "org/a"))',
    "environ.get": 'AutoModel.from_pretrained(os.environ.get("M") or "org/a")',
    "an f-string": 'ORG = "org"\nAutoModel.from_pretrained(f"{ORG}/a")',
    "a sum": 'ORG = "org/"\nAutoModel.from_pretrained(ORG + "a")',
    "format": 'AutoModel.from_pretrained("{}/{}".format("org", "a"))',
    "a dictionary": 'M = {"x": "org/a"}\nAutoModel.from_pretrained(M["x"])',
    "get of one": 'M = {"x": "org/a"}\nAutoModel.from_pretrained(M.get(input(), "org/a"))',
    "a list": 'M = ["org/a"]\nfor m in M:\n    AutoModel.from_pretrained(m)',
    "items": 'for k, v in {"x": "org/a"}.items():\n    AutoModel.from_pretrained(v)',
    "a comprehension": '[AutoModel.from_pretrained(m) for m in ["org/a"]]',
    "a default": 'def load(name="org/a"):\n    return AutoModel.from_pretrained(name)',
    "a caller": 'def load(name):\n    return AutoModel.from_pretrained(name)\nload("org/a")',
    "a caller by keyword": 'def load(x, *, name):\n    return AutoModel.from_pretrained(name)\nload(1, name="org/a")',
    "what a function gives": 'def name():\n    return "org/a"\nAutoModel.from_pretrained(name())',
    "a class's attribute": 'class C:\n    M = "org/a"\n    def f(self):\n        AutoModel.from_pretrained(self.M)',
    "self": 'class C:\n    def __init__(self, m="org/a"):\n        self.m = m\n    def f(self):\n        AutoModel.from_pretrained(self.m)',
    "a constructor": 'class C:\n    def __init__(self, m):\n        AutoModel.from_pretrained(m)\nC("org/a")',
    "a dataclass": '@dataclass\nclass S:\n    m: str = "org/a"\ns = S()\nAutoModel.from_pretrained(s.m)',
    "a field": 'class S:\n    m: str = Field(default="org/a")\nAutoModel.from_pretrained(S().m)',
    "a factory": '@dataclass\nclass S:\n    m: str = field(default_factory=lambda: "org/a")\nAutoModel.from_pretrained(S().m)',
    "an object's keyword": '@dataclass\nclass S:\n    m: str = ""\ns = S(m="org/a")\nAutoModel.from_pretrained(s.m)',
    "a property": 'class C:\n    @property\n    def m(self):\n        return "org/a"\n    def f(self):\n        AutoModel.from_pretrained(self.m)',
    "an enumeration": 'class E(Enum):\n    A = "org/a"\nAutoModel.from_pretrained(E.A.value)',
    "argparse": 'p = argparse.ArgumentParser()\np.add_argument("--m", default="org/a")\nargs = p.parse_args()\nAutoModel.from_pretrained(args.m)',
    "click": '@click.command()\n@click.option("--m", default="org/a")\ndef main(m):\n    AutoModel.from_pretrained(m)',
    "a condition": 'AutoModel.from_pretrained("org/a" if x else "org/a")',
    "a widget": 'm = st.selectbox("which", ["org/a"])\nAutoModel.from_pretrained(m)',
    "the walrus": 'if (m := "org/a"):\n    AutoModel.from_pretrained(m)',
    "keywords from a table": 'K = {"model_name_or_path": "org/a"}\nSentenceTransformer(**K)',
    "another name": 'from sentence_transformers import SentenceTransformer as ST\nST("org/a")',
    "a module": 'import transformers as t\nt.AutoModel.from_pretrained("org/a")',
    "a class in a table": 'C = {"x": AutoModel}\nC["x"].from_pretrained("org/a")',
    "a parser of dataclasses": '@dataclass\nclass A:\n    m: str = field(default="org/a")\n(args,) = HfArgumentParser((A,)).parse_args_into_dataclasses()\nAutoModel.from_pretrained(args.m)',
    "an event of Gradio": 'm = gr.Dropdown(choices=["org/a"])\ndef load(x, name):\n    AutoModel.from_pretrained(name)\nb.click(fn=load, inputs=[other, m])',
    "a parameter that becomes a model": 'def load(m="org/a"):\n    m = AutoModel.from_pretrained(m)\n    return m',
    "a name that becomes a model": 'm = "org/a"\nm = AutoModel.from_pretrained(\n    m,\n)',
    "a key that may be any": 'M = {"x": "org/a"}\ndef load(k):\n    AutoModel.from_pretrained(M[k])\nload(input())',
    "a guard": 'K = {"org/a"}\ndef load(m):\n    if m not in K:\n        raise ValueError(m)\n    AutoModel.from_pretrained(m)\nload(input())',
    "an adapter's method": 'model = AutoModel.from_pretrained(input())\nmodel.load_adapter("org/a", adapter_name="x")',
    "an inherited method": 'class B:\n    def load(self, m):\n        AutoModel.from_pretrained(m)\nclass C(B):\n    def run(self):\n        self.load("org/a")',
    "a cached function": '@st.cache_resource\ndef load():\n    return AutoModel.from_pretrained("org/a")',
}  # fmt: skip


@pytest.mark.parametrize("text", FOLLOWED.values(), ids=list(FOLLOWED))
def test_constants_are_followed(tmp_path: Path, text: str) -> None:
    assert ids(scanned(tmp_path, app=text)) == ["org/a"]


@pytest.mark.parametrize(
    ("config", "app"),
    [
        ('M = "org/a"', "AutoModel.from_pretrained(config.M)"),
        ('M = "org/a"', "from config import M as N\nAutoModel.from_pretrained(N)"),
        ('M = "org/a"', "from config import *\nAutoModel.from_pretrained(M)"),
        (
            'class S:\n    m: str = "org/a"\nsettings = S()',
            "from config import settings\nAutoModel.from_pretrained(settings.m)",
        ),
        ('class S:\n    m: str = "org/a"\ndef get():\n    return S()', "AutoModel.from_pretrained(config.get().m)"),
        ("import inner\nM = inner.X", "AutoModel.from_pretrained(config.M)"),
        ("from inner import X", "AutoModel.from_pretrained(config.X)"),
        ('DATA = {"models": {"a": "org/a"}}', 'AutoModel.from_pretrained(config.DATA["models"]["a"])'),
        (
            "import transformers\ndef load(name):\n    return transformers.AutoModel.from_pretrained(name)",
            'config.load("org/a")',
        ),
    ],
)
def test_across_modules(tmp_path: Path, config: str, app: str) -> None:
    assert ids(scanned(tmp_path, config=config, inner='X = "org/a"', app=app)) == ["org/a"]


def test_in_packages_and_by_relative_imports(tmp_path: Path) -> None:
    found = scanned(
        tmp_path,
        **{
            "src/service/__init__.py": "from .settings import MODEL",
            "src/service/settings.py": 'MODEL = "org/a"',
            "src/service/core/loader.py": "from transformers import AutoModel\nfrom ..settings import MODEL\nfrom service import MODEL as M2\nAutoModel.from_pretrained(MODEL)\nAutoModel.from_pretrained(M2)",
        },
    )
    assert [(one.where, one.id) for one in found.found] == [
        ("src/service/core/loader.py:4", "org/a"),
        ("src/service/core/loader.py:5", "org/a"),
    ]


CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ('AutoModelForCausalLM.from_pretrained("org/a", torch_dtype="float16", revision="v1")', "org/a",
     {"model_class": "AutoModelForCausalLM", "dtype": "float16", "revision": "v1"}),
    ('AutoModelForCausalLM.from_pretrained("org/a", trust_remote_code=True, device_map="auto")', "org/a",
     {"model_class": "AutoModelForCausalLM", "trust_remote_code": True}),
    ('AutoTokenizer.from_pretrained("org/a")', "org/a", {"model_class": False}),
    ('pipeline("summarization", model="org/a")', "org/a", {"task": "summarization"}),
    ('pipeline(task="summarization", model="org/a")', "org/a", {"task": "summarization"}),
    ('SentenceTransformer("all-MiniLM-L6-v2")', MINILM, {"model_class": SENTENCES}),
    ('SentenceTransformer("bert-base-uncased")', "bert-base-uncased", {"model_class": SENTENCES}),
    ('CrossEncoder("cross-encoder/x")', "cross-encoder/x", {"model_class": "sentence_transformers:CrossEncoder"}),
    ('from langchain_huggingface import HuggingFaceEmbeddings\nHuggingFaceEmbeddings(model_name="org/a")', "org/a",
     {"model_class": SENTENCES}),
    ("from langchain_community.embeddings import HuggingFaceEmbeddings\nHuggingFaceEmbeddings()",
     "sentence-transformers/all-mpnet-base-v2", {"model_class": SENTENCES}),
    ('from faster_whisper import WhisperModel\nWhisperModel("base", device="cpu")', "Systran/faster-whisper-base",
     {"model_class": "faster_whisper:WhisperModel"}),
    ('from diffusers import DiffusionPipeline\nDiffusionPipeline.from_pretrained("org/a", variant="fp16")', "org/a",
     {"model_class": "diffusers:DiffusionPipeline", "variant": "fp16"}),
    ('from peft import PeftModel\nPeftModel.from_pretrained(base, "org/a")', "org/a", {}),
    ('from peft import PeftModel\nPeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(x), "org/a")', "org/a",
     {"model_class": "AutoModelForCausalLM"}),
    ('import timm\ntimm.create_model("hf_hub:timm/r", pretrained=True)', "timm/r",
     {"model_class": "timm:create_model", "model_args": ["hf_hub:{id}"], "model_kwargs": {"pretrained": True}}),
    ('from huggingface_hub import hf_hub_download\nhf_hub_download("org/a", "x.bin", revision="v1")', "org/a",
     {"revision": "v1", "include": ["x.bin"]}),
    ('from huggingface_hub import snapshot_download\nsnapshot_download("org/a", allow_patterns="*.json")', "org/a",
     {"include": ["*.json"]}),
    ('from datasets import load_dataset\nload_dataset("org/a", split="train")', "org/a",
     {"repo_type": "dataset", "include": ["*"]}),
    ('from vllm import LLM\nLLM(model="org/a")', "org/a", {"model_class": "AutoModelForCausalLM"}),
    ('from fastembed import TextEmbedding\nTextEmbedding("BAAI/x")', "BAAI/x",
     {"model_class": "fastembed:TextEmbedding"}),
    ('from gliner import GLiNER\nGLiNER.from_pretrained("org/a")', "org/a", {"model_class": "gliner:GLiNER"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "repo_id", "keys"), CALLS)
def test_each_call_becomes_its_entry(tmp_path: Path, text: str, repo_id: str, keys: dict[str, Any]) -> None:
    (draft,) = scanned(tmp_path, app=text).drafts
    assert draft.table == {"id": repo_id, **keys}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("AutoModel.from_pretrained(input())", "what input gives"),
        ("def load(m):\n    AutoModel.from_pretrained(m)", "nobody gives a constant"),
        ('AutoModel.from_pretrained(os.environ["M"])', "a variable of the environment"),
        ('AutoModel.from_pretrained(os.getenv("M"))', "has no default"),
        (
            'p = argparse.ArgumentParser()\np.add_argument("--m")\nAutoModel.from_pretrained(p.parse_args().m)',
            "--m of the command",
        ),
        ('AutoModel.from_pretrained("./folder")', "no repository"),
        ("AutoModel.from_pretrained(f\"{'org/a':>9}\")", "it is computed"),
        ('AutoModel.from_pretrained("models/mine")', "looks like a folder"),
        ('AutoModel.from_pretrained(f"{unknown}/a")', "not bound"),
        ("x = x\nAutoModel.from_pretrained(x)", "circle"),
        ('pipeline("summarization")', "a pipeline without a model"),
        ('import timm\ntimm.create_model("resnet50", pretrained=True)', "a name of timm's own"),
    ],
)
def test_what_is_not_decided_has_a_reason_and_no_id(tmp_path: Path, text: str, why: str) -> None:
    found = scanned(tmp_path, app=text)
    assert ids(found) == []
    assert any(why in one.said for one in found.unsure), found.unsure


@pytest.mark.parametrize(
    "text",
    [
        "import whisper\nwhisper.load_model('base')",
        "def pipeline(x, model):\n    pass\npipeline('x', model='org/a')",
        "class SentenceTransformer:\n    pass\nSentenceTransformer('org/a')",
        "from openai import OpenAI\nOpenAI().chat.completions.create(model='openai/gpt-4o')",
        "from datasets import load_dataset\nload_dataset('json', data_files='x')",
        "model = AutoModel\npipeline('x', model=model)",
        "# AutoModel.from_pretrained('org/a')",
        "'''AutoModel.from_pretrained(\"org/a\")'''",
    ],
)
def test_what_only_looks_like_a_load_is_none(tmp_path: Path, text: str) -> None:
    assert ids(scanned(tmp_path, app=text)) == []


def test_the_last_assignment_before_a_use_is_its_value(tmp_path: Path) -> None:
    text = 'm = "org/a"\nAutoModel.from_pretrained(m)\nm = "org/b"\nAutoModel.from_pretrained(m)\nif x:\n    m = "org/c"\nAutoModel.from_pretrained(m)\n'
    found = scanned(tmp_path, app=text)
    lines = len(IMPORTS.splitlines())
    assert [(one.line - lines, one.id) for one in found.found] == [
        (2, "org/a"),
        (4, "org/b"),
        (7, "org/b"),
        (7, "org/c"),
    ]


def test_methods_of_the_same_name_are_told_apart_by_their_class(tmp_path: Path) -> None:
    text = (
        "class A:\n    def load(self, m):\n        AutoModel.from_pretrained(m)\n    def run(self):\n        self.load('org/a')\n"
        "class B:\n    def load(self, m):\n        AutoTokenizer.from_pretrained(m)\n    def run(self):\n        self.load('org/b')\n"
    )
    found = scanned(tmp_path, app=text)
    assert [(one.call, one.id) for one in found.found] == [("AutoModel", "org/a"), ("AutoTokenizer", "org/b")]


def test_modules_of_the_same_name_are_told_apart_by_their_folder(tmp_path: Path) -> None:
    app = "from config import M\nfrom transformers import AutoModel\nAutoModel.from_pretrained(M)\n"
    files = {
        f"{name}/{file}": text
        for name in ("a", "b")
        for file, text in (("config.py", f'M = "org/{name}"'), ("app.py", app))
    }
    found = scanned(tmp_path, **files)
    assert [(one.where, one.id) for one in found.found] == [("a/app.py:3", "org/a"), ("b/app.py:3", "org/b")]


def test_circles_of_imports_classes_and_names_come_to_an_end(tmp_path: Path) -> None:
    found = scanned(
        tmp_path,
        one="from two import *\nfrom two import C\nclass D(C):\n    m = C.m\n",
        two="from one import *\nfrom one import D\nclass C(D):\n    m = D.m\n",
        app="from one import *\nfrom two import *\ndef f(x):\n    return f(f(x))\nAutoModel.from_pretrained(D.m)\n"
        "AutoModel.from_pretrained(f('org/a'))\nAutoModel.from_pretrained(nowhere)\n",
    )
    assert ids(found) == []
    assert len(found.unsure) >= 3


def test_what_follows_an_exception_may_come_by_or_not(tmp_path: Path) -> None:
    text = "try:\n    import x\n    m = 'org/a'\nexcept ImportError:\n    m = 'org/b'\nAutoModel.from_pretrained(m)\n"
    assert ids(scanned(tmp_path, app=text)) == ["org/a", "org/b"]


def test_a_table_of_thousands_is_looked_up_by_its_key_and_not_listed_whole(tmp_path: Path) -> None:
    table = ", ".join(f'"k{number}": "org/m{number}"' for number in range(3000))
    found = scanned(
        tmp_path, app=f"M = {{{table}}}\nAutoModel.from_pretrained(M['k2999'])\nAutoModel.from_pretrained(M[x])\n"
    )
    assert "org/m2999" in ids(found)
    assert len(ids(found)) < 100
    assert any("more than 60 values" in one.said for one in found.unsure)


def test_what_doubles_itself_comes_to_an_end(tmp_path: Path) -> None:
    text = "b = 'x' if q else 'y'\n" + "".join(f"b{n + 1} = b{n} + b{n}\n" for n in range(20)).replace("b0", "b")
    assert ids(scanned(tmp_path, app=f"{text}AutoModel.from_pretrained(b20)\n")) == []


def test_optional_imports_and_what_was_not_read(tmp_path: Path) -> None:
    found = scanned(
        tmp_path,
        app="try:\n    from sentence_transformers import SentenceTransformer as ST\nexcept ImportError:\n    ST = None\n"
        "ST('org/st')\nfrom settings_elsewhere import K\nAutoModel.from_pretrained(K)\n",
    )
    assert ids(found) == ["org/st"]
    assert any("settings_elsewhere.K is of a module that was not read" in one.said for one in found.unsure)


def test_what_lies_too_deep_is_left_out_and_the_rest_is_read(tmp_path: Path) -> None:
    deep = "if x == 0:\n    m = 'a'\n" + "".join(f"elif x == {n}:\n    m = 'org/e{n}'\n" for n in range(600))
    found = scanned(
        tmp_path,
        deep=f"from transformers import AutoModel\n{deep}AutoModel.from_pretrained(m)\n",
        line="class C0:\n    pass\n"
        + "".join(f"class C{n + 1}(C{n}):\n    pass\n" for n in range(1500))
        + "from transformers import AutoModel\nAutoModel.from_pretrained(C1500.n)\n",
        app='AutoModel.from_pretrained("org/a")\n',
    )
    assert "org/a" in ids(found)
    assert any(one.where == "deep.py" for one in found.broken)


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    found = scanned(tmp_path, app='AutoModel.from_pretrained("org/a")\n')
    assert ids(found) == ["org/a"]
    assert {one.where for one in found.broken} == {"pipe.py", "zero.py"}


def test_cells_of_a_notebook_that_are_odd(tmp_path: Path) -> None:
    sources = [
        "from transformers import AutoModel",
        "files = !ls\nx = %env HOME\nAutoModel.from_pretrained('org/a')",
        "%time AutoModel.from_pretrained('org/timed')",
        "%%bash\nhf download org/bash x.bin",
        "this is no python",
    ]
    cells = [{"cell_type": "code", "source": source} for source in sources]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    found = scanned(tmp_path)
    assert ids(found) == ["org/a", "org/bash", "org/timed"]
    assert [one.where for one in found.broken] == ["a.ipynb:cell 5"]


def test_notebooks_dockerfiles_scripts_and_configuration(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": "AutoModel.from_pretrained('org/text')"},
        {"cell_type": "code", "source": ["!hf download org/shell x.bin\n", "%pip install x\n", "M = 'org/cell'\n"]},
        {"cell_type": "code", "source": "%%bash\nthis is no python ("},
        {"cell_type": "code", "source": "from transformers import AutoModel\nAutoModel.from_pretrained(M)"},
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "Dockerfile").write_text("FROM x\nRUN huggingface-cli download org/docker --revision v1\n")
    (tmp_path / "run.sh").write_text("vllm serve org/served --port 1\n")
    (tmp_path / "conf.yaml").write_text("embedding_model: org/configured\nimage: org/image\n")
    found = scanned(tmp_path)
    assert {(one.where, one.id) for one in found.found} == {
        ("a.ipynb:1", "org/shell"),
        ("a.ipynb:cell 4:2", "org/cell"),
        ("Dockerfile:2", "org/docker"),
        ("run.sh:1", "org/served"),
    }
    (unsure,) = [one for one in found.unsure if "conf.yaml" in one.where]
    assert "org/configured, and nothing here says what loads it" in unsure.said


def test_environments_and_hidden_folders_are_left_out(tmp_path: Path) -> None:
    text = 'from transformers import AutoModel\nAutoModel.from_pretrained("org/a")'
    for folder in (".venv/lib", "node_modules", "mine/lib", "__pycache__"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.py").write_text(text)
    (tmp_path / "mine" / "pyvenv.cfg").write_text("home = x\n")
    assert ids(scanned(tmp_path, plain='print("x")')) == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("bad.py", b"def f(:\n", "line 1: invalid syntax"),
        ("bad.py", b"x = '\xff'\n", "line"),
        ("bad.ipynb", b"{", "no notebook"),
        ("bad.ipynb", b'{"cells": 3}', "no notebook"),
        ("deep.py", b"x = " + b"(" * 5000 + b")" * 5000, ""),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_read(
    prewarm: Prewarm, name: str, content: bytes, said: str
) -> None:
    (prewarm.folder / name).write_bytes(content)
    (prewarm.folder / "app.py").write_text('from transformers import AutoModel\nAutoModel.from_pretrained("org/a")\n')
    done = prewarm("scan", ".", "--check")
    assert done.code == 1
    assert f"{name}: cannot be read, and was left out: " in done.err
    assert said in done.err
    assert "app.py:2: AutoModel loads org/a, which prewarm.toml does not have" in done.out
    assert "Traceback" not in done.err


def test_a_file_of_a_hundred_thousand_lines(tmp_path: Path) -> None:
    text = "".join(f"v{number} = {number}\n" for number in range(100_000))
    found = scanned(tmp_path, large=f'{text}from transformers import AutoModel\nAutoModel.from_pretrained("org/a")\n')
    assert [one.line for one in found.found] == [100_002]


def test_from_source_to_a_green_run(zoo_prewarm: Prewarm) -> None:
    (zoo_prewarm.folder / "config.py").write_text(f'EMBED = "{MINILM}"\n')
    (zoo_prewarm.folder / "app.py").write_text(
        "import config\nfrom sentence_transformers import SentenceTransformer\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n"
        'SentenceTransformer(config.EMBED)\nAutoTokenizer.from_pretrained("zoo/chat")\n'
        'AutoModelForCausalLM.from_pretrained("zoo/chat")\nprint("it runs")\n'
    )
    assert zoo_prewarm("scan", ".", "--check").code == 1
    assert zoo_prewarm("scan", ".", "--write").code == 0
    done = zoo_prewarm("run", "--", "python", "app.py")
    assert done.code == 0, done.err
    assert "it runs" in done.out
    assert zoo_prewarm("scan", ".", "--check").code == 0
    again = zoo_prewarm("scan", ".", "--write")
    assert "the manifest has all of it" in again.out


def test_check_says_it_as_linters_do_and_a_comment_silences_a_line(prewarm: Prewarm) -> None:
    app = prewarm.folder / "app.py"
    app.write_text('from transformers import AutoModel\nAutoModel.from_pretrained("org/a")  # prewarm: ignore\n')
    assert prewarm("scan", ".", "--check").code == 0
    app.write_text(app.read_text() + 'AutoModel.from_pretrained("org/b")\n')
    done = prewarm("scan", "app.py", "--check")
    assert (done.code, done.out) == (1, "app.py:3: AutoModel loads org/b, which prewarm.toml does not have\n")
    assert "try: prewarm scan . --write" in done.err
    assert toml.parse(prewarm("scan", ".").out) == {"simple": ["org/b"]}, "what it prints is a manifest"
    assert prewarm("scan", "nothing").code == 2


def test_the_hooks_for_pre_commit_are_commands_that_there_are(prewarm: Prewarm) -> None:
    text = (Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text()
    entries = [line.partition(":")[2].split() for line in text.splitlines() if line.strip().startswith("entry:")]
    assert [words[0] for words in entries] == ["prewarm", "prewarm"]
    assert text.count("language: system") == 2
    (prewarm.folder / "app.py").write_text('from transformers import AutoModel\nAutoModel.from_pretrained("org/a")\n')
    done = subprocess.run(
        prewarm.command(*entries[0][1:], "."), cwd=prewarm.folder, env=prewarm.environ, capture_output=True, check=False
    )
    assert done.returncode == 1
