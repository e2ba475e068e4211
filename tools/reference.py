"""Makes the references of the documents from the code, so that they cannot drift: ``python -m tools.reference``.

Between ``<!-- reference: NAME -->`` and ``<!-- end -->`` stands what is made; between ``<!-- file: PATH -->`` and the
same, a file of the repository. A key's type and default are those of the field that it becomes, its meaning is the text
below that field, and its example is one of those below, each of which a test reads as a manifest.
"""

from __future__ import annotations

import ast
import collections.abc
import dataclasses
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

import click

from prewarm.cli.main import GROUPS, cli
from prewarm.manifest import application, audit, export, read, sample, settings, wrapped
from prewarm.records.entry import Application, Entry, Ignored, Wrapped
from prewarm.records.export import Export, OracleEnvironment
from prewarm.records.messages import MESSAGES
from prewarm.records.sample import Expectation, Sample
from tools import places

DOCS = Path(__file__).parents[1] / "docs"
_LANGUAGES = {
    ".py": "python", ".toml": "toml", ".yml": "yaml", ".yaml": "yaml", ".sh": "sh", ".service": "ini", ".md": "yaml",
    ".txt": "text", "": "dockerfile",
}  # fmt: skip
COLUMNS = 80

EXAMPLES: Mapping[str, Mapping[str, str]] = {
    "advanced": {
        "id": '"google/flan-t5-small"',
        "revision": '"v1.0"',
        "model_class": '"AutoModelForCausalLM"',
        "processor_class": '"AutoTokenizer"',
        "task": '"text-to-speech"',
        "model_args": '["hf_hub:{id}"]',
        "trust_remote_code": "true",
        "code_revision": '"b5f2f2ed"',
        "required": "false",
        "name": '"summaries"',
        "description": '"for the front page"',
        "subfolder": '"onnx"',
        "variant": '"fp16"',
        "dtype": '"bfloat16"',
        "use_safetensors": "true",
        "model_kwargs": '{ attn_implementation = "eager" }',
        "processor_kwargs": "{ use_fast = true }",
        "include": '["*q4_k_m.gguf"]',
        "exclude": '["original/*"]',
        "repo_type": '"dataset"',
        "unsafe_files": '["head.pkl"]',
        "unsafe": "true",
        "proof": '"files"',
        "export": '{ format = "onnx" }',
        "sample": '[{ text = "Good morning" }]',
        "generation": "{ max_new_tokens = 20 }",
        "seed": "7",
    },
    "sample": {
        "name": '"greeting"',
        "text": '"Good morning"',
        "text_pair": '"It is morning"',
        "chat": '["Who are you?", "Since when?"]',
        "image": '"tests/cat.jpg"',
        "audio": '"tests/hello.wav"',
        "input": '{ text = "a", top_k = 3 }',
        "expect": '{ contains = ["morning"] }',
    },
    "expect": {
        "contains": '["morning"]',
        "equals": '["Guten Morgen"]',
        "label": '"POSITIVE"',
        "min_score": "0.9",
        "nearest": '"kitten"',
        "min_cosine": "0.99",
        "max_difference": "0.001",
    },
    "export": {
        "format": '"files"',
        "task": '"feature-extraction"',
        "output_dir": '"models/minilm"',
        "max_length": "256",
        "opset": "17",
        "dtype": '"int8"',
        "check_files": '["vocab.txt"]',
        "layout": '"plain"',
        "oracle": '{ environment_path = "oci://b@n/env", slug = "env", type = "published", python = "3.12" }',
    },
    "oracle": {
        "environment_path": '"oci://bucket@namespace/env"',
        "slug": '"onnx_env_v1"',
        "type": '"published"',
        "python": '"3.12"',
    },
    "application": {
        "name": '"app"',
        "command": '["python", "-c", "import app; app.load()"]',
        "cwd": '"service"',
        "timeout": '"15m"',
        "required": "false",
        "sources": '["app.py", "src/**/*.py"]',
    },
    "wrapped": {
        "path": '"models/toxicity"',
        "name": '"toxicity"',
        "sample": '{ text = "some text" }',
        "required": "false",
    },
    "audit": {
        "id": '"CVE-2025-27516"',
        "reason": '"no template is rendered"',
        "until": "2027-06-30",
    },
    "settings": {
        "proof": '"files"',
        "workers": "16",
        "transfer": '"xet"',
        "max_wait": '"1h"',
        "proof_timeout": '"30m"',
        "min_speed": '"100 B/s over 60 s"',
        "lock_wait": '"2h"',
        "discovery_max_repos": "20",
        "discovery_max_bytes": '"20 GB"',
        "confinement": '"required"',
        "worker_memory": '"16 GB"',
        "models_dir": '"artifacts"',
        "history": '"prewarm.db"',
        "min_similarity": "0.99",
    },
}
"""For each key of each table a value, as TOML."""

