"""What the README and the pages say is so: commands, manifests, keys, help, figures, files."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from bench import document, plots
from bench.figures import Figures
from pages import DOCS, PAGES, ROOT, blocks, commands, text_of
from tools import reference

from prewarm.cli.main import COMMANDS, cli
from prewarm.manifest import read as manifests
from prewarm.manifest import toml as tomlfile
from prewarm.manifest.settings import resolve

NOT_MANIFESTS = re.compile(r"^\[(project|tool)", re.MULTILINE)


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_what_is_made_from_the_code_is_what_the_code_says(page: Path) -> None:
    assert text_of(page) == reference.filled(text_of(page)), "python -m tools.reference"


@pytest.mark.parametrize(
    ("table", "key"), [(table, key) for table in reference.EXAMPLES for key in reference.EXAMPLES[table]]
)
def test_the_example_of_each_key_is_read(table: str, key: str) -> None:
    given = f"{key} = {reference.EXAMPLES[table][key]}\n"
    advanced = '[[advanced]]\nid = "org/a"\n'
    beside = {
        ("advanced", "id"): given.join(("[[advanced]]\n", "")),
        ("advanced", "model_args"): f'{advanced}model_class = "timm:create_model"\n{given}',
        ("sample", "name"): f'{advanced}[[advanced.sample]]\ntext = "a"\n{given}',
        ("sample", "text_pair"): f'{advanced}[[advanced.sample]]\ntext = "a"\n{given}',
        ("sample", "expect"): f'{advanced}[[advanced.sample]]\ntext = "a"\n{given}',
        ("expect", "nearest"): f'{advanced}[[advanced.sample]]\ntext = "a"\n[advanced.sample.expect]\n{given}'
        '[[advanced.sample]]\nname = "kitten"\ntext = "b"\n',
        ("export", "oracle"): f'{advanced}[advanced.export]\nlayout = "oracle"\n{given}',
    }
    others = [f"{name} = {value}\n" for name, value in reference.EXAMPLES[table].items() if name != key]
    usual = {
        "advanced": f"{advanced}{given}",
        "sample": f"{advanced}[[advanced.sample]]\n{given}",
        "expect": f'{advanced}[[advanced.sample]]\ntext = "a"\n[advanced.sample.expect]\n{given}',
        "export": f"{advanced}[advanced.export]\n{given}",
        "oracle": f'{advanced}[advanced.export]\nlayout = "oracle"\n[advanced.export.oracle]\n{given}{"".join(others)}',
        "application": f"[[application]]\n{given}{''.join(others)}",
        "wrapped": f"[[wrapped]]\n{given}{''.join(others)}",
        "audit": f"{advanced}[audit]\nignore = [{{ {given.strip()}, {', '.join(one.strip() for one in others)} }}]\n",
        "settings": f"{advanced}[settings]\n{given}",
    }
    text = beside.get((table, key), usual[table])
    manifest = manifests.parse(tomlfile.parse(text), path=Path("prewarm.toml"))
    resolve(manifest.settings, {}, {})


def test_every_key_of_every_table_has_an_example_and_no_other() -> None:
    for table, (_, fields) in reference._FIELDS.items():
        assert set(reference.EXAMPLES[table]) == set(fields), table


def test_defaults_in_the_units_of_the_manifest_are_those_of_the_fields() -> None:
    defaults = resolve({}, {}, {})
    for (table, key), said in reference._SAID.items():
        if table == "settings":
            assert resolve({key: said.strip('`"')}, {}, {}) == defaults, key
    application = manifests.parse({"application": [{"command": ["a"]}]}, path=Path("prewarm.toml")).applications[0]
    assert application.timeout_s == 600


@pytest.mark.parametrize(("where", "text"), [pair for pair in blocks("toml") if not NOT_MANIFESTS.search(pair[1])])
def test_every_manifest_in_a_page_is_valid(where: str, text: str) -> None:
    manifest = manifests.parse(tomlfile.parse(text), path=Path("prewarm.toml"))
    resolve(manifest.settings, {}, {})


@pytest.mark.parametrize(("where", "line"), commands())
def test_every_command_in_a_page_is_one(where: str, line: str) -> None:
    """Each option that is named is one of the command's."""
    line = line.partition(" && ")[0]
    words = shlex.split(re.sub(r"\s#.*|[…]|\\$", "", line).replace("[", "").replace("]", ""), posix=True)[1:]
    words = [word for word in words if word not in ("&&", "|", ">", "COMMAND")]
    if not words or words[0].startswith("-"):
        words = ["warm", *words]
    if words[0] not in COMMANDS:
        assert words[0] in ("COMMAND", "KIND") or words[0].isupper(), f"{where}: {line}"
        return
    assert isinstance(cli, click.Group)
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None
    known = {flag for one in command.params for flag in (*one.opts, *one.secondary_opts)} | {"--help", "-h"}
    for word in words[1:]:
        if word in ("--", "&&", "-c"):
            break
        if word.startswith("-") and len(word) > 1:
            assert word.split("=")[0] in known, f"{where}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    text = text_of(page)
    for name in re.findall(r"`((?:examples|tests|bench|docs|tools|\.ci)/[\w./-]+)`", text):
        assert (ROOT / name).exists() or "NAME" in name or "*" in name, f"{page.name}: {name}"
    for name in re.findall(r'--8<-- "([^"]+)"', text):
        assert (ROOT / name).is_file(), f"{page.name}: {name}"


