"""``prewarm try`` as it is used: samples of every kind offline, recorded answers, other commits, sets, prompt items."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import MINILM, TESTS, Prewarm, Result
from prewarm.localhub import LocalHub, Repository

Serve = Callable[..., Repository]
pytestmark = pytest.mark.timeout(900)
KEPT = '[settings]\nhistory = "prewarm.db"\n'
EMBEDDINGS = f"""
[[advanced]]
id = "{MINILM}"
name = "minilm"
model_class = "sentence_transformers:SentenceTransformer"

[[advanced.sample]]
name = "cat"
text = "A cat sits on the mat."
expect = {{ nearest = "kitten", min_cosine = 0.5 }}

[[advanced.sample]]
name = "kitten"
text = "A kitten rests on the rug."

[[advanced.sample]]
name = "rates"
text = "Interest rates rose again."
"""
CHAT = """
[[advanced]]
id = "zoo/chat"
model_class = "AutoModelForCausalLM"
processor_class = "AutoTokenizer"
generation = { max_new_tokens = 6 }

[[advanced.sample]]
name = "talk"
chat = ["word1 word2", "word3"]
expect = { contains = ["word"] }
"""
SEEN = """
[[advanced]]
id = "zoo/image"

[[advanced.sample]]
name = "picture"
image = "pictures/cat.png"
"""
HEARD = """
[[advanced]]
id = "zoo/speech"

[[advanced.sample]]
name = "sound"
audio = "tone.flac"
"""


def media(folder: Path) -> None:
    import numpy as np
    import soundfile
    from PIL import Image

    (folder / "pictures").mkdir()
    Image.linear_gradient("L").resize((40, 30)).save(folder / "pictures" / "cat.png")
    wave = 0.2 * np.sin(np.arange(22_050) * 0.1)
    soundfile.write(folder / "tone.flac", np.stack([wave, wave], axis=1).astype("float32"), 22_050)


def samples(result: Result, at: int = 0) -> dict[str, dict[str, Any]]:
    found = result.report["entries"][at]["samples"]
    return {one["name"]: one for one in found}


def commit_of(prewarm: Prewarm, repo_id: str) -> str:
    folder = prewarm.cache / f"models--{repo_id.replace('/', '--')}"
    return (folder / "refs" / "main").read_text()


def other_weights(folder: Path, *, scale: float = 2.0, seed: int = 1) -> bytes:
    """The weights of a repository's folder, each with something added."""
    import numpy as np
    from safetensors.numpy import load_file, save

    made = np.random.default_rng(seed)
    weights = load_file(folder / "model.safetensors")
    return bytes(
        save(
            {k: (v + scale * made.standard_normal(v.shape)).astype(v.dtype) for k, v in weights.items()},
            {"format": "pt"},
        )
    )


def commit(repository: Repository, zoo: Path, **files: bytes) -> None:
    """Commit the model's files once more, some with another content."""
    folder = zoo / "zoo" / "text"
    same: dict[str, Path | bytes] = {
        str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()
    }
    repository.commit({**same, **{name.replace("__", "."): content for name, content in files.items()}})


@pytest.fixture
def text_repo(zoo: Path, hub: LocalHub) -> Repository:
    """A model whose owner is going to change it."""
    repository = Repository(repo_id="org/model")
    repository.commit_folder(zoo / "zoo" / "text")
    return hub.add(repository)