_FIELDS: Mapping[str, tuple[type, Mapping[str, str]]] = {
    "advanced": (Entry, {key: "samples" if key == "sample" else key for key in read._KEYS}),
    "sample": (Sample, {key: key for key in sample._KEYS}),
    "expect": (Expectation, {key: key for key in sample._EXPECTATIONS}),
    "export": (Export, {key: key for key in export._KEYS}),
    "oracle": (OracleEnvironment, {key: key for key in export._ORACLE_KEYS}),
    "application": (Application, {key: field for key, (field, _) in application._KEYS.items()}),
    "wrapped": (Wrapped, {key: key for key in wrapped._KEYS}),
    "audit": (Ignored, {key: key for key in audit._KEYS}),
    "settings": (settings.Settings, {key: field for key, (field, _) in settings._KEYS.items()}),
}
"""For each table the record that it becomes, and the field of each key."""
_REQUIRED = {("wrapped", "path"), ("wrapped", "sample"), ("application", "command")}
_UNITS: Mapping[Callable[..., Any], str] = {
    settings.duration_s: 'duration: `90`, `"90s"`, `"15m"`, `"2h"`',
    settings.speed: 'speed: `"1 kB/s over 60 s"`',
    settings.size_bytes: 'size: `2000`, `"1.5 GB"`',
    settings._memory: 'size: `"1.5 GB"`',
}
_SAID = {
    ("settings", "max_wait"): '`"15m"`',
    ("settings", "proof_timeout"): '`"10m"`',
    ("settings", "min_speed"): '`"1 kB/s over 60 s"`',
    ("settings", "lock_wait"): '`"30m"`',
    ("settings", "discovery_max_bytes"): '`"200 GB"`',
    ("application", "timeout"): '`"10m"`',
    ("application", "cwd"): "the manifest's folder",
}
"""Defaults, in the units of the manifest; a test reads each as what the field has."""


def main() -> int:
    """Write every page anew."""
    for page in sorted(DOCS.rglob("*.md")):
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def filled(text: str) -> str:
    """A page with what is made from the code."""
    return places.filled(text, {"reference": made, "file": file})


def file(name: str) -> str:
    """A file as a block of code."""
    path = DOCS.parent / name
    return f"\n```{_LANGUAGES[path.suffix]}\n{path.read_text(encoding='utf-8').rstrip()}\n```\n\n"


def made(name: str) -> str:
    """One part of a page."""
    said = {"commands": commands, "messages": messages}.get(name, lambda: keys(name))()
    return f"\n{said}\n"


def keys(table: str) -> str:
    """The keys of a table of the manifest."""
    record, fields = _FIELDS[table]
    meanings = texts_of(record)
    hints = typing.get_type_hints(record)
    by_name = {field.name: field for field in dataclasses.fields(record)}
    is_setting = table == "settings"
    lines = ["| key | type | default | example | meaning |", "| --- | --- | --- | --- | --- |"]
    for key, name in fields.items():
        kind = (
            type_of(key, hints[name])
            if not is_setting
            else _UNITS.get(settings._KEYS[key][1], type_of(key, hints[name]))
        )
        if (table, key) == ("application", "timeout"):
            kind = _UNITS[settings.duration_s]
        meaning = meanings.get(name, "")
        said, _, otherwise = meaning.partition("None: ")
        default = _SAID.get((table, key)) or default_of(by_name[name], otherwise.rstrip("."))
        if (table, key) in _REQUIRED:
            default = "required"
        lines.append(
            f"| `{key}` | {kind} | {default} | `{EXAMPLES[table][key]}` | {said.strip().rstrip(';').rstrip('.')} |"
        )
    return "\n".join(lines) + "\n"


def default_of(field: dataclasses.Field[Any], otherwise: str) -> str:
    """What holds where the key is left out."""
    if field.default is dataclasses.MISSING:
        if field.default_factory is not dataclasses.MISSING:
            return "`{}`"
        return otherwise or "required"
    if field.default is None:
        return otherwise or "none"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    if isinstance(field.default, str):
        return f'`"{field.default}"`' if field.default else "none"
    if isinstance(field.default, tuple):
        return "`[]`"
    return f"`{field.default}`"


def type_of(key: str, hint: Any) -> str:
    """A type in the words of TOML."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(type_of(key, one) for one in args if one is not type(None)))
    if origin is Literal:
        return " or ".join("`false`" if one is False else f'`"{one}"`' for one in args)
    if origin is tuple:
        inner = type_of(key, args[0])
        return f"list of {inner}s" if inner != "table" else "tables"
    simple: Mapping[Any, str] = {
        str: "string", bool: "boolean", int: "integer", float: "number", Path: "path", date: "date", Any: "value",
    }  # fmt: skip
    if hint in simple:
        return simple[hint]
    if origin is collections.abc.Mapping or dataclasses.is_dataclass(hint):
        return "table"
    raise TypeError(f"{key}: {hint}")


def texts_of(record: type) -> dict[str, str]:
    """The text below each field, as Markdown in one line."""
    tree = ast.parse(inspect.getsource(record)).body[0]
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for field, below in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            said = ast.literal_eval(below.value)
            found[field.target.id] = re.sub(r"\s+", " ", said).replace("``", "`").replace("|", "\\|")
    return found


def commands() -> str:
    """The help of every command, as it is printed."""
    found = []
    for group, members in GROUPS.items():
        found.append(f"## {group}\n")
        found += [f"### `prewarm {name}`\n\n```text\n{help_of(name)}\n```\n" for name in members]
    return "\n".join(found)


def help_of(name: str) -> str:
    """As ``prewarm NAME --help`` prints it in a terminal of 80 columns."""
    assert isinstance(cli, click.Group)
    outer = click.Context(cli, info_name="prewarm", max_content_width=COLUMNS, terminal_width=COLUMNS)
    command = cli.get_command(outer, name)
    assert command is not None
    with click.Context(
        command, info_name=name, parent=outer, max_content_width=COLUMNS, terminal_width=COLUMNS
    ) as inner:
        return str(command.get_help(inner))


def messages() -> str:
    """Every kind of error."""
    found: list[str] = []
    for kind, message in MESSAGES.items():
        found.append(f"## `{kind}`\n\n{message.means}\n")
        found += ["| cause | what helps |", "| --- | --- |"]
        found += [f"| {cause} | {cure} |" for cause, cure in message.causes]
        found.append(f"\n{message.goes_on}\n")
    return "\n".join(found)


if __name__ == "__main__":
    sys.exit(main())
