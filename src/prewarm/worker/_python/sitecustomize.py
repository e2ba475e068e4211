"""Notes what a Python process loads of the Hub: class, arguments, and the line that asks. Changes with these libraries.

Found by the interpreter since its folder is the first on PYTHONPATH; stands aside for a sitecustomize that was there.
Standard library only. PREWARM_RECORD names the file that each call is appended to, a line of JSON each.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Every process imports this file: no more than it needs.
    from typing import Any

_STANDARD = os.path.dirname(os.__file__)
_HERE = os.path.dirname(os.path.abspath(__file__))
_CALLS = {
    "transformers.modeling_utils": ["PreTrainedModel.from_pretrained"],
    "transformers.models.auto.auto_factory": ["_BaseAutoModelClass.from_pretrained"],
    "transformers.models.auto.tokenization_auto": ["AutoTokenizer.from_pretrained"],
    "transformers.models.auto.processing_auto": ["AutoProcessor.from_pretrained"],
    "transformers.models.auto.image_processing_auto": ["AutoImageProcessor.from_pretrained"],
    "transformers.models.auto.video_processing_auto": ["AutoVideoProcessor.from_pretrained"],
    "transformers.models.auto.feature_extraction_auto": ["AutoFeatureExtractor.from_pretrained"],
    "transformers.models.auto.configuration_auto": ["AutoConfig.from_pretrained"],
    "transformers.tokenization_utils_base": ["PreTrainedTokenizerBase.from_pretrained"],
    "transformers.processing_utils": ["ProcessorMixin.from_pretrained"],
    "transformers.image_processing_base": ["ImageProcessingMixin.from_pretrained"],
    "transformers.feature_extraction_utils": ["FeatureExtractionMixin.from_pretrained"],
    "transformers.pipelines": ["pipeline"],
    "sentence_transformers.sentence_transformer.model": ["SentenceTransformer.__init__"],
    "sentence_transformers.cross_encoder.model": ["CrossEncoder.__init__"],
    "sentence_transformers.sparse_encoder.model": ["SparseEncoder.__init__"],
    "sentence_transformers.SentenceTransformer": ["SentenceTransformer.__init__"],
    "diffusers.pipelines.pipeline_utils": ["DiffusionPipeline.from_pretrained"],
    "diffusers.models.modeling_utils": ["ModelMixin.from_pretrained"],
    "timm.models._factory": ["create_model"],
    "open_clip.factory": [
        "create_model_and_transforms",
        "create_model",
        "create_model_from_pretrained",
        "get_tokenizer",
    ],
    "faster_whisper.transcribe": ["WhisperModel.__init__"],
    "peft.auto": ["_BaseAutoPeftModel.from_pretrained"],
    "peft.peft_model": ["PeftModel.from_pretrained"],
    "model2vec.model": ["StaticModel.from_pretrained"],
    "datasets.load": ["load_dataset"],
    "huggingface_hub.hub_mixin": ["ModelHubMixin.from_pretrained"],
    "huggingface_hub.file_download": ["hf_hub_download"],
    "huggingface_hub._snapshot_download": ["snapshot_download"],
}
"""Module to what of it is called."""
_LIBRARIES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_own = threading.local()
_going: list[str] = []
"""The application's calls that have not come back: libraries go on with them in threads of their own."""
_writing = threading.Lock()


def _note(line: dict[str, Any]) -> None:
    text = json.dumps(line) + "\n"
    with _writing, contextlib.suppress(OSError):
        descriptor = os.open(os.environ["PREWARM_RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(inner) for key, inner in value.items()}
    if type(value).__name__ == "dtype":
        return str(value).removeprefix("torch.")
    return {"!": type(value).__name__}


def _name(owner: Any) -> str:
    """``Class`` for one of transformers, else ``package:Name`` or ``package.module:Name``."""
    module, name = str(owner.__module__), str(owner.__qualname__)
    top = module.partition(".")[0]
    if top == "transformers":
        return name
    is_top = False
    with contextlib.suppress(Exception):
        is_top = getattr(sys.modules[top], name, None) is owner
    return f"{top if is_top else module}:{name}"


def _caller() -> tuple[str, int]:
    frame: Any = sys._getframe(2)
    found = ("", 0)
    while frame is not None:
        path = frame.f_code.co_filename
        if path != __file__ and not found[0]:
            found = (path, frame.f_lineno)
        if path != __file__ and not _is_of_a_library(path):
            return path, frame.f_lineno
        frame = frame.f_back
    return found


def _is_of_a_library(path: str) -> bool:
    return path.startswith(("<frozen", _STANDARD + os.sep)) or any(part in path for part in _LIBRARIES)


def _noted(call: Any, name_of: Any, skips: int) -> Any:
    @functools.wraps(call)
    def noting(*args: Any, **given: Any) -> Any:
        outer = getattr(_own, "outer", None)
        file, line = _caller()
        if outer is None and _going and _is_of_a_library(file):
            outer = _going[-1]
        said = {
            "name": name_of(args),
            "args": _plain(args[skips:]),
            "given": _plain(given),
            "file": file,
            "line": line,
            "within": outer,
        }
        if outer is None:
            _own.outer = f"{os.getpid()}-{threading.get_ident()}-{id(said)}"
            said["call"] = _own.outer
            _going.append(_own.outer)
        with contextlib.suppress(Exception):
            _note(said)
        try:
            return call(*args, **given)
        finally:
            if outer is None:
                _going.remove(_own.outer)
                _own.outer = None

    noting.__dict__["__prewarm__"] = True
    return noting


def _watch(module: Any) -> None:
    for path in _CALLS[module.__name__]:
        owner_name, _, function = path.rpartition(".")
        owner = getattr(module, owner_name, None) if owner_name else module
        found = vars(owner).get(function) if owner is not None else None
        if found is None or getattr(found, "__prewarm__", False):
            continue
        if isinstance(found, classmethod):
            noting = _noted(found.__func__, lambda args: _name(args[0]), 1)
            setattr(owner, function, classmethod(noting))
        elif owner_name:
            setattr(owner, function, _noted(found, lambda args: _name(type(args[0])), 1))
        else:
            setattr(owner, function, _noted(found, functools.partial(_constant, _top(module, function)), 0))


def _top(module: Any, function: str) -> str:
    return f"{module.__name__.partition('.')[0]}:{function}"


def _constant(name: str, _: Any) -> str:
    return name


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self._loader.exec_module(module)
        with contextlib.suppress(Exception):
            _watch(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name not in _CALLS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


def _stand_aside() -> None:
    """Let a sitecustomize run that is further on the path."""
    others = [folder for folder in sys.path if os.path.abspath(folder or ".") != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


if os.environ.get("PREWARM_RECORD"):
    sys.meta_path.insert(0, _Finder())
_stand_aside()
