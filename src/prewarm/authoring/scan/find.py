"""Every model that an application loads, with its line, and what was not decided. Changes with what is told."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prewarm.authoring.draft import Draft
from prewarm.authoring.scan.entries import Load, drafts_of, merged
from prewarm.authoring.scan.evaluate import Evaluator
from prewarm.authoring.scan.loaders import (
    BUILDERS,
    BY_KEYWORD,
    CALLS,
    CANONICAL,
    METHODS,
    OF_CTRANSLATE2,
    PACKAGES,
    Loader,
    whole_id,
)  # fmt: skip
from prewarm.authoring.scan.modules import Application, Scope
from prewarm.authoring.scan.sources import Source
from prewarm.authoring.scan.texts import configured, downloaded, served
from prewarm.authoring.scan.told import Found, Unsure
from prewarm.authoring.scan.values import Const, Instance, Items, Made, Name, Own, Table, Unknown, Value
from prewarm.records import names

_NO_PYTHON = "it is no Python"
_FOLDERS = (
    "models", "model", "checkpoints", "checkpoint", "output", "outputs", "data", "weights", "saved_models", "results",
    "saved", "artifacts", "assets", "cache", "tmp", "runs", "logs", "pretrained_models", "pretrained", "ckpt", "ckpts",
)  # fmt: skip
_FOLDER_WORDS = (*_FOLDERS, "tokenizer", "path", "best", "final", "best_model", "my_model", "final_model")
_FILES = (".bin", ".pt", ".pth", ".onnx", ".gguf", ".safetensors", ".json", ".ckpt", ".pkl", ".txt", ".zip", ".tar.gz")


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What was found."""

    found: tuple[Found, ...]
    drafts: tuple[Draft, ...]
    unsure: tuple[Unsure, ...]
    broken: tuple[Unsure, ...]
    """Files that cannot be read."""
    notes: tuple[str, ...]


def scan(sources: Sequence[Source]) -> Scan:
    """Every model that these files load.

    Args:
        sources: the files.
    """
    finder = _Finder(sources)
    loads = list(finder.loads())
    downloads, drafts, notes = downloaded(sources)
    serves = list(served(sources))
    drafts = [*drafts_of(loads, notes), *drafts]
    drafts += [Draft(id=one.id, keys={"model_class": "AutoModelForCausalLM"}, where=(one.where,)) for one in serves]
    return Scan(
        found=_ordered([*(one.found for one in loads), *downloads, *serves]),
        drafts=tuple(merged(drafts)),
        unsure=(*finder.unsure, *configured(sources)),
        broken=(
            *(Unsure(where=one.name, said=one.broken) for one in sources if one.broken),
            *(Unsure(where=f"{one.name}:cell {cell}", said=_NO_PYTHON) for one in sources for cell in one.left_out),
            *finder.broken,
        ),
        notes=tuple(dict.fromkeys(notes)),
    )


