"""Names to classes, and the keywords that an application calls them with. Changes with from_pretrained."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any

from prewarm.proof.inside.request import Request
from prewarm.records.libraries import install_hint
from prewarm.worker.refused import Refused


def class_of(name: str) -> Any:
    """The class of that name, in transformers or as ``package.module:Class``.

    Raises:
        Refused: there is none.
    """
    module_name, colon, class_name = name.rpartition(":")
    if colon:
        package = module_name.partition(".")[0]
        if importlib.util.find_spec(package) is None:
            raise Refused("load-error", f"{name}: there is no package '{package}' here", install_hint(package))
    else:
        module_name = "transformers"
    module = importlib.import_module(module_name)
    found = getattr(module, class_name, None)
    if found is None:
        known = [name for name in dir(module) if name[:1].isupper()]
        near = difflib.get_close_matches(class_name, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"look at the classes of {module_name}"
        raise Refused("load-error", f"{module_name} has no class '{class_name}'", hint)
    return found


def is_auto(kind: Any) -> bool:
    """Whether it is one of transformers' Auto classes."""
    return str(kind.__name__).startswith("Auto") and str(kind.__module__).startswith("transformers.")


def keywords(request: Request, kind: Any, own: Mapping[str, Any]) -> dict[str, Any]:
    """What the application would pass to ``from_pretrained``."""
    given: dict[str, Any] = {"revision": request.revision}
    if is_auto(kind) or request.trust_remote_code:
        # Never None: transformers would ask on the terminal.
        given["trust_remote_code"] = request.trust_remote_code
    if is_auto(kind) and request.code_revision:
        given["code_revision"] = request.code_revision
    return {**given, **own}


def call(kind: Any, repo_id: str, given: Mapping[str, Any]) -> Any:
    """``Class.from_pretrained(id, …)``, or ``Class(id, …)`` where the class has no such method."""
    return (getattr(kind, "from_pretrained", None) or kind)(repo_id, **given)