def test_samples_of_every_kind_are_answered_offline_and_told_of(zoo_prewarm: Prewarm, zoo_hub: LocalHub) -> None:
    zoo_prewarm.manifest(EMBEDDINGS + CHAT + SEEN + HEARD)
    media(zoo_prewarm.folder)
    assert zoo_prewarm("-q", "--proof", "files").code == 0
    nobody = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    result = zoo_prewarm("try", "--json", env=nobody)
    assert result.code == 0, result.out + result.err
    assert result.report["totals"] == {"passed": 2, "failed": 0, "new": 4}
    cat = samples(result)["cat"]
    assert cat["answer"]["kind"] == "vector"
    assert len(cat["answer"]["vector"]) == 384
    assert cat["nearest"][0] == "kitten"
    assert cat["nearest"][1] > 0.5
    talk = samples(result, 1)["talk"]["answer"]
    assert len(talk["texts"]) == len(talk["confidence"]) == 2
    assert all(0 < confidence < 1 for confidence in talk["confidence"])
    assert len(samples(result, 2)["picture"]["answer"]["vector"]) == 32
    assert len(samples(result, 3)["sound"]["answer"]["vector"]) == 32
    assert all(entry["peak_rss_bytes"] > 1e8 for entry in result.report["entries"])
    shown = zoo_prewarm("try", env=nobody).out
    assert "nearest: kitten" in shown
    assert "word1 word2 / word3" in shown
    assert "confidence 0." in shown
    assert "4 with nothing to compare with" in shown
    assert "try: prewarm try --record" in shown
    # As it was: a text, a conversation, a picture, a sound, and embeddings.
    assert zoo_prewarm("try", "--record", "-q", env=nobody).code == 0
    again = zoo_prewarm("try", "--json", env=nobody)
    assert again.report["totals"] == {"passed": 6, "failed": 0, "new": 0}


def test_recorded_answers_are_compared_and_another_commit_is_caught(
    prewarm: Prewarm, hub: LocalHub, text_repo: Repository, zoo: Path
) -> None:
    prewarm.manifest('[[advanced]]\nid = "org/model"\n[[advanced.sample]]\nname = "words"\ntext = "word1 word2"\n')
    assert prewarm("-q", "--proof", "files").code == 0
    first = commit_of(prewarm, "org/model")
    recorded = prewarm("try", "--record")
    assert recorded.code == 0
    assert "1 recorded" in recorded.out
    stored = (prewarm.folder / "prewarm.samples.toml").read_text()
    assert first in stored
    assert "torch" in stored
    again = prewarm("try", "--json")
    assert again.report["totals"] == {"passed": 1, "failed": 0, "new": 0}
    assert (prewarm.folder / "prewarm.samples.toml").read_text() == stored, "without --record nothing is written"

    commit(text_repo, zoo, model__safetensors=other_weights(zoo / "zoo" / "text"))
    assert prewarm("lock", "--upgrade").code == 0
    assert prewarm("-q", "--proof", "files").code == 0
    caught = prewarm("try")
    assert caught.code == 1
    assert f"its cosine with the vector at {first[:7]} is" in caught.out
    assert prewarm("try", "--record").code == 0
    assert prewarm("try").code == 0


def test_an_answer_is_not_compared_with_that_to_another_input(prewarm: Prewarm, text_repo: Repository) -> None:
    entry = '[[advanced]]\nid = "org/model"\n[[advanced.sample]]\nname = "words"\ntext = "{}"\n'
    prewarm.manifest(entry.format("word1"))
    assert prewarm("-q", "--proof", "files").code == 0
    assert prewarm("try", "--record", "-q").code == 0
    prewarm.manifest(entry.format("word2"))
    result = prewarm("try", "--json")
    assert result.code == 1, "what was recorded says nothing of it"
    assert samples(result)["words"]["verdict"] == "failed"
    assert "it was recorded for another input" in samples(result)["words"]["reasons"][0]


