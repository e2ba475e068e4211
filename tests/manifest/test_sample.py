"""``[[advanced.sample]]``, ``generation``, ``seed`` and ``[[wrapped]]``: what they may say, and what is told of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from prewarm.lock.digest import entry_digest, proof_digest
from prewarm.manifest import toml
from prewarm.manifest.read import parse
from prewarm.records.entry import Entry, Manifest, Wrapped
from prewarm.records.errors import ManifestError
from prewarm.records.sample import Expectation, Sample

ENTRY = '[[advanced]]\nid = "org/one"\n'
SAMPLE = "[[advanced.sample]]\n"


def manifest(text: str) -> Manifest:
    return parse(toml.parse(text), path=Path("folder/prewarm.toml"))


def read(text: str) -> Entry:
    return manifest(ENTRY + text).entries[0]


def test_every_key_is_read() -> None:
    found = read(
        "generation = { max_new_tokens = 60, do_sample = true, top_k = 50 }\nseed = 0\n"
        + SAMPLE
        + 'name = "greeting"\nchat = ["Hi.", "Where do you live?"]\nexpect = { contains = "live", min_score = 0.1 }\n'
        + SAMPLE
        + 'image = "tests/cat.jpg"\ntext = "a cat"\nexpect = { label = "tabby" }\n'
        + SAMPLE
        + 'text = "one"\ntext_pair = "two"\nexpect = { equals = ["a", "b"], max_difference = 0.5 }\n'
        + SAMPLE
        + 'audio = "a.wav"\nexpect = { nearest = "greeting", min_cosine = -0.5 }\n'
        + SAMPLE
        + "input = { inputs = 1 }\n"
    )
    assert found.generation == {"max_new_tokens": 60, "do_sample": True, "top_k": 50}
    assert found.seed == 0
    place = "advanced[0].sample"
    assert found.samples == (
        Sample(
            name="greeting",
            chat=("Hi.", "Where do you live?"),
            expect=Expectation(contains=("live",), min_score=0.1),
            place=f"{place}[0]",
        ),
        Sample(
            name="sample 2",
            image="tests/cat.jpg",
            text="a cat",
            expect=Expectation(label="tabby"),
            place=f"{place}[1]",
        ),
        Sample(
            name="sample 3",
            text="one",
            text_pair="two",
            expect=Expectation(equals=("a", "b"), max_difference=0.5),
            place=f"{place}[2]",
        ),
        Sample(
            name="sample 4",
            audio="a.wav",
            expect=Expectation(nearest="greeting", min_cosine=-0.5),
            place=f"{place}[3]",
        ),
        Sample(name="sample 5", input={"inputs": 1}, place=f"{place}[4]"),
    )


def test_samples_and_generation_decide_neither_the_lock_nor_the_proof() -> None:
    plain = read("")
    tried = read('generation = { top_k = 5 }\nseed = 3\n[[advanced.sample]]\ntext = "one"\n')
    assert entry_digest(plain) == entry_digest(tried)
    assert proof_digest(plain) == proof_digest(tried)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("sample = 3\n", "advanced[0].sample", "expected tables"),
        (SAMPLE, "advanced[0].sample[0]", "there is no input"),
        (SAMPLE + 'txt = "a"\n', "advanced[0].sample[0].txt", "unknown key"),
        (SAMPLE + 'task = "fill-mask"\ntext = "a"\n', "advanced[0].sample[0].task", "unknown key"),
        (SAMPLE + 'text = ""\n', "advanced[0].sample[0].text", "empty"),
        (SAMPLE + "text = 3\n", "advanced[0].sample[0].text", "expected a string"),
        (SAMPLE + 'chat = "Hi."\n', "advanced[0].sample[0].chat", "expected a list of questions"),
        (SAMPLE + "chat = []\n", "advanced[0].sample[0].chat", "the list is empty"),
        (SAMPLE + 'chat = ["a", 3]\n', "advanced[0].sample[0].chat[1]", "expected a string"),
        (SAMPLE + 'text = "a"\naudio = "b"\n', "advanced[0].sample[0].audio", "exclude each other"),
        (SAMPLE + 'image = "a"\ntext_pair = "b"\n', "advanced[0].sample[0].text_pair", "only beside text"),
        (SAMPLE + "input = {}\n", "advanced[0].sample[0].input", "with something in it"),
        (SAMPLE + 'text = "a"\nexpect = {}\n', "advanced[0].sample[0].expect", "nothing is expected"),
        (SAMPLE + 'text = "a"\nexpect = { like = 1 }\n', "advanced[0].sample[0].expect.like", "unknown expectation"),
        (SAMPLE + 'text = "a"\nexpect = { min_score = 2 }\n', "advanced[0].sample[0].expect.min_score", "from 0 to 1"),
        (
            SAMPLE + 'name = "x"\ntext = "a"\nexpect = { nearest = "y" }\n',
            "advanced[0].sample[0].expect.nearest",
            "no other sample",
        ),
        (
            SAMPLE + 'name = "x"\ntext = "a"\nexpect = { nearest = "x" }\n',
            "advanced[0].sample[0].expect.nearest",
            "no other sample",
        ),
        (2 * (SAMPLE + 'name = "x"\ntext = "a"\n'), "advanced[0].sample[1].name", "is the name of"),
        (SAMPLE + "input = { when = 1979-05-27 }\n", "advanced[0].sample[0].input.when", "a date or a time"),
        (
            SAMPLE + f'text = "a"\nexpect = {{ min_score = {"9" * 400} }}\n',
            "advanced[0].sample[0].expect.min_score",
            "from 0",
        ),
        (SAMPLE + f'image = "{"a" * 5000}.png"\n', "advanced[0].sample[0].image", "no path of a file"),
        ("seed = -1\n", "advanced[0].seed", "from 0"),
        ("seed = true\n", "advanced[0].seed", "whole number"),
        ("generation = { max_new_tokens = 0 }\n", "advanced[0].generation.max_new_tokens", "from 1"),
        ("generation = { output_scores = true }\n", "advanced[0].generation.output_scores", "prewarm sets it"),
        ('generation = { token = "hf_x" }\n', "advanced[0].generation.token", "not for a manifest"),
        ('repo_type = "dataset"\n' + SAMPLE + 'text = "a"\n', "advanced[0].sample", "a dataset is files only"),
    ],
)
def test_anything_else_is_named_with_its_place(text: str, place: str, said: str) -> None:
    with pytest.raises(ManifestError) as raised:
        read(text)
    assert raised.value.place == place
    assert said in raised.value.message


def test_an_unknown_expectation_is_told_the_nearest() -> None:
    with pytest.raises(ManifestError) as raised:
        read(SAMPLE + 'text = "a"\nexpect = { contain = "a" }\n')
    assert raised.value.hint == "did you mean 'contains'?"


def test_a_wrapped_model_is_read_and_may_be_all_there_is() -> None:
    found = manifest('[[wrapped]]\npath = "models/tox"\nsample = { text = "hi" }\nrequired = false\n')
    assert found.wrapped == (
        Wrapped(name="tox", path=Path("folder/models/tox"), sample={"text": "hi"}, required=False, place="wrapped[0]"),
    )


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ('sample = { text = "a" }\n', "wrapped[0]", "there is no path"),
        ('path = "a"\n', "wrapped[0]", "there is no sample"),
        ('path = "a"\nsample = {}\n', "wrapped[0].sample", "with something in it"),
        ('path = "a"\nsample = "a"\n', "wrapped[0].sample", "expected a table"),
        ('path = "a"\nsample = { text = "a" }\ncommand = 1\n', "wrapped[0].command", "unknown key"),
        ('path = "/"\nsample = { text = "a" }\n', "wrapped[0].path", "is no folder of a model"),
    ],
)
def test_a_wrapped_model_that_is_wrong_is_named(text: str, place: str, said: str) -> None:
    with pytest.raises(ManifestError) as raised:
        manifest("[[wrapped]]\n" + text)
    assert raised.value.place == place
    assert said in raised.value.message


def test_names_are_one_thing() -> None:
    wrapped = '[[wrapped]]\npath = "a"\nname = "org/one"\nsample = { text = "a" }\n'
    with pytest.raises(ManifestError) as raised:
        manifest(ENTRY + wrapped)
    assert raised.value.place == "wrapped[0].name"
