"""The modules of an application, what their names are bound to, and who calls what. Changes with Python's names."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from prewarm.authoring.scan.sources import Source

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Scoped: TypeAlias = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Binding:
    """One place where a name gets a value."""

    value: ast.expr | None
    """None: nothing that can be read."""
    line: int
    is_sure: bool = True
    """Whether the scope always comes by: not within a condition or a loop."""
    each: bool = False
    """Whether the name stands for each item of the value."""
    at: tuple[int, ...] = ()
    """Where in an unpacked value."""


@dataclass(eq=False)
class Scope:
    """A module, a class or a function."""

    node: Scoped
    module: Module
    parent: Scope | None
    names: dict[str, list[Binding]] = field(default_factory=lambda: defaultdict(list))
    attributes: dict[str, list[tuple[Scope, Binding]]] = field(default_factory=lambda: defaultdict(list))
    """Of a class: what ``self.name`` gets in its methods."""
    scopes: dict[str, Scope] = field(default_factory=dict)
    """Functions and classes by name."""

    @property
    def owner(self) -> Scope | None:
        """The class that a method is of."""
        scope: Scope | None = self
        while scope is not None and not isinstance(scope.node, ast.ClassDef):
            scope = scope.parent
        return scope


@dataclass(eq=False)
class Module:
    """One file of Python."""

    source: Source
    name: str
    """Dotted, from the folder that was named; the last part is enough to be imported by."""
    imports: dict[str, str] = field(default_factory=dict)
    """Name to what it is imported as, dotted."""
    stars: list[str] = field(default_factory=list)
    """Modules of ``from x import *``."""
    scope: Scope = field(init=False)
    calls: list[tuple[ast.Call, Scope]] = field(default_factory=list)


class Application:
    """All modules.

    Args:
        sources: the files.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self.modules: list[Module] = []
        self.too_deep: list[str] = []
        """Files that are nested deeper than can be followed."""
        for source in sources:
            try:
                self.modules += [_module(source)] if source.tree is not None else []
            except RecursionError:
                self.too_deep.append(source.name)
        self._by_name: dict[str, Module] = {}
        for module in self.modules:
            steps = module.name.split(".")
            for at in range(len(steps)):
                self._by_name.setdefault(".".join(steps[at:]), module)
        self.callers: dict[str, list[tuple[ast.Call, Scope]]] = defaultdict(list)
        """By the last part of what is called."""
        for module in self.modules:
            for call, scope in module.calls:
                name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
                self.callers[name].append((call, scope))

    def module(self, dotted: str, near: Module) -> Module | None:
        """A module of the application's own; the one of the same folder where two have the name."""
        beside = near.name.rpartition(".")[0]
        return self._by_name.get(f"{beside}.{dotted}" if beside else dotted) or self._by_name.get(dotted)


def _module(source: Source) -> Module:
    assert source.tree is not None
    steps = (
        source.name.removesuffix(".py").removesuffix(".ipynb").removesuffix("/__init__").replace("\\", "/").split("/")
    )
    module = Module(source=source, name=".".join(step for step in steps if step not in ("", ".")))
    module.scope = Scope(node=source.tree, module=module, parent=None)
    _Binder(module).bind(source.tree.body, module.scope, is_sure=True)
    return module


class _Binder:
    """Goes through a module once."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def bind(self, body: Sequence[ast.stmt], scope: Scope, *, is_sure: bool) -> None:
        for statement in body:
            self._statement(statement, scope, is_sure=is_sure)

    def _statement(self, node: ast.stmt, scope: Scope, *, is_sure: bool) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._scoped(node, scope)
                return
            case ast.Import() | ast.ImportFrom():
                self._imported(node)
                return
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._target(target, value, scope, node.end_lineno or node.lineno, is_sure=is_sure)
            case ast.AnnAssign(target=target, value=value):
                self._target(target, value, scope, node.lineno, is_sure=is_sure)
            case ast.AugAssign(target=target):
                self._target(target, None, scope, node.lineno, is_sure=False)
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                self._target(target, value, scope, node.lineno, is_sure=is_sure, each=True)
            case ast.With(items=items) | ast.AsyncWith(items=items):
                for item in items:
                    if item.optional_vars is not None:
                        self._target(item.optional_vars, item.context_expr, scope, node.lineno, is_sure=is_sure)
            case _:
                pass
        self._expressions(node, scope, is_sure=is_sure)
        stays = is_sure and isinstance(node, (ast.With, ast.AsyncWith, ast.Try))
        for inner in _bodies(node):
            # What follows an exception may come by, or not.
            is_main = inner is getattr(node, "body", None) or inner is getattr(node, "finalbody", None)
            self.bind(inner, scope, is_sure=stays and is_main)

    def _scoped(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, scope: Scope) -> None:
        inner = Scope(node=node, module=self._module, parent=scope)
        scope.scopes[node.name] = inner
        for decorator in node.decorator_list:
            self._calls(decorator, scope)
        if not isinstance(node, ast.ClassDef):
            for default in (*node.args.defaults, *(one for one in node.args.kw_defaults if one is not None)):
                self._calls(default, scope)
        self.bind(node.body, inner, is_sure=True)

    def _imported(self, node: ast.Import | ast.ImportFrom) -> None:
        imports = self._module.imports
        if isinstance(node, ast.Import):
            for alias in node.names:
                imports[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
            return
        start = node.module or ""
        if node.level:
            steps = self._module.name.split(".")
            is_package = self._module.source.path.name == "__init__.py"
            kept = steps[: len(steps) - node.level + is_package]
            start = ".".join([*kept, *filter(None, [start])])
        for alias in node.names:
            if alias.name == "*":
                self._module.stars.append(start)
            else:
                imports[alias.asname or alias.name] = f"{start}.{alias.name}" if start else alias.name

    def _target(
        self,
        target: ast.expr,
        value: ast.expr | None,
        scope: Scope,
        line: int,
        *,
        is_sure: bool,
        each: bool = False,
        at: tuple[int, ...] = (),
    ) -> None:
        match target:
            case ast.Name(id=name):
                scope.names[name].append(Binding(value, line, is_sure, each, at))
            case ast.Tuple(elts=items) | ast.List(elts=items):
                for number, item in enumerate(items):
                    self._target(item, value, scope, line, is_sure=is_sure, each=each, at=(*at, number))
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name) if (owner := scope.owner) is not None:
                owner.attributes[name].append((scope, Binding(value, line, is_sure, each, at)))
            case _:
                pass

    def _expressions(self, node: ast.stmt, scope: Scope, *, is_sure: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
                continue
            self._calls(child, scope, is_sure=is_sure)

    def _calls(self, node: ast.AST, scope: Scope, *, is_sure: bool = False) -> None:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call):
                self._module.calls.append((inner, scope))
            elif isinstance(inner, ast.NamedExpr):
                self._target(inner.target, inner.value, scope, inner.lineno, is_sure=is_sure)
            elif isinstance(inner, ast.comprehension):
                self._target(inner.target, inner.iter, scope, inner.iter.lineno, is_sure=False, each=True)


def _bodies(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        inner = getattr(node, name, None)
        if isinstance(inner, list):
            yield inner
    for handler in getattr(node, "handlers", []):
        yield handler.body
    for case in getattr(node, "cases", []):
        yield case.body
