"""The process that loads models: offline, sockets barred, no token. Changes with what is barred and how it answers.

``--door N``: it is online, and one address answers: the one behind the door.

It is started as a file, and stands alone in its folder, so that it shadows no module of the code that it loads.
Requests and answers are files; a line with a file's name on the original standard input rings for a request, a line
on the original standard output for its answer. Standard input is empty for the models' code, and what that prints
goes to standard error.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from prewarm.proof.inside.classes import class_of
from prewarm.proof.inside.inspection import inspect_entry
from prewarm.proof.inside.loading import load
from prewarm.proof.inside.memory import forget_peak, hold, peak_rss_bytes
from prewarm.proof.inside.others import name_of, weights_of
from prewarm.proof.inside.request import Request, needs_remote_code
from prewarm.records.confinement import SWITCHED_OFF, Confinement
from prewarm.records.libraries import PACKAGES, install_hint, moved
from prewarm.worker import network
from prewarm.worker.confine import Wanted, confine
from prewarm.worker.refused import Refused

_LOST = ("LocalEntryNotFoundError", "RemoteEntryNotFoundError", "EntryNotFoundError")
_INTERNET = (socket.AF_INET, socket.AF_INET6)

network_attempts: list[str] = []
answering: list[tuple[str, int]] = []
"""The addresses that are not barred: one at most."""
looked_for: dict[tuple[str, str], None] = {}
"""(repo_id, path), in the order in which they were looked for; the values mean nothing."""


def look(what: tuple[str, str]) -> None:
    """Note a file that is not there; asked for again, it is the last one."""
    looked_for.pop(what, None)
    looked_for[what] = None


def bar(event: str, args: tuple[Any, ...]) -> None:
    """The audit hook: sockets are barred."""
    if event in ("socket.connect", "socket.sendto"):
        target = args[1] if args[0].family in _INTERNET and tuple(args[1][:2]) not in answering else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        # Before the answering address is connected to, its name is looked up.
        target = args[0] if args[0] not in [host for host, _ in answering] else None
    else:
        return
    if target is not None:
        network_attempts.append(str(target))
        raise ConnectionRefusedError(f"barred, because this has to load offline: {target}")


def watch_the_hub() -> None:
    """Note every file that is asked of the cache and not there, before transformers takes these functions."""
    import huggingface_hub

    load, download = huggingface_hub.try_to_load_from_cache, huggingface_hub.hf_hub_download

    def try_to_load_from_cache(repo_id: str, filename: str, *args: Any, **given: Any) -> Any:
        found = load(repo_id, filename, *args, **given)
        if not isinstance(found, str):
            look((repo_id, filename))
        return found

    def hf_hub_download(repo_id: str, filename: str, *args: Any, **given: Any) -> Any:
        try:
            return download(repo_id, filename, *args, **given)
        except Exception:
            folder = given.get("subfolder")
            look((repo_id, f"{folder}/{filename}" if folder else filename))
            raise

    huggingface_hub.try_to_load_from_cache = try_to_load_from_cache
    huggingface_hub.hf_hub_download = hf_hub_download


def load_entry(request: Request) -> dict[str, Any]:
    """Load processor and model, and say what they are."""
    for name in (request.processor, request.model_class):
        if name:
            # Imports are no part of the loading time.
            class_of(name)
    notes: list[str] = []
    forget_peak()
    began = time.perf_counter()
    loaded, keys = load(request, notes)
    load_s = time.perf_counter() - began
    model, processor = loaded.model, loaded.processor
    parameters, dtype = weights_of(model)
    told = class_of(request.then)(loaded, **request.given) if request.then else None
    return {
        "then": told,
        "model": name_of(model, class_of(request.model_class)) if request.model_class else None,
        "processor": type(processor).__name__ if processor is not None else None,
        "dtype": dtype,
        "parameters": parameters,
        "load_s": load_s,
        "peak_rss_bytes": peak_rss_bytes(),
        "notes": notes,
        **keys,
    }


def without_address(text: str) -> str:
    """``text`` with the Hub in the place of the address that answers for it here, which is a secret."""
    return text.replace(os.environ["HF_ENDPOINT"], "the Hub") if answering else text


def refusal(error: Exception, request: Request) -> Refused:
    """What the classes raised, with a kind and a hint."""
    if isinstance(error, Refused):
        return error
    said = without_address(" ".join(str(error).split())) or type(error).__name__
    if isinstance(error, ValueError) and "trust_remote_code" in said and not request.trust_remote_code:
        return needs_remote_code(request)
    is_lost = type(error).__name__ in _LOST or (isinstance(error, OSError) and "offline" in said)
    if is_lost and looked_for:
        # What the libraries say of a file that is nowhere, when they may not ask: that they could not connect.
        repo_id, path = list(looked_for)[-1]
        if elsewhere := moved(request.model_class, os.environ, os.environ["HF_HUB_CACHE"]):
            variable = elsewhere.partition(" ")[0]
            return Refused("load-error", elsewhere, f"unset {variable}, here and where the application runs")
        return Refused(
            "load-error",
            f"the classes want {path} of {repo_id}, which is not there",
            "another class may do without it (model_class, processor_class), it is elsewhere (subfolder), or "
            "exclude leaves it out",
        )
    if isinstance(error, ImportError):
        hint = _to_install(error, said)
        if request.is_quantised():
            hint += f"; or, where the application has it and this machine has not, write:\n{_files_only(request)}"
        return Refused("load-error", f"a package is missing: {said[:300]}", hint)
    if isinstance(error, MemoryError):
        hint = 'load less: dtype = "bfloat16"; or leave it to its files: proof = "files"'
        return Refused("load-error", "there is not enough memory to load it", hint)
    hint = "the files are verified, so look at the entry's classes and keywords; -v shows the trace"
    if request.is_quantised():
        hint += (
            f"; or, where this machine cannot run quantised weights and the application's can, write:"
            f"\n{_files_only(request)}"
        )
    return Refused("load-error", f"{type(error).__name__}: {said[:500]}", hint)


def _files_only(request: Request) -> str:
    return request.toml('proof = "files"')


def _to_install(error: ImportError, said: str) -> str:
    """What to install: what the library itself asks for, as far as it is known by that name."""
    words = [error.name or "", *re.findall(r"[\w.]+", said)]
    names = {package.lower(): module for module, package in PACKAGES.items()}
    named = re.search(r"pip install (?:-U )?([\w.-]+)", said)
    if named and named[1].lower() in names:
        return f"pip install {named[1].lower()}"
    known = next((word for word in words if word in PACKAGES or word.partition(".")[0] in PACKAGES), "")
    return install_hint(known or error.name or "what it names")


def answer_to(request: Request) -> dict[str, Any]:
    """Do what is asked, and say what was seen meanwhile."""
    network_attempts.clear()
    looked_for.clear()
    try:
        answer = inspect_entry(request)
        if request.do != "inspect":
            answer = load_entry(request)
    except Exception as error:
        found = refusal(error, request)
        trace = without_address(traceback.format_exc())
        answer = {"error": {"kind": found.kind, "message": found.message, "hint": found.hint, "trace": trace}}
    gc.collect()
    return {**answer, "network_attempts": list(network_attempts), "looked_for": list(looked_for)}


def write_bytecode() -> None:
    """Let another process import the libraries where that leaves files that save time, which this one may not write."""
    for name in ("torch", "transformers"):
        with contextlib.suppress(ImportError, ValueError, OSError):
            source = getattr(importlib.util.find_spec(name), "origin", None)
            if not source or Path(importlib.util.cache_from_source(source)).exists() or sys.dont_write_bytecode:
                continue
            if os.access(Path(source).parent, os.W_OK):
                code = f"import {name}"
                subprocess.run([sys.executable, "-I", "-c", code], stdin=subprocess.DEVNULL, check=False)


def main() -> None:
    """Answer until nobody rings any more."""
    bell_in, bell_out = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    # The folder of this file holds nothing to import; the application's own modules are where it is started.
    sys.path[0] = str(Path.cwd())
    options = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    port, has_own_network = None, False
    if "--door" in options:
        endpoint, has_own_network = network.enter(int(options["--door"]))
        os.environ["HF_ENDPOINT"] = endpoint
        found = urlsplit(endpoint)
        port = int(found.port or 0)
        answering.append((str(found.hostname), port))
    confined = Confinement(lacks=(SWITCHED_OFF,))
    hold()
    if "--confine" in options:
        write_bytecode()
        wanted = Wanted.read_from(Path(options["--confine"]))
        confined = confine(wanted, port=port, has_own_network=has_own_network)
    # Before any model's code runs.
    bell_out.write(json.dumps(asdict(confined)) + "\n")
    bell_out.flush()
    sys.addaudithook(bar)
    watch_the_hub()
    for name in ("torch", "transformers"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in bell_in:
        path = Path(line.rstrip("\n"))
        request = Request(**json.loads(path.read_text(encoding="utf-8")))
        answer = answer_to(request)
        path.with_name(f"{path.name}.answer").write_text(json.dumps(answer), encoding="utf-8")
        bell_out.write(line)
        bell_out.flush()


if __name__ == "__main__":
    main()
