"""What parameters and options can be: their defaults, and what they are given. Changes with how these are declared."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from prewarm.authoring.scan.modules import FUNCTIONS, Scope
from prewarm.authoring.scan.values import Const, Follower, Instance, Name, Own, Unknown, Value, once, texts_of

_DEEPEST_CALLER = 12
_EVENTS = ("click", "change", "submit", "input", "select", "upload", "then", "success", "Interface", "ChatInterface")
"""Of Gradio, which call a function with the values of components."""


def parameter(evaluator: Follower, name: str, scope: Scope, depth: int) -> tuple[Value, ...]:
    """What a parameter can be: its default, and what its function is called with."""
    node = scope.node
    assert isinstance(node, FUNCTIONS)
    found: list[Value] = []
    names = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
    if name in ("self", "cls") and scope.owner is not None and names[:1] == [name]:
        return (Instance(scope.owner, ast.Call(func=ast.Name(id=""), args=[], keywords=[]), scope),)
    default = _default(node, name)
    if default is not None:
        found += evaluator.of(default, scope.parent or scope, depth)
    is_method = scope.parent is not None and isinstance(scope.parent.node, ast.ClassDef)
    called = getattr(node, "name", "")
    if called == "__init__" and scope.owner is not None:
        called = getattr(scope.owner.node, "name", "")
    at = names.index(name) - (is_method and names[:1] in (["self"], ["cls"])) if name in names else None
    for call, within in evaluator.application.callers.get(called, []):
        if not _is_call_of(evaluator, call, within, scope, depth):
            continue
        argument = _argument_of(call, name, at)
        if argument is not None:
            found += evaluator.of(argument, within, depth)
    if at is not None:
        found += _wired(evaluator, scope, at, depth)
    found += _of_click(evaluator, node, name, scope, depth) if not found else []
    if default is None and not found:
        return (Unknown(f"'{name}' is a parameter that nobody gives a constant"),)
    return once(found)


def _wired(evaluator: Follower, scope: Scope, at: int, depth: int) -> list[Value]:
    """What Gradio calls a function with: the values of the components that an event names."""
    found: list[Value] = []
    for event in _EVENTS:
        for call, within in evaluator.application.callers.get(event, []):
            functions = [one.value for one in call.keywords if one.arg == "fn"] or call.args[:1]
            inputs = [one.value for one in call.keywords if one.arg == "inputs"] or call.args[1:2]
            if not functions or not inputs or depth > _DEEPEST_CALLER:
                continue
            values = evaluator.of(functions[0], within, depth + 1)
            if not any(isinstance(one, Own) and one.scope is scope for one in values):
                continue
            given = inputs[0].elts if isinstance(inputs[0], (ast.List, ast.Tuple)) else inputs
            if at < len(given):
                found += evaluator.of(given[at], within, depth + 1)
    return found


def _is_call_of(evaluator: Follower, call: ast.Call, within: Scope, scope: Scope, depth: int) -> bool:
    """Whether a call of that name calls this function; a method is told by its name alone."""
    if isinstance(call.func, ast.Attribute):
        values = evaluator.of(call.func.value, within, depth + 1) if depth < _DEEPEST_CALLER else ()
        owner = scope.owner
        if owner is None:
            return any(isinstance(one, Own) and one.scope is scope.module.scope for one in values)
        objects = [one.scope for one in values if isinstance(one, Instance)]
        if objects:
            return any(owner in _line(evaluator, one) or one in _line(evaluator, owner) for one in objects)
        return not any(isinstance(one, (Name, Const)) for one in values)
    wanted = scope.owner if getattr(scope.node, "name", "") == "__init__" else scope
    values = evaluator.of(call.func, within, depth + 1)
    return any(isinstance(one, Own) and one.scope is wanted for one in values)


def _line(evaluator: Follower, scope: Scope) -> list[Scope]:
    """A class, and those that it inherits from."""
    found = [scope]
    for one in found:
        for base in one.node.bases if isinstance(one.node, ast.ClassDef) else ():
            values = evaluator.of(base, one.parent or one)
            found += [value.scope for value in values if isinstance(value, Own) and value.scope not in found]
    return found


def _of_click(evaluator: Follower, node: ast.AST, name: str, scope: Scope, depth: int) -> list[Value]:
    """The default that a decorator gives: ``@click.option("--model", default="…")``."""
    for decorator in getattr(node, "decorator_list", []):
        if isinstance(decorator, ast.Call):
            words = [word.lstrip("-").replace("-", "_") for word in texts_of(decorator.args)]
            if name in words:
                return list(_defaults(evaluator, decorator, scope.parent or scope, depth))
    return []


def _defaults(evaluator: Follower, call: ast.Call, scope: Scope, depth: int) -> Iterator[Value]:
    """``default`` and ``choices`` of an option."""
    for keyword in call.keywords:
        if keyword.arg == "default":
            yield from evaluator.of(keyword.value, scope, depth)


def argument(evaluator: Follower, parser: Scope, name: str, depth: int) -> tuple[Value, ...]:
    """What an option of the command line is, where nobody gives it."""
    found: list[Value] = []
    for call, within in evaluator.application.callers.get("add_argument", []):
        words = texts_of(call.args)
        dest = [keyword.value for keyword in call.keywords if keyword.arg == "dest"]
        named = [word.lstrip("-").replace("-", "_") for word in words]
        named += texts_of(dest)
        if name in named and within.module is parser.module:
            found += _defaults(evaluator, call, within, depth)
    return once(found) or (Unknown(f"--{name.replace('_', '-')} of the command line has no default"),)


def _default(node: ast.AST, name: str) -> ast.expr | None:
    assert isinstance(node, FUNCTIONS)
    plain = [*node.args.posonlyargs, *node.args.args]
    for one, default in zip(reversed(plain), reversed(node.args.defaults), strict=False):
        if one.arg == name:
            return default
    for one, default_ in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if one.arg == name:
            return default_
    return None


def _argument_of(call: ast.Call, name: str, at: int | None) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    if at is None or any(isinstance(one, ast.Starred) for one in call.args[: at + 1]):
        return None
    return call.args[at] if 0 <= at < len(call.args) else None