class _Finder:
    """Looks at each call of an application."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._application = Application(sources)
        self.broken = [Unsure(where=name, said="it lies too deep") for name in self._application.too_deep]
        self._values = Evaluator(self._application)
        self.unsure: list[Unsure] = []

    def loads(self) -> Iterator[Load]:
        """What is loaded."""
        for module in self._application.modules:
            for call, scope in module.calls:
                try:
                    yield from [load for loader in self._loaders(call, scope) for load in self._of(call, scope, loader)]
                except RecursionError:
                    where = module.source.where(call.lineno)
                    self.unsure.append(Unsure(where=where, said="what it is given lies too deep"))

    def _loaders(self, call: ast.Call, scope: Scope) -> list[Loader]:
        func = call.func
        last = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
        if isinstance(func, ast.Attribute) and last in ("from_pretrained", "load_from_hub"):
            return self._from_pretrained(call, func.value, scope)
        known = CALLS.get(last)
        if known is None:
            return self._renamed(call, scope)
        if last in METHODS and isinstance(func, ast.Attribute):
            return [known]
        packages = PACKAGES.get(last)
        for value in self._values.of(func, scope):
            if isinstance(value, Name) and (packages is None or value.dotted.startswith(packages)):
                if last == "from_hparams":
                    return [Loader(name=_entry_name(value.dotted.rpartition(".")[0]), keywords=("source",))]
                return [known]
        return []

    def _renamed(self, call: ast.Call, scope: Scope) -> list[Loader]:
        """A call by another name: ``from sentence_transformers import SentenceTransformer as ST``."""
        if not isinstance(call.func, ast.Name) or call.func.id not in scope.module.imports:
            return []
        dotted = scope.module.imports[call.func.id]
        last = dotted.rpartition(".")[2]
        packages = PACKAGES.get(last)
        is_known = last in CALLS and packages is not None and dotted.startswith(packages)
        return [CALLS[last]] if is_known else []

    def _from_pretrained(self, call: ast.Call, owner: ast.expr, scope: Scope) -> list[Loader]:
        found: list[Loader] = []
        for value in self._values.of(owner, scope):
            if isinstance(value, Name):
                dotted = value.dotted
                if dotted.startswith("peft.PeftModel"):
                    found.append(Loader(name=self._base_of(call, scope), keywords=("model_id",), at=1))
                elif dotted.startswith("llama_cpp."):
                    found.append(Loader(name="llama_cpp:Llama", keywords=("repo_id",), kind="file"))
                else:
                    keywords = ("pretrained_model_name_or_path", "model_name", "model_id", "repo_id")
                    found.append(Loader(name=_entry_name(dotted), keywords=keywords))
            elif isinstance(value, Own) and isinstance(value.scope.node, ast.ClassDef):
                # A class of the application's, which inherits the call.
                if "from_pretrained" not in value.scope.scopes:
                    name = f"{value.scope.module.name}:{value.scope.node.name}"
                    found.append(Loader(name=name))
            elif isinstance(value, Unknown):
                found.append(Loader(name="AutoModel"))
        return found[:8]

    def _base_of(self, call: ast.Call, scope: Scope) -> str:
        """The class of the model that an adapter is put on: with it, transformers loads both."""
        for value in self._values.of(call.args[0], scope) if call.args else ():
            if isinstance(value, Made) and value.by.startswith("transformers."):
                return value.by.split(".")[-2]
        return "AutoModel"

    def _of(self, call: ast.Call, scope: Scope, loader: Loader) -> Iterator[Load]:
        source = scope.module.source
        where = source.where(call.lineno)
        values = tuple(self._named(call, scope, loader))
        said = f"{loader.name or 'a model'}: "
        for value in values:
            if isinstance(value, Const) and isinstance(value.value, str):
                repo_id = whole_id(loader, value.value)
                if why := _is_no_repository(repo_id, loader, source.path, is_one=len(values) == 1):
                    self.unsure.append(Unsure(where=where, said=f"{said}{why}"))
                    continue
                found = Found(
                    id=repo_id,
                    call=loader.name.rpartition(":")[2],
                    where=where,
                    file=source.name,
                    line=call.lineno,
                    is_ignored=call.lineno in source.ignored,
                )
                args, given = self._rest(call, scope, loader, value.value, repo_id)
                yield Load(found=found, name=loader.name, kind=loader.kind, args=args, given=given)
            elif isinstance(value, Unknown):
                self.unsure.append(Unsure(where=where, said=f"{said}{value.why}"))
            elif isinstance(value, Name):
                self.unsure.append(Unsure(where=where, said=f"{said}{value.dotted} is of a module that was not read"))
        if not values and loader.kind != "pipeline" and not loader.default:
            self.unsure.append(Unsure(where=where, said=f"{said}nothing gives it a value"))

    def _named(self, call: ast.Call, scope: Scope, loader: Loader) -> Iterable[Value]:
        given = [one.value for one in call.keywords if one.arg in loader.keywords]
        if not given and loader.at == BY_KEYWORD and call.args:
            return (Unknown("it is given something that its class does not take"),)
        if not given and len(call.args) > loader.at and not any(isinstance(one, ast.Starred) for one in call.args):
            given = [call.args[loader.at]]
        if not given:
            spread = [one.value for one in call.keywords if one.arg is None]
            for one in spread:
                for table in self._values.of(one, scope):
                    if isinstance(table, Table):
                        for key, found in table.pairs:
                            if any(isinstance(word, Const) and word.value in loader.keywords for word in key):
                                return found
            if spread:
                return (Unknown("its arguments are put together elsewhere"),)
            if loader.default:
                return (Const(loader.default),)
            if loader.kind == "pipeline":
                return (Unknown("a pipeline without a model takes one that transformers chooses"),)
            return (Unknown("it is given no id"),)
        values = self._values.of(given[0], scope)
        if loader.kind == "pipeline" or loader.default:
            # A model that is loaded already is another call's.
            return [one for one in values if not isinstance(one, (Name, Instance, Own)) and not _is_object(one)]
        return values

    def _rest(
        self, call: ast.Call, scope: Scope, loader: Loader, said: str, repo_id: str
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What the call is given beside the id, as a recording has it."""
        args: list[Any] = []
        for at, node in enumerate(call.args):
            args.append(said if at == loader.at else self._constant(node, scope))
        given = {
            one.arg: self._constant(one.value, scope)
            for one in call.keywords
            if one.arg is not None and one.arg not in loader.keywords
        }
        of_transformers = ":" not in loader.name
        if of_transformers or loader.name.startswith(("peft:", "fastembed:")) or loader.sizes or loader.prefix:
            args = [repo_id]
        if loader.name == "transformers:pipeline":
            args = [given["task"]] if "task" in given else args[:1]
        if loader.name.endswith(("PeftModel", "SentenceTransformer", "CrossEncoder")) or not of_transformers:
            given = {key: value for key, value in given.items() if key not in _LANGCHAIN_KEYS}
        return tuple(args), given

    def _constant(self, node: ast.expr, scope: Scope) -> Any:
        values = self._values.of(node, scope)
        return _plain(values[0]) if len(values) == 1 else {"!": "computed"}


