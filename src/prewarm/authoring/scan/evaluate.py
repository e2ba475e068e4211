"""Follows names through an application, to every value that an expression can have. Changes with what is followed.

For each value that is not known there is a reason. What is chosen as the application runs is as many values as there
are to choose from.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from prewarm.authoring.scan.given import call
from prewarm.authoring.scan.modules import FUNCTIONS, Application, Binding, Module, Scope
from prewarm.authoring.scan.parameters import argument, parameter
from prewarm.authoring.scan.values import (
    MOST_PAIRS,
    Arguments,
    Const,
    Instance,
    Items,
    Name,
    Own,
    Table,
    Unknown,
    Value,
    each,
    item_of,
    joined,
    once,
    truthy,
)  # fmt: skip

_DEEPEST = 25
_MOST_STEPS = 20_000
"""Of one expression: what is put together of itself, again and again, has no end."""


class Evaluator:
    """Follows names through an application.

    Args:
        application: its modules.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self._under_way: set[tuple[int, int]] = set()
        self._left = _MOST_STEPS

    def of(self, node: ast.expr | None, scope: Scope, depth: int = 0) -> tuple[Value, ...]:
        """Every value that an expression can have."""
        if node is None:
            return (Unknown("it is given no value that can be read"),)
        key = (id(node), id(scope))
        self._left = _MOST_STEPS if not depth else self._left - 1
        if depth > _DEEPEST or key in self._under_way:
            return (Unknown("it goes round in a circle"),)
        if self._left < 0:
            return (Unknown("it is put together of too much"),)
        self._under_way.add(key)
        try:
            return once(self._of(node, scope, depth + 1))
        finally:
            self._under_way.discard(key)

    def _of(self, node: ast.expr, scope: Scope, depth: int) -> Iterable[Value]:  # noqa: C901 (a case a kind)
        match node:
            case ast.Constant(value=value):
                return (Const(value),)
            case ast.JoinedStr(values=parts):
                return joined([self.of(part, scope, depth) for part in parts])
            case ast.FormattedValue(value=inner, conversion=-1, format_spec=None):
                return self.of(inner, scope, depth)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return joined([self.of(left, scope, depth), self.of(right, scope, depth)])
            case ast.BinOp(left=left, op=ast.BitOr()):
                return self.of(left, scope, depth)
            case ast.BinOp(op=ast.Div()):
                return (Unknown("a path that is put together"),)
            case ast.BoolOp(values=values):
                return truthy([value for each in values for value in self.of(each, scope, depth)])
            case ast.IfExp(body=body, orelse=orelse):
                return (*self.of(body, scope, depth), *self.of(orelse, scope, depth))
            case ast.NamedExpr(value=value) | ast.Await(value=value) | ast.Starred(value=value):
                return self.of(value, scope, depth)
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return (Items(tuple(self.of(item, scope, depth) for item in items[:MOST_PAIRS])),)
            case ast.ListComp(elt=item) | ast.SetComp(elt=item) | ast.GeneratorExp(elt=item):
                return (Items((self.of(item, scope, depth),)),)
            case ast.Dict(keys=keys, values=values):
                return (self.table(keys, values, scope, depth),)
            case ast.Name(id=name):
                return self.name(name, scope, node.lineno, depth)
            case ast.Attribute(value=inner, attr=name):
                return [found for one in self.of(inner, scope, depth) for found in self._attribute(one, name, depth)]
            case ast.Subscript(value=inner, slice=key):
                keys_ = self.of(key, scope, depth)
                return [found for one in self.of(inner, scope, depth) for found in item_of(one, keys_)]
            case ast.Call():
                return call(self, node, scope, depth)
            case _:
                return (Unknown("it is computed"),)

    def name(self, name: str, scope: Scope, line: int, depth: int = 0) -> tuple[Value, ...]:
        """What a name stands for, as it is seen from ``scope``."""
        here: Scope | None = scope
        while here is not None:
            found = self._in_scope(name, here, line if here is scope else 1 << 30, depth)
            if found:
                return self._guarded(name, here, found, depth)
            here = here.parent
            # A class's names are not seen in its methods.
            while here is not None and isinstance(here.node, ast.ClassDef):
                here = here.parent
        return self._imported(name, scope.module, depth)

    def _guarded(self, name: str, scope: Scope, found: tuple[Value, ...], depth: int) -> tuple[Value, ...]:
        """What is left of a name's values where the function refuses all but some: ``if x not in KNOWN: raise``."""
        if not isinstance(scope.node, FUNCTIONS) or not any(isinstance(one, Unknown) for one in found):
            return found
        for node in _own_nodes(scope.node):
            match node:
                case ast.If(
                    test=ast.Compare(left=ast.Name(id=guarded), ops=[ast.NotIn()], comparators=[known]),
                    body=[*_, ast.Raise() | ast.Return()],
                ) if guarded == name:
                    allowed = [inner for one in self.of(known, scope, depth) for inner in each(one)]
                    if allowed and not any(isinstance(one, Unknown) for one in allowed):
                        return once([*(one for one in found if not isinstance(one, Unknown)), *allowed])
                case _:
                    pass
        return found

    def _in_scope(self, name: str, scope: Scope, line: int, depth: int) -> tuple[Value, ...]:
        is_given = isinstance(scope.node, FUNCTIONS) and name in {one.arg for one in _parameters(scope.node)}
        if is_given and name in scope.names:
            # A parameter that is given another value on the way.
            before = [one for one in scope.names[name] if one.line < line]
            if not any(one.is_sure for one in before):
                return once([*parameter(self, name, scope, depth), *self._bound(before, scope, depth)])
            return self._bound(_latest(before, line), scope, depth)
        defined = scope.scopes.get(name)
        is_defined = defined is not None and isinstance(scope.node, ast.Module) and defined.node in scope.node.body
        if isinstance(scope.node, ast.Module) and name in scope.module.imports and not is_defined:
            # Imported where it can be, and something else where not.
            bound = self._bound(_latest(scope.names[name], line), scope, depth) if name in scope.names else ()
            found = [*self._imported(name, scope.module, depth), *bound]
            return once(one for one in found if not (isinstance(one, Const) and one.value is None))
        if name in scope.names:
            return self._bound(_latest(scope.names[name], line), scope, depth)
        if name in scope.scopes:
            return (Own(scope.scopes[name]),)
        if is_given:
            return parameter(self, name, scope, depth)
        return ()

    def _bound(self, bindings: Sequence[Binding], scope: Scope, depth: int) -> tuple[Value, ...]:
        found: list[Value] = []
        for binding in bindings:
            values = self.of(binding.value, scope, depth)
            if binding.each:
                values = tuple(inner for value in values for inner in each(value))
            for at in binding.at:
                values = tuple(inner for value in values for inner in item_of(value, (Const(at),)))
            found += values
        return once(found)

    def _imported(self, name: str, module: Module, depth: int) -> tuple[Value, ...]:
        if (dotted := module.imports.get(name)) is not None:
            return self._dotted(dotted, module, depth)
        for star in module.stars:
            there = self.application.module(star, module)
            if there is not None and there is not module:
                found = self._in_scope(name, there.scope, 1 << 30, depth)
                if found:
                    return found
                if name in there.imports:
                    return self._imported(name, there, depth)
            elif there is None and name[:1].isupper():
                return (Name(f"{star}.{name}"),)
        return (Unknown(f"'{name}' is not bound in what was read"),)

    def _dotted(self, dotted: str, module: Module, depth: int) -> tuple[Value, ...]:
        if (there := self.application.module(dotted, module)) is not None and there is not module:
            return (Own(there.scope),)
        start, _, last = dotted.rpartition(".")
        there = self.application.module(start, module) if start else None
        if there is None or there is module or depth > _DEEPEST:
            return (Name(dotted),)
        return self._in_scope(last, there.scope, 1 << 30, depth + 1) or self._imported(last, there, depth + 1)

    def _attribute(self, value: Value, name: str, depth: int) -> Iterable[Value]:
        match value:
            case Name(dotted):
                return (Name(f"{dotted}.{name}"),)
            case Own(scope) if isinstance(scope.node, ast.Module):
                found = self._in_scope(name, scope, 1 << 30, depth)
                return found or self._imported(name, scope.module, depth)
            case Own(scope) if isinstance(scope.node, ast.ClassDef):
                if name == "value":
                    return (value,)
                return self._of_class(scope, name, depth)
            case Own(scope):
                return (Unknown(f"an attribute of the function {getattr(scope.node, 'name', '')}"),)
            case Instance(scope, call, within):
                for keyword in call.keywords:
                    if keyword.arg == name and not _has(scope, "__init__"):
                        return self.of(keyword.value, within, depth)
                return self._of_class(scope, name, depth)
            case Arguments(parser):
                return argument(self, parser, name, depth)
            case Const() if name == "value":
                # A member of an enumeration.
                return (value,)
            case Unknown():
                return (value,)
            case _:
                return (Unknown(f"the attribute {name} of something that is computed"),)

    def _of_class(self, scope: Scope, name: str, depth: int) -> tuple[Value, ...]:
        if depth > _DEEPEST:
            return (Unknown("it goes round in a circle"),)
        found: list[Value] = []
        if name in scope.names:
            found += self._bound(_latest(scope.names[name], 1 << 30), scope, depth)
        for method, binding in scope.attributes.get(name, []):
            found += self._bound([binding], method, depth)
        if not found and name in scope.scopes:
            inner = scope.scopes[name]
            is_property = any("property" in ast.dump(one) for one in getattr(inner.node, "decorator_list", []))
            return self.returned(inner, depth) if is_property else (Own(inner),)
        if not found and isinstance(scope.node, ast.ClassDef):
            for base in scope.node.bases:
                for parent in self.of(base, scope.parent or scope, depth):
                    if isinstance(parent, Own) and parent.scope is not scope:
                        found += self._of_class(parent.scope, name, depth + 1)
        return once(found) or (Unknown(f"nothing gives '{name}' a value"),)

    def returned(self, scope: Scope, depth: int) -> tuple[Value, ...]:
        """What a function of the application's gives."""
        found: list[Value] = []
        for node in _own_nodes(scope.node):
            if isinstance(node, ast.Return) and node.value is not None:
                found += self.of(node.value, scope, depth)
        return once(found) or (Unknown(f"what {getattr(scope.node, 'name', 'a function')} gives"),)

    def table(self, keys: Sequence[ast.expr | None], values: Sequence[ast.expr], scope: Scope, depth: int) -> Table:
        """A dictionary of these keys and values."""
        pairs = []
        for key, value in list(zip(keys, values, strict=True))[:MOST_PAIRS]:
            if key is None:
                for inner in self.of(value, scope, depth):
                    pairs += list(inner.pairs) if isinstance(inner, Table) else []
                continue
            pairs.append((self.of(key, scope, depth), self.of(value, scope, depth)))
        return Table(tuple(pairs))


def _latest(bindings: Sequence[Binding], line: int) -> list[Binding]:
    """The bindings that a use in ``line`` can see: the last sure one before it, and what may come after that."""
    # What is bound in a line stands there for what it was before, unless that is a constant.
    before = [one for one in bindings if one.line < line or (one.line == line and _is_plain(one))] or list(bindings)
    sure = [at for at, one in enumerate(before) if one.is_sure and not one.each]
    return before[sure[-1] :] if sure else before


def _is_plain(binding: Binding) -> bool:
    return binding.each or isinstance(binding.value, ast.Constant)


def _parameters(node: ast.AST) -> list[ast.arg]:
    assert isinstance(node, FUNCTIONS)
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, less those of functions in it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (*FUNCTIONS, ast.ClassDef)):
            yield child
            yield from _own_nodes(child)


def _has(scope: Scope, name: str) -> bool:
    return name in scope.scopes
