"""Runs a wrapped model's class in its own environment: standard library only, Python 3.8 and newer.

``python …/_run REQUEST ANSWER``: the request names the folder and the sample; the answer is what the class gave for it,
alone and as a batch, or the step that failed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
import traceback

_METHODS = ("init", "inference", "inference_batch")
_COUNT = 3


def main(request_path, answer_path):
    """Answer a request."""
    with open(request_path, encoding="utf-8") as file:
        request = json.load(file)
    stage = ["import of src/inference.py"]
    try:
        answer = run(request, stage)
    except BaseException as error:
        said = str(error) or type(error).__name__
        message = said if type(error).__name__ == "LookupError" else "%s: %s" % (type(error).__name__, said)
        answer = {"error": {"stage": stage[0], "message": message, "trace": traceback.format_exc()}}
    with open(answer_path, "w", encoding="utf-8") as file:
        json.dump(answer, file)


def run(request, stage):
    """Load the class, and send the sample through it."""
    src = os.path.join(request["folder"], "src")
    os.chdir(src)
    sys.path.insert(0, src)
    module = load(os.path.join(src, "inference.py"))
    stage[0] = "the class"
    kind = class_of(module)
    stage[0] = "%s()" % kind.__name__
    model = kind()
    stage[0] = "init"
    began = time.perf_counter()
    model.init(os.path.join(request["folder"], "model"))
    init_s = time.perf_counter() - began
    put_in = converter(kind, "convert_", "_input_to_model_input")
    put_out = converter(kind, "convert_model_output_to_", "_output")
    stage[0] = put_in
    given = [getattr(model, put_in)(as_input(request["sample"])) for _ in range(_COUNT + 1)]
    stage[0] = "inference"
    began = time.perf_counter()
    single = model.inference(given[0])
    inference_s = time.perf_counter() - began
    stage[0] = "inference_batch"
    batch = list(model.inference_batch(given[1:]))
    stage[0] = put_out
    return {
        "class": kind.__name__,
        "single": plain(getattr(model, put_out)(single)),
        "batch": [plain(getattr(model, put_out)(one)) for one in batch],
        "count": _COUNT,
        "init_s": init_s,
        "inference_s": inference_s,
    }


def load(path):
    """The module in a file, under the name that others import it by."""
    spec = importlib.util.spec_from_file_location("inference", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["inference"] = module
    spec.loader.exec_module(module)
    return module


def class_of(module):
    """The class of a module that has the methods: its own, and the last in a row of classes."""
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == module.__name__]
    able = [kind for kind in kinds if all(callable(getattr(kind, name, None)) for name in _METHODS)]
    able = [kind for kind in able if not any(other is not kind and issubclass(other, kind) for other in able)]
    if not able:
        lost = [
            "%s lacks %s" % (kind.__name__, ", ".join(n for n in _METHODS if not hasattr(kind, n))) for kind in kinds
        ]
        raise LookupError(
            "no class of src/inference.py has %s: %s" % (", ".join(_METHODS), "; ".join(lost) or "there is none")
        )
    if len(able) > 1:
        names = ", ".join(kind.__name__ for kind in able)
        raise LookupError("several classes have %s: %s" % (", ".join(_METHODS), names))
    return able[0]


def converter(kind, start, end):
    """The name of a converter."""
    named = [name for name in dir(kind) if name.startswith(start) and name.endswith(end)]
    found = [name for name in named if callable(getattr(kind, name))]
    if not found:
        raise LookupError("%s has no %s…%s" % (kind.__name__, start, end))
    return found[0]


class Input(object):
    """A sample, where the package that has a class for it is not there."""

    def __init__(self, table):
        for name in ("text", "image", "images", "width", "height"):
            setattr(self, name, table.get(name))
        for name, value in table.items():
            setattr(self, name, value)


def as_input(table):
    """A sample as the converter takes it."""
    try:
        from mop_utils.base_model_wrapper import MopInferenceInput
    except ImportError:
        return Input(table)
    return MopInferenceInput().from_dict(dict(table))


def plain(value):
    """A value as JSON can say it."""
    if hasattr(value, "output") and not isinstance(value, dict):
        value = value.output
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError("a %s is no part of an answer" % type(value).__name__)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