@pytest.mark.parametrize("page", document.PAGES, ids=lambda page: page.name)
def test_figures_are_those_that_were_measured(page: Path) -> None:
    assert text_of(page) == document.filled(text_of(page)), "python -m bench --draw"


@pytest.mark.parametrize("path", sorted(document.FIGURES.glob("*.json")), ids=lambda path: path.stem)
def test_plots_are_drawn_from_what_was_measured(path: Path) -> None:
    for plot in Figures.load(path).plots:
        for theme in plots.THEMES:
            assert plots.mark_of(document.FIGURES / f"{plot.name}-{theme}.svg") == plots.mark(plot), plot.name


def test_every_scenario_has_figures_and_a_place_in_the_document() -> None:
    from bench.scenarios import SCENARIOS

    text = text_of(DOCS / "benchmarks.md")
    assert sorted(re.findall(r"<!-- figures: ([\w-]+) -->", text)) == sorted(SCENARIOS)
    assert {path.stem for path in document.FIGURES.glob("*.json")} == set(SCENARIOS)


def test_the_python_page_has_all_that_is_public() -> None:
    import importlib

    import prewarm

    named = re.findall(r"^::: (prewarm[\w.]+)$", text_of(DOCS / "api.md"), re.MULTILINE)
    for name in named:
        module, _, word = name.rpartition(".")
        assert hasattr(importlib.import_module(module), word), name
    assert set(prewarm.__all__) - {"__version__"} <= {name.rpartition(".")[2] for name in named}


def test_the_life_cycle_has_every_kind_of_failure() -> None:
    from typing import get_args

    from prewarm.records.failure import ErrorKind

    text = text_of(DOCS / "how-it-works.md")
    rows = "".join(re.findall(r"^\| `(?:verify-failed|to-be-retried)` .*$", text, re.MULTILINE))
    assert set(get_args(ErrorKind)) <= set(re.findall(r"`([a-z-]+)`", rows))


def test_messages_begin_with_those_of_an_entry() -> None:
    from prewarm.records.messages import ENTRY_KINDS, MESSAGES

    assert list(MESSAGES)[: len(ENTRY_KINDS)] == list(ENTRY_KINDS)
    assert list(ENTRY_KINDS)[-1] == "internal"
    assert "Those down to `internal` are of an entry" in text_of(DOCS / "messages.md")


def test_the_bounds_of_a_graphs_tokens_are_those_of_the_code() -> None:
    from prewarm.export.inside.limits import ENCODER_MOST, GENERATION_MOST

    row = next(line for line in text_of(DOCS / "manifest.md").splitlines() if line.startswith("| `max_length`"))
    assert f"{ENCODER_MOST:,}" in row
    assert f"{GENERATION_MOST:,}" in row


def test_every_setting_but_the_history_has_a_flag() -> None:
    from prewarm.manifest import settings

    flags = set()
    for name in COMMANDS:
        assert isinstance(cli, click.Group)
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        flags |= {flag for one in command.params for flag in one.opts}
    assert {key for key in reference.EXAMPLES["settings"] if f"--{key.replace('_', '-')}" not in flags} == {"history"}
    assert settings.resolve({}, {"PREWARM_HISTORY": "a.db"}, {}).history == "a.db"


def test_all_figures_are_of_one_version() -> None:
    said = {path.stem: Figures.load(path).about for path in document.FIGURES.glob("*.json")}
    versions = {name: re.findall(r"hf-prewarm ([\d.]+)", about) for name, about in said.items()}
    assert len({found[0] for found in versions.values()}) == 1, versions
