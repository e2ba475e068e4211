"""What a call gives, where its source, or what is known of it, says so. Changes with the calls that are known."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from prewarm.authoring.scan.modules import FUNCTIONS, Scope
from prewarm.authoring.scan.values import (  # fmt: skip
    Arguments,
    Const,
    Follower,
    Instance,
    Items,
    Made,
    Name,
    Own,
    Table,
    Unknown,
    Value,
    each,
    item_of,
    joined,
)

_ENVIRONMENT = ("os.getenv", "os.environ.get", "environ.get", "getenv", "decouple.config", "config", "env", "env.str")
_FIELDS = ("Field", "field", "Option", "Argument", "Parameter")
_CHOOSERS = {
    "selectbox": 1, "radio": 1, "select_slider": 1, "multiselect": 1, "segmented_control": 1, "pills": 1,
    "Dropdown": 0, "Radio": 0,
}  # fmt: skip
"""Widgets, and where their options stand."""


def call(evaluator: Follower, node: ast.Call, scope: Scope, depth: int) -> Iterable[Value]:
    """Every value that a call can give."""
    called = ast.unparse(node.func) if isinstance(node.func, (ast.Name, ast.Attribute)) else ""
    last = called.rpartition(".")[2]
    if called in _ENVIRONMENT or (last in ("getenv", "environ") and node.args):
        return _from_environment(evaluator, node, scope, depth)
    if last in {"parse_args", "parse_known_args"}:
        parsed = Arguments(scope)
        return (parsed,) if last == "parse_args" else (Items(((parsed,), (Unknown("the rest"),))),)
    if last == "parse_args_into_dataclasses" and isinstance(node.func, ast.Attribute):
        return (_dataclasses(evaluator, node.func.value, scope, depth),)
    if last in _CHOOSERS:
        return _chosen(evaluator, node, _CHOOSERS[last], scope, depth)
    if last in ("str", "Path") and node.args:
        return evaluator.of(node.args[0], scope, depth)
    if isinstance(node.func, ast.Attribute):
        found = _method(evaluator, node, node.func, scope, depth)
        if found is not None:
            return found
    if last in _FIELDS:
        return _of_field(evaluator, node, scope, depth)
    if last == "dict":
        keys: list[ast.expr | None] = [ast.Constant(value=one.arg) for one in node.keywords]
        return (evaluator.table(keys, [one.value for one in node.keywords], scope, depth),)
    if last in ("list", "tuple", "sorted", "set", "reversed") and node.args:
        return evaluator.of(node.args[0], scope, depth)
    found_: list[Value] = []
    for value in evaluator.of(node.func, scope, depth):
        if isinstance(value, Own) and isinstance(value.scope.node, ast.ClassDef):
            found_.append(Instance(value.scope, node, scope))
        elif isinstance(value, Own) and isinstance(value.scope.node, FUNCTIONS):
            found_ += evaluator.returned(value.scope, depth)
        elif isinstance(value, Name):
            found_.append(Made(f"what {value.dotted} gives", by=value.dotted, call=node, within=scope))
        else:
            found_.append(Unknown(f"what {called or 'a call'} gives"))
    return found_


def _dataclasses(evaluator: Follower, parser: ast.expr, scope: Scope, depth: int) -> Value:
    """What transformers' HfArgumentParser gives: an object of each class that it was made for."""
    for value in evaluator.of(parser, scope, depth):
        if isinstance(value, Made) and value.call is not None and value.call.args and value.within is not None:
            empty = ast.Call(func=ast.Name(id=""), args=[], keywords=[])
            found = evaluator.of(value.call.args[0], value.within, depth)
            classes = [one for each_ in found for one in (each(each_) if isinstance(each_, Items) else [each_])]
            made = [Instance(one.scope, empty, scope) for one in classes if isinstance(one, Own)]
            return Items(tuple((one,) for one in made))
    return Unknown("options of the command line")


def _method(
    evaluator: Follower, node: ast.Call, func: ast.Attribute, scope: Scope, depth: int
) -> Iterable[Value] | None:
    """What methods of constants give."""
    if func.attr not in ("get", "items", "keys", "values", "format", "strip", "lower", "copy", "rstrip", "lstrip"):
        return None
    found: list[Value] = []
    for value in evaluator.of(func.value, scope, depth):
        if isinstance(value, Table):
            found += _of_table(evaluator, value, node, func.attr, scope, depth)
        elif isinstance(value, Const) and isinstance(value.value, str):
            found += _of_text(evaluator, value.value, node, func.attr, scope, depth)
        elif not isinstance(value, Unknown):
            return None
        else:
            found.append(value)
    return found


def _of_table(
    evaluator: Follower, table: Table, node: ast.Call, name: str, scope: Scope, depth: int
) -> Iterable[Value]:
    if name == "get":
        keys = evaluator.of(node.args[0], scope, depth) if node.args else ()
        found = [one for one in item_of(table, keys) if not isinstance(one, Unknown)]
        default = evaluator.of(node.args[1], scope, depth) if len(node.args) > 1 else ()
        is_sure = found and all(isinstance(key, Const) for key in keys)
        return found if is_sure else [*found, *default] or [Unknown("the table has no such key")]
    if name == "items":
        return [Items(tuple((Items((key, value)),) for key, value in table.pairs))]
    if name in ("keys", "values"):
        return [Items(tuple(pair[name == "values"] for pair in table.pairs))]
    return [table]


def _of_text(evaluator: Follower, text: str, node: ast.Call, name: str, scope: Scope, depth: int) -> Iterable[Value]:
    if name in ("strip", "rstrip", "lstrip", "lower"):
        return [Const(getattr(text, name)())] if not node.args else [Unknown("it is computed")]
    if name == "format" and not node.keywords and text.count("{}") == len(node.args):
        pieces = text.split("{}")
        parts: list[tuple[Value, ...]] = [(Const(pieces[0]),)]
        for piece, argument in zip(pieces[1:], node.args, strict=True):
            parts += [evaluator.of(argument, scope, depth), (Const(piece),)]
        return joined(parts)
    return [Unknown("it is computed")]


def _from_environment(evaluator: Follower, node: ast.Call, scope: Scope, depth: int) -> Iterable[Value]:
    given = [keyword.value for keyword in node.keywords if keyword.arg == "default"] or node.args[1:2]
    if given:
        return evaluator.of(given[0], scope, depth)
    named = ast.unparse(node.args[0]) if node.args else ""
    return (Unknown(f"the variable {named} of the environment has no default"),)


def _of_field(evaluator: Follower, node: ast.Call, scope: Scope, depth: int) -> Iterable[Value]:
    for keyword in node.keywords:
        if keyword.arg == "default":
            return evaluator.of(keyword.value, scope, depth)
        if keyword.arg == "default_factory" and isinstance(keyword.value, ast.Lambda):
            return evaluator.of(keyword.value.body, scope, depth)
    return evaluator.of(node.args[0], scope, depth) if node.args else (Unknown("a field without a default"),)


def _chosen(evaluator: Follower, node: ast.Call, at: int, scope: Scope, depth: int) -> Iterable[Value]:
    given = [keyword.value for keyword in node.keywords if keyword.arg in ("options", "choices")]
    given = given or node.args[at : at + 1]
    if not given:
        return (Unknown("what somebody chooses"),)
    return [inner for value in evaluator.of(given[0], scope, depth) for inner in each(value)]
