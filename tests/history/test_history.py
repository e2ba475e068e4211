"""What earlier runs found out: kept row by row, read, compared, shown; and files that are none of ours."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import Prewarm
from prewarm.history import Store, compare, versions_of
from prewarm.history.store import FORM
from prewarm.localhub import Repository
from prewarm.records.errors import HistoryError
from prewarm.records.history import Note, Row, RowKind, Version

Serve = Callable[..., Repository]
A, B = "a" * 40, "b" * 40
KEPT = '[settings]\nhistory = "prewarm.db"\n'


def row(
    kind: RowKind = "proof", commit: str = A, result: str = "proven", entry: str = "org/one", **figures: Any
) -> Row:
    return Row(
        at="2026-11-28T10:00:00+00:00", kind=kind, entry=entry, commit=commit, result=result,
        versions={"torch": "2.13.0"}, machine="Linux", figures=figures,
    )  # fmt: skip


def version(commit: str, *rows: Row) -> Version:
    return Version(entry="org/one", commit=commit, rows=rows)


def test_rows_and_notes_are_read_as_they_were_kept(tmp_path: Path) -> None:
    path = tmp_path / "prewarm.db"
    rows = [row(load_s=0.5), row("try", samples=[{"name": "ä"}]), row(entry="org/two", commit="")]
    with Store(path) as store:
        for one in rows:
            store.add(one)
        store.add_note(Note(at="2026-11-28", entry="org/one", commit=A, text="as trained\n'; drop table row"))
    with Store(path) as store:
        assert store.rows() == rows
        assert [one.figures for one in store.rows()] == [one.figures for one in rows]
        assert store.rows("org/two") == rows[2:]
        assert [note.text for note in store.notes("org/one")] == ["as trained\n'; drop table row"]
        assert store.notes("org/two") == []
    with sqlite3.connect(path) as plain:
        assert plain.execute("pragma journal_mode").fetchone() == ("wal",)
        assert plain.execute("select figures ->> 'load_s' from row limit 1").fetchone() == (0.5,)
    plain.close()


def test_rows_are_there_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "prewarm.db"
    code = (
        "import os, signal, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from pathlib import Path\n"
        "from test_history import Store, row\n"
        f"store = Store(Path({str(path)!r}))\n"
        "for at in range(20):\n"
        "    store.add(row(at=at))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with Store(path) as store:
        assert [one.figures["at"] for one in store.rows()] == list(range(20))


def test_several_runs_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "prewarm.db"
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from prewarm.history import Store\n"
        "from prewarm.records.history import Row\n"
        f"with Store(Path({str(path)!r})) as store:\n"
        "    for at in range(25):\n"
        "        store.add(Row(at='t', kind='proof', entry=sys.argv[1], commit='', result='proven'))\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(at)]) for at in range(4)]
    assert [one.wait(timeout=120) for one in running] == [0] * 4
    with Store(path) as store:
        assert sorted(one.entry for one in store.rows()) == sorted(str(at) for at in range(4) for _ in range(25))


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as file:
        file.execute("create table theirs (id)")
    file.close()


def newer(path: Path) -> None:
    Store(path).close()
    with sqlite3.connect(path) as file:
        file.execute(f"pragma user_version = {FORM + 1}")
    file.close()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_bytes(b"no database, and not empty either" * 100), "is no history, or is damaged"),
        (foreign, "is a database of somebody else"),
        (newer, f"is of form {FORM + 1}, and this prewarm knows {FORM}"),
        (lambda path: path.mkdir(), "cannot be used"),
    ],
)
def test_a_file_that_is_no_history_is_named_and_left_alone(
    prewarm: Prewarm, serve: Serve, make: Callable[[Path], object], said: str
) -> None:
    serve("org/files")
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*"]\n' + KEPT)
    path = prewarm.folder / "prewarm.db"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    result = prewarm("history")
    assert result.code == 1
    assert said in result.err
    assert "try: " in result.err
    assert prewarm().code == 1, "what cannot be kept is said before anything is done"
    assert not (prewarm.folder / "prewarm.lock").exists()
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_what_sqlite_keeps_in_a_column_of_texts_may_be_anything(prewarm: Prewarm) -> None:
    prewarm.manifest('simple = ["org/one"]\n' + KEPT)
    with Store(prewarm.folder / "prewarm.db") as store:
        store.add(row())
        store.add(row("try", score=float("nan")))
        store.add_note(Note(at="2026-11-28", entry="org/one", commit=A, text="a"))
        store.add_note(Note(at="2026-11-28", entry="org/one", commit=A, text="b"))
    with sqlite3.connect(prewarm.folder / "prewarm.db") as file:
        file.execute("update row set commit_id = x'00ff' where id = 1")
        file.execute("update note set text = x'00ff' where id = 1")
    file.close()
    result = prewarm("history", "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out, parse_constant=lambda said: pytest.fail(f"{said} is no JSON"))
    assert [one["text"] for one in found["versions"][0]["notes"]] == ["b"]
    assert "row 1 of" in result.err
    assert prewarm("history").code == 0


def test_a_row_that_is_damaged_is_left_out_and_figures_of_others_are_no_bug(prewarm: Prewarm) -> None:
    prewarm.manifest('simple = ["org/one"]\n' + KEPT)
    odd: list[tuple[RowKind, dict[str, Any]]] = [
        ("load", {"steps": 5, "capacity": "x"}),
        ("load", {"steps": [{"kind": "rate", "value": None, "rate": "a", "latency": {"p95_s": "x"}}]}),
        ("load", {"steps": [{"latency": {}}]}),
        ("audit", {"errors": "abc"}),
        ("proof", {"peak_rss_bytes": float("inf"), "load_s": "a"}),
        ("try", {"samples": 5}),
    ]
    with Store(prewarm.folder / "prewarm.db") as store:
        store.add(row(load_s=0.5))
        for at, (kind, figures) in enumerate(odd):
            store.add(row(kind, f"{at:040x}", **figures))
            store.add(row(kind, B, **figures))
    with sqlite3.connect(prewarm.folder / "prewarm.db") as file:
        file.execute("update row set figures = '{' where id = 1")
        file.execute("update row set kind = 'newer' where id = 2")
    file.close()
    result = prewarm("history", "-o", "report.html")
    assert result.code == 0, result.err
    assert "row 1 of" in result.err
    assert "row 2 of" in result.err
    assert (prewarm.folder / "report.html").exists()
    for at in range(1, len(odd)):
        assert prewarm("history", "--compare", f"{at:040x}", B).code in (0, 1)
    assert prewarm("note", "org/one", "half \udcff", "--commit", B).code == 2


def test_one_that_another_process_holds_is_waited_for_and_named(tmp_path: Path) -> None:
    path = tmp_path / "prewarm.db"
    Store(path).close()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("begin exclusive")
    with Store(path, wait_s=0.1) as store, pytest.raises(HistoryError, match="is locked by another process"):
        store.add(row())
    holder.execute("rollback")
    holder.close()
    with Store(path, wait_s=0.1) as store:
        store.add(row())


def test_nothing_is_kept_unless_it_is_wanted(prewarm: Prewarm, serve: Serve) -> None:
    serve("org/files")
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*"]\n')
    assert prewarm("-q").code == 0
    assert not list(prewarm.folder.glob("*.db*"))
    result = prewarm("history")
    assert result.code == 1
    assert 'history = "prewarm.db"' in result.err
    assert prewarm("note", "org/files", "a").code == 1
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*"]\n' + KEPT)
    assert "there is no history yet" in prewarm("history").err


def test_what_ended_before_a_kill_is_there(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest(
        'simple = ["zoo/text"]\n[[advanced]]\nid = "zoo/custom-code-hangs"\ntrust_remote_code = true\n' + KEPT
    )
    process = subprocess.Popen(
        zoo_prewarm.command(), cwd=zoo_prewarm.folder, env=zoo_prewarm.environ, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    for line in process.stderr:
        if b"zoo/text: proven" in line:
            break
    process.kill()
    process.communicate()
    with Store(zoo_prewarm.folder / "prewarm.db") as store:
        found = store.rows()
    assert [(one.kind, one.entry, one.result) for one in found] == [("proof", "zoo/text", "proven")]
    assert found[0].figures["model"] == "BertModel"
    assert found[0].versions["transformers"]
    assert "processor" in found[0].machine


def test_versions_are_listed_with_notes_compared_and_sent(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest(
        '[[advanced]]\nid = "zoo/text"\nname = "words <b>"\n[[advanced.sample]]\nname = "one"\ntext = "word1"\n' + KEPT
    )
    assert zoo_prewarm("-q").code == 0
    assert zoo_prewarm("-q").code == 0, "nothing is found out, and nothing kept"
    assert zoo_prewarm("try", "-q").code == 0
    assert zoo_prewarm("audit", "--no-advisories", "-q").code == 0
    noted = zoo_prewarm("note", "zoo/text", "slower <script>alert(1)</script>")
    assert noted.code == 0, noted.err
    with Store(zoo_prewarm.folder / "prewarm.db") as store:
        assert [one.kind for one in store.rows()] == ["proof", "try", "audit"]
        commit = store.rows()[0].commit
        steps: list[dict[str, Any]] = [
            {"kind": "concurrency", "value": at, "rate": 50.0, "latency": {"p95_s": 0.1 * at}, "errors": 0.0}
            for at in (1, 2, 4)
        ]
        slower = [{**step, "rate": 25.0, "latency": {"p95_s": 0.3 * step["value"]}} for step in steps]
        store.add(row("load", commit, "held", "words <b>", capacity=50.0, steps=steps))
        store.add(row("try", B, "failed", "words <b>", samples=[{"name": "one", "verdict": "failed", "answer": "no"}]))
        store.add(row("load", B, "held", "words <b>", capacity=25.0, steps=slower))
    assert zoo_prewarm("note", "zoo/text", "of another day", "--commit", "bbbb").code == 0
    shown = zoo_prewarm("history").out
    assert commit[:7] in shown
    assert "slower <script>" in shown
    assert "50.0 answers/s at most, p95 100 ms at 1 at a time" in shown
    worse = zoo_prewarm("history", "zoo/text", "--compare", commit[:8], "bbbb")
    assert worse.code == 1
    assert "worse   sample one" in worse.out
    assert "most answers: 50.0/s → 25.0/s" in worse.out
    assert "p95 at 4 at a time: 0.400 s → 1.200 s" in worse.out
    assert zoo_prewarm("history", "--compare", "bbbb", commit).code == 0, "the other way round it is better"
    document = zoo_prewarm("history", "--json").report
    assert [one["commit"] for one in document["versions"]] == [commit, B]
    assert [note["text"] for note in document["versions"][1]["notes"]] == ["of another day"]

    assert zoo_prewarm("history", "-o", "report.html", "--compare", commit, B).code == 1
    page = (zoo_prewarm.folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<b>" not in page
    assert "slower &lt;script&gt;" in page
    assert page.count("<svg") == 2
    assert page.count(commit[:7]) > 3
    assert not re.search(r'(src|href)="(?!#)', page)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("history", "--compare", "cccc", "aaaa"), 1, "no commit begins with 'cccc'"),
        (("history", "--compare", "", "aaaa"), 1, "no commit begins with ''"),
        (("history", "--compare", "aaaa", "eeee"), 1, "is a commit of org/files, and eeee one of org/other"),
        (("history", "no/such"), 1, "nothing is known of 'no/such'"),
        (("history", "-o", "report.txt"), 2, "ends with .html"),
        (("note", "org/files", " "), 2, "the note is empty"),
        (("note", "no/such", "a"), 2, "no entry is called 'no/such'"),
        (("note", "org/files", "a"), 2, "org/files is not locked"),
        (("note", "org/files", "a", "--commit", "eeee"), 1, "no commit begins with 'eeee'"),
    ],
)
def test_what_is_asked_wrongly_is_named(prewarm: Prewarm, words: tuple[str, ...], code: int, said: str) -> None:
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*"]\n' + KEPT)
    with Store(prewarm.folder / "prewarm.db") as store:
        store.add(row(entry="org/files"))
        store.add(row(entry="org/other", commit="e" * 40))
    result = prewarm(*words)
    assert result.code == code, result.out + result.err
    assert said in result.err
    assert "try: " in result.err


def test_what_got_worse_is_more_than_noise() -> None:
    def found(kind: RowKind, before: dict[str, Any], after: dict[str, Any], **results: str) -> list[tuple[str, str]]:
        old = row(kind, A, results.get("old", "proven"), **before)
        new = row(kind, B, results.get("new", "proven"), **after)
        return [(one.what, one.trend) for one in compare(version(A, old), version(B, new))]

    assert found("proof", {"load_s": 1.0}, {"load_s": 1.1}) == []
    assert found("proof", {"load_s": 1.0}, {"load_s": 1.5}) == [("time to load", "worse")]
    assert found("proof", {"load_s": 0.01}, {"load_s": 0.04}) == [], "a few hundredths of a second"
    assert found("proof", {"peak_rss_bytes": 3e9}, {"peak_rss_bytes": 1e9}) == [("memory to load", "better")]
    assert found("proof", {}, {}, new="failed") == [("proof", "worse")]
    assert found("audit", {"errors": 0}, {"errors": 1}) == [("errors of the audit", "worse")]
    assert found("export", {"difference": 1e-6}, {"difference": 1e-4}) == [("difference from the original", "worse")]
    assert found("load", {"capacity": 10.0}, {"capacity": 5.0}) == [("most answers", "worse")]
    assert found("load", {"capacity": 10.0, "payload": "a"}, {"capacity": 5.0, "payload": "b"}) == [
        ("load (payload)", "not compared")
    ]
    closed, opened = [{"kind": "concurrency", "value": 1}], [{"kind": "rate", "value": 1}]
    assert found("load", {"capacity": 10.0, "steps": closed}, {"capacity": 5.0, "steps": opened}) == [
        ("load (kind)", "not compared")
    ]
    samples = [{"name": "a", "verdict": "passed"}, {"name": "b", "verdict": "failed"}]
    turned = [
        {"name": "a", "verdict": "failed"},
        {"name": "b", "verdict": "passed"},
        {"name": "c", "verdict": "failed"},
    ]
    assert found("try", {"samples": samples}, {"samples": turned}) == [("sample a", "worse"), ("sample b", "better")]
    assert found("try", {"samples": "x"}, {"samples": 3}) == []
    assert compare(version(A), version(B)) == ()
    assert [one.commit for one in versions_of([row(), row(commit=B), row()])] == [A, B]
    assert json.dumps(found("load", {"steps": [{}]}, {"steps": [{}]})) == "[]"
