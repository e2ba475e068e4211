"""What an expression can be. Changes with the kinds of values that are told apart."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol, TypeAlias

from prewarm.authoring.scan.modules import Application, Scope

MOST = 60
"""Values of one expression that are followed."""
MOST_PAIRS = 5000
"""Items of one list or table."""


@dataclass(frozen=True)
class Const:
    """A string, a number, a boolean, or None."""

    value: object


@dataclass(frozen=True)
class Items:
    """A list, a tuple or a set."""

    items: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True)
class Table:
    """A dictionary."""

    pairs: tuple[tuple[tuple[Value, ...], tuple[Value, ...]], ...]


@dataclass(frozen=True)
class Name:
    """Something of another package, by its dotted name."""

    dotted: str


@dataclass(frozen=True, eq=False)
class Own:
    """A class, a function or a module of the application's."""

    scope: Scope


@dataclass(frozen=True, eq=False)
class Instance:
    """An object of a class of the application's."""

    scope: Scope
    call: ast.Call
    within: Scope


@dataclass(frozen=True, eq=False)
class Arguments:
    """What a parser of the command line gives."""

    parser: Scope


@dataclass(frozen=True)
class Unknown:
    """What the source does not say."""

    why: str


@dataclass(frozen=True, eq=False)
class Made(Unknown):
    """What something of another package gives."""

    by: str = ""
    """Its dotted name."""
    call: ast.Call | None = None
    within: Scope | None = None
    """Where the call stands."""


Value: TypeAlias = Const | Items | Table | Name | Own | Instance | Arguments | Unknown


class Follower(Protocol):
    """Follows what stands in an expression."""

    application: Application

    def of(self, node: ast.expr | None, scope: Scope, depth: int = 0) -> tuple[Value, ...]:
        """Every value that an expression can have."""

    def returned(self, scope: Scope, depth: int) -> tuple[Value, ...]:
        """What a function of the application's gives."""

    def table(self, keys: Sequence[ast.expr | None], values: Sequence[ast.expr], scope: Scope, depth: int) -> Table:
        """A dictionary of these keys and values."""


def joined(parts: Sequence[tuple[Value, ...]]) -> Iterable[Value]:
    """The texts, or lists, that parts make together."""
    found: list[Value] = []
    for chosen in product(*parts):
        lost = [one for one in chosen if not isinstance(one, Const)]
        if lost:
            # Lists that are added to one another.
            if all(isinstance(one, Items) for one in chosen):
                found.append(Items(tuple(item for one in chosen if isinstance(one, Items) for item in one.items)))
            else:
                why = next((one.why for one in lost if isinstance(one, Unknown)), "it is computed")
                found.append(Unknown(why))
        else:
            found.append(Const("".join(str(one.value) for one in chosen if isinstance(one, Const))))
        if len(found) >= MOST:
            break
    return found


def each(value: Value) -> Iterable[Value]:
    """What a loop over a value gives."""
    match value:
        case Items(items):
            return [one for item in items for one in item]
        case Table(pairs):
            return [one for key, _ in pairs for one in key]
        case Unknown():
            return (value,)
        case _:
            return (Unknown("each of something that is computed"),)


def item_of(value: Value, keys: Iterable[Value]) -> Iterable[Value]:
    """What stands at one of ``keys``: at any, where none is known."""
    keys = tuple(keys)
    # A key that may be any stands for all.
    is_any = any(not isinstance(key, Const) for key in keys)
    known = [] if is_any else [key.value for key in keys if isinstance(key, Const)]
    match value:
        case Table(pairs):
            named = [one for key, found in pairs if set(_plain(key)) & set(map(_hashed, known)) for one in found]
            if known and named:
                return named
            return (
                [one for _, found in pairs for one in found] if not known else (Unknown("the table has no such key"),)
            )
        case Items(items):
            numbers = [key for key in known if isinstance(key, int) and -len(items) <= key < len(items)]
            if numbers:
                return [one for number in numbers for one in items[number]]
            return [one for item in items for one in item]
        case Name("os.environ"):
            return (Unknown("a variable of the environment"),)
        case Own(scope) if isinstance(scope.node, ast.ClassDef):
            return (Unknown("a member that is chosen as it runs"),)
        case Unknown():
            return (value,)
        case _:
            return (Unknown("an item of something that is computed"),)


def _plain(values: Iterable[Value]) -> list[object]:
    return [_hashed(one.value) for one in values if isinstance(one, Const)]


def _hashed(value: object) -> object:
    return value if isinstance(value, (str, int, bytes, float, type(None))) else repr(value)


def texts_of(nodes: Iterable[ast.expr]) -> list[str]:
    """Those of the expressions that are strings as they stand."""
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def truthy(values: Sequence[Value]) -> Sequence[Value]:
    """Those of ``a or b`` that can be its value: nothing is not one where there is something else."""
    kept = [one for one in values if not (isinstance(one, Const) and not one.value)]
    return kept or values


def once(values: Iterable[Value]) -> tuple[Value, ...]:
    """Each of the values once, up to ``MOST``."""
    found: list[Value] = []
    for value in values:
        if any(value == other for other in found):
            continue
        if len(found) >= MOST:
            return (*found, Unknown(f"it can be more than {MOST} values"))
        found.append(value)
    return tuple(found)
