"""``[[advanced.sample]]`` of an entry, or a case of a set, to a Sample. Changes when it gets a new key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from prewarm.manifest import values
from prewarm.manifest.settings import nearest
from prewarm.records.errors import ManifestError
from prewarm.records.sample import Expectation, Sample
from prewarm.records.text import has_half

_EXAMPLE = '[[advanced.sample]] with text = "…"'
_INPUTS = ("text", "chat", "image", "audio", "input")
_MOST_SEED = 2**63 - 1
MOST_TURNS = 1000
_LONGEST_PATH = 4096


def read_samples(value: object, place: str) -> tuple[Sample, ...]:
    """The samples of an entry.

    Args:
        value: the tables.
        place: where they stand, for messages.

    Raises:
        ManifestError: anything in them is wrong.
    """
    found = values.items(value, place, f"tables: {_EXAMPLE}")
    samples = tuple(read_sample(item, f"{place}[{at}]", name=f"sample {at + 1}") for at, item in enumerate(found))
    seen: dict[str, Sample] = {}
    for one in samples:
        if one.name in seen:
            said = f"'{one.name}' is the name of {seen[one.name].place}"
            raise ManifestError(said, place=f"{one.place}.name", hint="give it a name of its own")
        seen[one.name] = one
    for one in samples:
        wanted = one.expect.nearest if one.expect is not None else None
        if wanted is not None and (wanted not in seen or wanted == one.name):
            others = ", ".join(name for name in seen if name != one.name) or "none"
            said = f"no other sample of the entry is called '{wanted}'"
            raise ManifestError(said, place=f"{one.place}.expect.nearest", hint=f"the others are {others}")
    return samples


def read_sample(item: object, place: str, *, name: str, is_case: bool = False) -> Sample:
    """One sample.

    Args:
        item: its table.
        place: where it stands, for messages.
        name: what it is called where it has no name.
        is_case: whether it is one of a stored set, which may say its task.

    Raises:
        ManifestError: anything in it is wrong.
    """
    if not isinstance(item, dict):
        raise values.wrong_type(place, "a table", item, hint=_EXAMPLE)
    keys = {**_KEYS, "task": values.text} if is_case else _KEYS
    for key in item:
        if key not in keys:
            raise ManifestError("unknown key", place=f"{place}.{key}", hint=nearest(key, list(keys)))
    fields = {key: keys[key](value, f"{place}.{key}") for key, value in item.items()}
    sample = Sample(**{"name": name, **fields}, place=place)
    given = [key for key in _INPUTS if key in fields]
    if not given:
        raise ManifestError("there is no input", place=place, hint='text = "…", or chat, image, audio, input')
    if len(given) > 1 and set(given) != {"text", "image"}:
        # An image may have a text beside it; nothing else may.
        one, other = given[-2:] if set(given[:2]) == {"text", "image"} else given[:2]
        raise ManifestError(f"{one} and {other} exclude each other", place=f"{place}.{other}", hint="keep one of them")
    if "text_pair" in fields and "text" not in fields:
        raise ManifestError("only beside text", place=f"{place}.text_pair", hint='text = "…"')
    return sample


def read_expectation(value: object, place: str) -> Expectation:
    """What an answer has to be like.

    Raises:
        ManifestError: anything in it is wrong.
    """
    if not isinstance(value, dict):
        raise values.wrong_type(place, "a table", value, hint='expect = { contains = ["word"] }')
    for key in value:
        if key not in _EXPECTATIONS:
            raise ManifestError("unknown expectation", place=f"{place}.{key}", hint=nearest(key, list(_EXPECTATIONS)))
    if not value:
        raise ManifestError("nothing is expected", place=place, hint='leave it out, or expect = { label = "…" }')
    return Expectation(**{key: _EXPECTATIONS[key](inner, f"{place}.{key}") for key, inner in value.items()})


def read_seed(value: object, place: str) -> int:
    """Where sampling starts.

    Raises:
        ManifestError: it is no such number.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise values.wrong_type(place, "a whole number", value)
    if not 0 <= value <= _MOST_SEED:
        raise ManifestError(f"expected a number from 0 to {_MOST_SEED}", place=place)
    return value


def read_generation(value: object, place: str) -> Mapping[str, Any]:
    """Keywords of ``generate``.

    Raises:
        ManifestError: they are none.
    """
    found = values.keywords(value, place)
    most = found.get("max_new_tokens")
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        raise ManifestError("expected a whole number from 1", place=f"{place}.max_new_tokens")
    for key in _NOT_GENERATION:
        if key in found:
            raise ManifestError("prewarm sets it", place=f"{place}.{key}", hint="leave it out")
    return found


def _words(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise values.wrong_type(place, "a string", value)
    if not value.strip():
        raise ManifestError("the text is empty", place=place, hint="leave it out")
    if has_half(value):
        raise ManifestError("the text has half a character", place=place, hint="a text that UTF-8 can say")
    return value


def _list_of_words(value: object, place: str) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else values.items(value, place, "a list of texts")
    if not found:
        raise ManifestError("the list is empty", place=place, hint="leave it out")
    if len(found) > MOST_TURNS:
        raise ManifestError(f"the list has more than {MOST_TURNS} texts", place=place)
    return tuple(_words(one, f"{place}[{at}]") for at, one in enumerate(found))


def _questions(value: object, place: str) -> tuple[str, ...]:
    if isinstance(value, str):
        raise values.wrong_type(place, "a list of questions", value, hint=f'chat = ["{value:.40}"]')
    return _list_of_words(value, place)


def _file(value: object, place: str) -> str:
    said = _name(value, place)
    if "\0" in said or len(said) > _LONGEST_PATH:
        raise ManifestError("no path of a file", place=place, hint='such as "tests/cat.jpg"')
    return said


def _input(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not value:
        raise values.wrong_type(place, "a table with something in it", value, hint='input = { text = "…" }')
    values.refuse_what_no_call_takes(value, place)
    return value


def _number(least: float, most: float) -> Callable[[object, str], float]:
    def read(value: object, place: str) -> float:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise values.wrong_type(place, "a number", value)
        # A whole number may have more digits than any of the others can say.
        if not least <= value <= most:
            raise ManifestError(f"expected a number from {least:g} to {most:g}, not {value!s:.20}", place=place)
        return float(value)

    return read


def _name(value: object, place: str) -> str:
    return _words(values.text(value, place), place)


_KEYS: Mapping[str, Callable[[object, str], Any]] = {
    "name": _name,
    "text": _words,
    "text_pair": _words,
    "chat": _questions,
    "image": _file,
    "audio": _file,
    "input": _input,
    "expect": read_expectation,
}
_EXPECTATIONS: Mapping[str, Callable[[object, str], Any]] = {
    "contains": _list_of_words,
    "equals": _list_of_words,
    "label": _name,
    "min_score": _number(0, 1),
    "nearest": _name,
    "min_cosine": _number(-1, 1),
    "max_difference": _number(0, 1e9),
}
_NOT_GENERATION = ("output_logits", "output_scores", "return_dict_in_generate", "num_return_sequences", "streamer")