def test_an_upgrade_is_shown_answer_by_answer_before_the_lock_is_written(
    prewarm: Prewarm, hub: LocalHub, text_repo: Repository, zoo: Path
) -> None:
    prewarm.manifest(
        '[[advanced]]\nid = "org/model"\n[[advanced.sample]]\nname = "near"\ntext = "word1 word2"\n'
        '[[advanced.sample]]\nname = "other"\ntext = "word1 word3"\nexpect = { nearest = "near" }\n'
    )
    assert prewarm("-q", "--proof", "files").code == 0
    assert prewarm("try", "--record", "-q").code == 0
    first = commit_of(prewarm, "org/model")
    lock = (prewarm.folder / "prewarm.lock").read_text()

    commit(text_repo, zoo, notes__txt=b"nothing that is loaded")
    same = prewarm("lock", "--upgrade", "--try")
    assert same.code == 0, same.out + same.err
    assert "2 of 2 answers as at" in same.out
    assert same.out.index("answers as at") < same.out.index("prewarm.lock is written")
    now = (prewarm.folder / "prewarm.lock").read_text()
    assert now != lock
    assert first not in now
    assert commit_of(prewarm, "org/model") == first, "no ref is moved by looking"
    stale = prewarm("try", "--json")
    assert stale.code == 1, "what would be loaded is not what is locked"
    assert "main" in stale.report["entries"][0]["error"]["message"]
    assert stale.report["entries"][0]["error"]["hint"] == "prewarm"

    assert prewarm("-q", "--proof", "files").code == 0
    lock = (prewarm.folder / "prewarm.lock").read_text()
    commit(text_repo, zoo, model__safetensors=other_weights(zoo / "zoo" / "text"))
    worse = prewarm("lock", "--upgrade", "--try")
    assert worse.code == 1, worse.out + worse.err
    assert "worse    near" in worse.out
    assert "changed  other" in worse.out
    assert "prewarm.lock is as it was" in worse.out
    assert (prewarm.folder / "prewarm.lock").read_text() == lock
    told = prewarm("lock", "--upgrade", "--try", "--json")
    tried = told.report["tried"][0]
    assert [one["worse"] for one in tried["samples"]] == [True, False]
    assert [one["same"] for one in tried["samples"]] == [False, False]
    assert prewarm("lock", "--upgrade").code == 0, "who has looked may take it"
    assert (prewarm.folder / "prewarm.lock").read_text() != lock