_LANGCHAIN_KEYS = ("model_kwargs", "encode_kwargs", "query_instruction", "show_progress", "multi_process", "device")


def _entry_name(dotted: str) -> str:
    package, _, rest = dotted.partition(".")
    if package == "transformers":
        return dotted.rpartition(".")[2]
    module, _, last = dotted.rpartition(".")
    return f"{module or package}:{last or rest}"


def _plain(value: Value) -> Any:
    match value:
        case Const(inner):
            return inner if isinstance(inner, (str, int, float, bool, type(None))) else {"!": "computed"}
        case Items(items):
            return [_plain(item[0]) if len(item) == 1 else {"!": "computed"} for item in items]
        case Table(pairs):
            return {str(_plain(key[0])): _plain(found[0]) for key, found in pairs if len(key) == len(found) == 1}
        case Name(dotted) if dotted.startswith("torch."):
            return dotted.removeprefix("torch.")
        case _:
            return {"!": "computed"}


def _is_object(value: Value) -> bool:
    return isinstance(value, Made)


def _is_no_repository(said: str, loader: Loader, near: Path, *, is_one: bool) -> str:
    """Why a text is no repository's id; empty: it is one."""
    if loader.kind == "dataset" and said in BUILDERS:
        return f"'{said}' is a kind of files"
    if loader.name.startswith(("timm:", "open_clip:")) and "/" not in said:
        return f"'{said}' is a name of {loader.name.partition(':')[0]}'s own: prewarm record sees what it fetches"
    if not names.is_repo_id(said) or said.startswith((".", "~")) or said.lower().endswith(_FILES):
        return f"'{said[:80]}' is no repository: a folder or a file"
    if loader.sizes is not None and not is_one and not any(word in said.lower() for word in OF_CTRANSLATE2):
        # Where a choice among libraries was made before, which is not followed.
        return f"'{said}' is not for faster-whisper, by its name"
    if loader.sizes is None and not is_one and "faster-whisper" in said:
        return f"'{said}' is for faster-whisper, by its name"
    if loader.kind != "dataset" and "/" not in said and not said.startswith(CANONICAL):
        return f"'{said}' has no namespace, and is none of the ids without one"
    first = said.partition("/")[0].lower()
    if (near.parent / said).exists() or (Path.cwd() / said).exists():
        return f"'{said}' is a folder here"
    is_folder = first in _FOLDERS if "/" in said else said.lower() in _FOLDER_WORDS
    return f"'{said}' looks like a folder" if is_folder else ""


def _ordered(found: Iterable[Found]) -> tuple[Found, ...]:
    once = {(one.file, one.line, one.id, one.call): one for one in found}
    return tuple(once[key] for key in sorted(once))