def test_a_commit_that_does_not_load_is_not_taken(prewarm: Prewarm, text_repo: Repository, zoo: Path) -> None:
    prewarm.manifest('[[advanced]]\nid = "org/model"\n[[advanced.sample]]\ntext = "word1"\n')
    assert prewarm("-q", "--proof", "files").code == 0
    lock = (prewarm.folder / "prewarm.lock").read_text()
    commit(text_repo, zoo, model__safetensors=b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ")
    result = prewarm("lock", "--upgrade", "--try")
    assert result.code == 1
    assert "it cannot be asked" in result.out
    assert (prewarm.folder / "prewarm.lock").read_text() == lock


def test_verify_tries_the_samples_as_well(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest(CHAT.replace('["word"]', '["no such word"]'))
    assert zoo_prewarm("-q", "--proof", "files").code == 0
    assert zoo_prewarm("verify", "-q").code == 0
    result = zoo_prewarm("verify", "--try", "--json")
    assert result.code == 1
    assert result.report["command"] == "verify"
    assert result.report["ok"] is False
    assert result.report["entries"][0]["status"] == "proven"
    assert result.report["tried"]["entries"][0]["samples"][0]["verdict"] == "failed"
    text = zoo_prewarm("verify", "--try").out
    assert "it does not contain 'no such word'" in text
    zoo_prewarm.manifest('simple = ["zoo/text"]')
    nothing = zoo_prewarm("verify", "--try")
    assert nothing.code == 2
    assert "no entry of prewarm.toml has a sample" in nothing.err


def test_what_is_wrong_with_a_sample_is_said_of_that_sample(zoo_prewarm: Prewarm) -> None:
    media(zoo_prewarm.folder)
    (zoo_prewarm.folder / "no.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    (zoo_prewarm.folder / "no.wav").write_bytes(b"RIFF")
    wrong = '[[advanced.sample]]\nname = "{}"\nimage = "{}"\n'
    seen = SEEN + wrong.format("lost", "lost.png") + wrong.format("none", "no.png") + wrong.format("folder", "pictures")
    heard = HEARD + '[[advanced.sample]]\nname = "none"\naudio = "no.wav"\n'
    zoo_prewarm.manifest(seen + heard + CHAT + '[[advanced.sample]]\nname = "seen"\nimage = "pictures/cat.png"\n')
    assert zoo_prewarm("-q", "--proof", "files").code == 0
    result = zoo_prewarm("try", "--json")
    assert result.code == 1
    found = samples(result)
    assert found["picture"]["verdict"] == "new"
    assert found["lost"]["reasons"] == ["there is no file lost.png"]
    assert found["folder"]["reasons"] == ["there is no file pictures"]
    assert "no.png is no image that pillow reads" in found["none"]["reasons"][0]
    assert "no.wav is no sound that soundfile reads" in samples(result, 1)["none"]["reasons"][0]
    assert samples(result, 1)["sound"]["verdict"] == "new"
    assert "takes no image" in samples(result, 2)["seen"]["reasons"][0]
    assert samples(result, 2)["talk"]["verdict"] == "passed"


def test_an_entry_that_is_not_there_fails_alone(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest(CHAT + '[[advanced]]\nid = "zoo/text"\n[[advanced.sample]]\ntext = "word1"\n')
    assert zoo_prewarm("-q", "--proof", "files", "--only", "zoo/chat").code == 0
    result = zoo_prewarm("try", "--json")
    assert result.code == 1
    assert samples(result)["talk"]["verdict"] == "passed"
    error = result.report["entries"][1]["error"]
    assert error["kind"] == "not-found"
    assert error["hint"] == "prewarm"


def test_a_simple_entry_is_asked_what_suits_it(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest('simple = ["zoo/text", "zoo/image", "zoo/speech"]')
    assert zoo_prewarm("-q", "--proof", "files").code == 0
    result = zoo_prewarm("try", "zoo/text", "zoo/image", "zoo/speech", "--json")
    assert result.code == 0, result.out + result.err
    assert [one["samples"][0]["answer"]["kind"] for one in result.report["entries"]] == ["vector"] * 3
    assert zoo_prewarm("try").code == 2, "nothing has samples, and nothing is named"


def test_code_of_a_repository_is_asked_in_a_process_of_its_own_and_sees_no_other_file(zoo_prewarm: Prewarm) -> None:
    media(zoo_prewarm.folder)
    zoo_prewarm.manifest(
        '[[advanced]]\nid = "zoo/custom-code"\ntrust_remote_code = true\nprocessor_class = false\n'
        '[[advanced.sample]]\nname = "called"\ninput = { value = 1 }\n' + CHAT
    )
    assert zoo_prewarm("-q", "--proof", "files").code == 0
    result = zoo_prewarm("try", "--json")
    assert samples(result, 1)["talk"]["verdict"] == "passed"
    assert result.report["entries"][0]["error"] is None, "it was loaded, and asked"


def test_a_pipeline_is_called_with_its_own_keywords(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest(
        '[[advanced]]\nid = "zoo/masked-language"\ntask = "fill-mask"\n'
        '[[advanced.sample]]\nname = "keywords"\ninput = { inputs = "word1 [MASK] word3", top_k = 2 }\n'
        '[[advanced.sample]]\nname = "plain"\ntext = "word1 [MASK] word3"\n'
    )
    assert zoo_prewarm("-q", "--proof", "files").code == 0
    result = zoo_prewarm("try", "--json")
    assert result.code == 0, result.out
    keywords, plain = samples(result)["keywords"]["answer"], samples(result)["plain"]["answer"]
    assert len(keywords["labels"]) == 2
    assert [label for label, _ in keywords["labels"]] == [label for label, _ in plain["labels"][:2]]


def test_a_set_is_run_and_what_came_out_otherwise_since_the_last_commit_is_named(
    prewarm: Prewarm, text_repo: Repository, zoo: Path
) -> None:
    prewarm.manifest('[[advanced]]\nid = "org/model"\n')
    lines = [
        {"name": "one", "text": "word1"},
        {"name": "two", "text": "word2", "task": "feature-extraction"},
        {"name": "never", "text": "word3", "expect": {"label": "positive"}},
    ]
    (prewarm.folder / "cases.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    assert prewarm("-q", "--proof", "files").code == 0
    first = prewarm("try", "--cases", "cases.jsonl", "--json")
    assert first.code == 1
    assert first.report["totals"] == {"passed": 0, "failed": 1, "new": 2}
    assert first.report["changed"] == []
    assert prewarm("try", "--cases", "cases.jsonl", "--min-pass", "0.1").code == 1, "what is new has not passed"
    recorded = prewarm("try", "--cases", "cases.jsonl", "--record", "--json")
    assert recorded.code == 1
    assert recorded.report["pass_rates"] == {"feature-extraction": {"passed": 2, "total": 3}}
    assert prewarm("try", "--cases", "cases.jsonl", "--min-pass", "0.6").code == 0
    assert prewarm("try", "--cases", "cases.jsonl", "--min-pass", "0.7").code == 1
    before = commit_of(prewarm, "org/model")

    commit(text_repo, zoo, model__safetensors=other_weights(zoo / "zoo" / "text"))
    assert prewarm("lock", "--upgrade").code == 0
    assert prewarm("-q", "--proof", "files").code == 0
    second = prewarm("try", "--cases", "cases.jsonl", "--json")
    # A vector that is another one is a change, whether it was recorded or not.
    assert {one["name"] for one in second.report["changed"]} == {"one", "two", "never"}
    assert all("its cosine with the vector" in str(one["after"]) for one in second.report["changed"])
    assert all(one["before"]["commit"] == before for one in second.report["changed"])
    shown = prewarm("try", "--cases", "cases.jsonl").out
    assert "3 cases came out otherwise than at the last commit" in shown


def test_cases_of_csv_are_those_of_json_lines(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest(CHAT + '[[advanced]]\nid = "zoo/text"\nname = "words"\n')
    (zoo_prewarm.folder / "cases.csv").write_text(
        'id,name,text,chat,expect.contains\nwords,a,"word1, word2",,\nzoo/chat,b,,"[""word1""]",word\n'
    )
    assert zoo_prewarm("-q", "--proof", "files").code == 0
    result = zoo_prewarm("try", "--cases", "cases.csv", "--record", "--json")
    assert result.code == 0, result.out + result.err
    assert samples(result)["a"]["asked"] == "word1, word2"
    assert samples(result, 1)["b"]["verdict"] == "passed"
    (zoo_prewarm.folder / "cases.csv").write_text("name,text\na,word1\n")
    unclear = zoo_prewarm("try", "--cases", "cases.csv")
    assert unclear.code == 2
    assert "the case names no entry, and there are 2" in unclear.err
    named = zoo_prewarm("try", "words", "--cases", "cases.csv")
    assert named.code == 1, "the same name, and another text than was recorded"
    assert "it was recorded for another input" in named.out


def test_prompt_items_are_answered_with_annotations(zoo_prewarm: Prewarm) -> None:
    def question(value: str, kind: str = "application/text") -> dict[str, str]:
        return {"mimetype": kind, "value": value}

    zoo_prewarm.manifest(CHAT + '[[advanced]]\nid = "zoo/text"\n')
    batch = [
        {"prompts": {"1": {"q1": question("word1 word2"), "q2": question("word3")}, "2": {"q": question("word4")}}},
        {"prompts": {}},
        {"prompts": {"p": {"q": question("https://example.com/cat.png", "image/png"), "r": question("word5")}}},
    ]
    (zoo_prewarm.folder / "batch.json").write_text(json.dumps(batch))
    assert zoo_prewarm("-q", "--proof", "files").code == 0
    result = zoo_prewarm("try", "zoo/chat", "--items", "batch.json", "-o", "answers.json")
    assert result.code == 1, "a picture is not answered"
    assert "batch.json[2].prompts.p.q: image/png is not answered" in result.err
    answers = json.loads((zoo_prewarm.folder / "answers.json").read_text())
    assert [len(one) for one in answers] == [3, 0, 1]
    talk = samples(zoo_prewarm("try", "--json"))["talk"]["answer"]
    assert [one["coordinates"] for one in answers[0][:2]] == talk["texts"], "one conversation, each sees those before"
    first = answers[0][0]
    assert first == {
        "type": "text",
        "label": "q",
        "coordinates": talk["texts"][0],
        "metadata": {
            "system": {"promptId": "1"},
            "user": {
                "annotation_type": "prediction",
                "model": {"name": "zoo/chat", "confidence": pytest.approx(talk["confidence"][0], rel=1e-4)},
            },
        },
    }
    assert answers[0][2]["metadata"]["system"]["promptId"] == "2"
    for broken, said in (
        ("{", "is no JSON"),
        ('[{"prompt": 1}]', "an item without prompts"),
        ("3", "no list of items"),
    ):
        (zoo_prewarm.folder / "batch.json").write_text(broken)
        refused = zoo_prewarm("try", "zoo/chat", "--items", "batch.json")
        assert refused.code == 2
        assert said in refused.err


def test_the_example_adapter_answers_with_what_the_manifest_names(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest(CHAT)
    assert zoo_prewarm("-q", "--proof", "files").code == 0
    shutil.copy(TESTS.parent / "examples" / "adapter" / "adapter.py", zoo_prewarm.folder)
    # What of the platform's package the adapter uses; tests/peers tries the real one.
    (zoo_prewarm.folder / "dtlpy.py").write_text(
        """
class _Any:
    def __getattr__(self, name):
        return self
    def __call__(self, *args, **kwargs):
        return lambda kind: kind
class BaseModelAdapter:
    configuration = {"entry": "zoo/chat"}
Model, Package = None, _Any()
class FreeText:
    def __init__(self, text):
        self.text = text
class AnnotationCollection(list):
    def add(self, annotation_definition, prompt_id, model_info):
        self.append([annotation_definition.text, prompt_id, model_info["name"], model_info["confidence"]])
"""
    )
    code = (
        "import json, adapter\n"
        "found = adapter.ModelAdapter()\n"
        "found.load('.')\n"
        'batch = [{"prompts": {"k": {"q": {"mimetype": "application/text", "value": "word1 word2"}}}}]\n'
        "print(json.dumps(found.predict(batch)))"
    )
    done = zoo_prewarm.python(code, HF_HUB_OFFLINE="1", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.code == 0, done.err
    text, key, name, confidence = json.loads(done.out)[0][0]
    talk = samples(zoo_prewarm("try", "--json"))["talk"]["answer"]
    assert (text, key, name) == (talk["texts"][0], "k", "zoo/chat")
    assert confidence == pytest.approx(talk["confidence"][0], rel=1e-4)


def test_an_entry_that_is_opened_refuses_what_is_no_question(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest('[[advanced]]\nid = "zoo/text"\nname = "words"\n')
    assert zoo_prewarm("-q", "--proof", "files").code == 0
    code = """
import json, prewarm
from prewarm.records.errors import CommandError
entry = prewarm.open_entry("words")
answers = entry.answer([{"text": "word1"}, {"text": "word1 word2"}])
for asked in ({}, {"text": ""}, {"txt": "a"}, {"chat": "word1"}, {"image": b""}, {"text": "a", "input": {}}):
    try:
        entry.answer([asked])
    except CommandError:
        continue
    raise AssertionError(asked)
print(json.dumps([len(one["vector"]) for one in answers]))
"""
    done = zoo_prewarm.python(code, HF_HUB_OFFLINE="1")
    assert done.code == 0, done.err
    assert json.loads(done.out) == [32, 32]


def test_a_pipelines_files_are_given_to_it_and_count_as_its_input(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest(
        '[[advanced]]\nid = "zoo/masked-language"\ntask = "fill-mask"\n[[advanced.sample]]\nname = "long"\n'
        f'input = {{ inputs = "word1 [MASK] {"word2 " * 60}" }}\n'
    )
    assert zoo_prewarm("-q", "--proof", "files").code == 0
    (zoo_prewarm.folder / "word").write_text("a file that is called like a word")
    result = zoo_prewarm("try", "--json")
    assert samples(result)["long"]["verdict"] == "new", result.out


def test_a_damaged_or_newer_record_is_named(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest(CHAT)
    assert zoo_prewarm("-q", "--proof", "files").code == 0
    record = zoo_prewarm.folder / "prewarm.samples.toml"
    for text, said in (
        ("schema = 9", "is of schema 9"),
        ("schema =", "not valid TOML"),
        ('schema = 1\n[[answer]]\nentry = "zoo/chat"\n', "answer[0]: the answer is damaged here"),
    ):
        record.write_text(text)
        result = zoo_prewarm("try")
        assert result.code == 2
        assert said in result.err
        assert record.read_text() == text


def test_an_interrupt_ends_it_and_its_process(zoo_prewarm: Prewarm) -> None:
    zoo_prewarm.manifest(CHAT.replace("max_new_tokens = 6", "max_new_tokens = 6, num_beams = 1"))
    assert zoo_prewarm("-q", "--proof", "files").code == 0
    process = subprocess.Popen(
        zoo_prewarm.command("try"), cwd=zoo_prewarm.folder, env=zoo_prewarm.environ, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(2)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"interrupted" in said


def test_a_case_and_a_sample_of_one_name_are_two(prewarm: Prewarm, text_repo: Repository) -> None:
    del text_repo
    prewarm.manifest('[[advanced]]\nid = "org/model"\n[[advanced.sample]]\nname = "words"\ntext = "word1"\n' + KEPT)
    (prewarm.folder / "cases.jsonl").write_text('{"name": "words", "text": "word2"}\n')
    (prewarm.folder / "more.jsonl").write_text('{"name": "words", "text": "word3"}\n')
    assert prewarm("-q", "--proof", "files").code == 0
    ways: tuple[list[str], ...] = ([], ["--cases", "cases.jsonl"], ["--cases", "more.jsonl"])
    for way in ways:
        assert prewarm("try", *way, "--record").code == 0
    for way in ways:
        assert prewarm("try", *way).code == 0
    # A set that nothing has to pass of has passed, and says nothing of the samples.
    (prewarm.folder / "cases.jsonl").write_text('{"name": "words", "text": "word4"}\n')
    assert prewarm("try", "--cases", "cases.jsonl", "--min-pass", "0").code == 0
    shown = prewarm("history").out
    assert shown.count("    try ") == 3
    assert "failed  " not in shown
    assert "1 failed of cases.jsonl" in shown
    assert prewarm("try", "--min-pass", "0.5").code == 2


def test_entries_of_one_name_are_not_asked_together(prewarm: Prewarm, text_repo: Repository) -> None:
    del text_repo
    entry = '[[advanced]]\nid = "org/model"\n{}[[advanced.sample]]\ntext = "word1"\n'
    prewarm.manifest(entry.format("") + entry.format('model_class = "BertModel"\n'))
    assert prewarm("-q", "--proof", "files").code == 0
    result = prewarm("try", "--record")
    assert (result.code, "two entries are called 'org/model'" in result.err) == (2, True)


def test_a_key_is_no_path(prewarm: Prewarm, tmp_path: Path) -> None:
    from prewarm.records.sample import Sample
    from prewarm.samples import asked_of

    (tmp_path / "base").mkdir()
    (tmp_path / "own").mkdir()
    (tmp_path / "base" / "cat.png").write_bytes(b"x")
    key = "x/../../escaped"
    (asked,) = asked_of([Sample(name="a", input={key: "cat.png"})], tmp_path / "base", tmp_path / "own")
    assert Path(asked["input"][key]).is_relative_to(tmp_path / "own")
    assert Path(asked["input"][key]).read_bytes() == b"x"
    assert sorted(path.name for path in tmp_path.iterdir() if path != prewarm.temporary) >= ["base", "own"]
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"text": "a", "task": "nonsense"}, "cases.jsonl:1.task: unknown task"),
        ({"text": "a", "image": "b.png", "audio": "c.wav"}, "image and audio exclude each other"),
    ],
)
def test_a_case_that_cannot_be_is_told_before_anything_is_loaded(
    prewarm: Prewarm, line: dict[str, Any], said: str
) -> None:
    prewarm.manifest('[[advanced]]\nid = "org/model"\n')
    (prewarm.folder / "cases.jsonl").write_text(json.dumps(line))
    result = prewarm("try", "--cases", "cases.jsonl")
    assert (result.code, said in result.err) == (2, True), result.err


def test_an_upgrade_that_is_tried_leaves_rows(prewarm: Prewarm, text_repo: Repository, zoo: Path) -> None:
    prewarm.manifest('[[advanced]]\nid = "org/model"\n[[advanced.sample]]\nname = "a"\ntext = "word1"\n' + KEPT)
    assert prewarm("-q").code == 0
    before = commit_of(prewarm, "org/model")
    commit(text_repo, zoo, model__safetensors=other_weights(zoo / "zoo" / "text"))
    prewarm("lock", "--upgrade", "--try")
    found = json.loads(prewarm("history", "--json").out)["versions"]
    (new,) = [one for one in found if one["commit"] != before]
    assert [row["kind"] for row in new["rows"]] == ["proof", "try"]
