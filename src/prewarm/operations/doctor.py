"""What is wrong on this machine, and how to mend it. Changes with what is looked at.

Whatever is wrong, the rest is looked at as well: each part gives what it found, and what it could not look at.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from prewarm import __version__
from prewarm.cache.installed import versions_of
from prewarm.operations.examine_cache import examine_cache
from prewarm.operations.project import Project, load
from prewarm.records.errors import NoManifestError, PrewarmError
from prewarm.records.examined import Examined, State
from prewarm.records.libraries import HOMES
from prewarm.records.text import quoted, without_credentials
from prewarm.records.units import plural

_LIBRARIES = ("huggingface_hub", "transformers", "torch", "tokenizers", "safetensors")
_USERS = (
    "transformers", "tokenizers", "sentence-transformers", "diffusers", "datasets", "peft", "accelerate", "hf-prewarm",
    "huggingface_hub", "timm", "faster-whisper", "setfit",
)  # fmt: skip
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_CONFINED = (
    "import json; from prewarm.worker.confine import Wanted, confine; "
    "held = confine(Wanted()); print(json.dumps([held.by, held.lacks]))"
)


def examine(path: Path | None, environ: Mapping[str, str]) -> list[Examined]:
    """Look at all of it.

    Args:
        path: the manifest; None: the one of the working directory, if any.
        environ: the process's environment.
    """
    found: list[Examined] = []
    project, said = _manifest(path, environ)
    for topic, part in (
        ("versions", _versions),
        ("environment", lambda: _environment(environ)),
        ("manifest", lambda: said),
        ("cache", lambda: examine_cache(project, environ)),
        ("elsewhere", lambda: _elsewhere(environ)),
        ("network", lambda: _network(environ)),
        ("hub", lambda: _hub(project, environ)),
        ("confinement", _confinement),
    ):
        found += _tried(topic, part)
    return found


def _tried(topic: str, part: Callable[[], Iterable[Examined]]) -> list[Examined]:
    try:
        return list(part())
    except PrewarmError as error:
        return [Examined(topic=topic, said=str(error), state="wrong", hint=error.hint)]
    except Exception as error:  # noqa: BLE001 (one part's trouble is its own)
        return [Examined(topic=topic, said=f"it could not be looked at: {quoted(repr(error), 200)}", state="wrong")]


def _versions() -> Iterator[Examined]:
    found = versions_of(_LIBRARIES)
    told = [f"prewarm {__version__}", f"Python {'.'.join(map(str, sys.version_info[:3]))}"]
    told += [f"{name} {version}" for name, version in found.items() if version]
    yield Examined(topic="versions", said=", ".join(told))
    for name in _LIBRARIES[:3]:
        if found[name] is None:
            yield Examined(
                topic="versions", said=f"{name} is not installed", state="wrong", hint=f"python -m pip install {name}"
            )
    yield from _at_odds()


def _at_odds() -> Iterator[Examined]:
    """Packages that are installed in a version that another one does not take."""
    from importlib import metadata  # noqa: PLC0415 (they take a while)

    from prewarm.audit.packages import requirements  # noqa: PLC0415

    for name in _USERS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            package = metadata.distribution(name)
            installed = [(needed, versions_of([needed.name])[needed.name]) for needed in requirements(package)]
            for needed, version in installed:
                if version is not None and not needed.specifier.contains(version, prereleases=True):
                    wanted = f"{needed.name}{needed.specifier}"
                    yield Examined(
                        topic="versions",
                        said=f"{name} {package.version} wants {wanted}, and {version} is there",
                        state="wrong",
                        hint=f"python -m pip install '{wanted}'",
                    )


def _environment(environ: Mapping[str, str]) -> Iterator[Examined]:
    is_virtual = sys.prefix != sys.base_prefix
    kind = "the virtual environment" if is_virtual else "Python's own, in no virtual environment:"
    yield Examined(topic="environment", said=f"{kind} {sys.prefix}")
    active = environ.get("VIRTUAL_ENV")
    if active and Path(active).resolve() != Path(sys.prefix).resolve():
        yield Examined(
            topic="environment",
            said=f"{active} is active, and prewarm runs in another: what it proves is not what the application loads",
            state="wrong",
            hint=f"{Path(active, 'bin', 'python')} -m pip install hf-prewarm",
        )
        return
    python = shutil.which("python", path=environ.get("PATH"))
    if python and not _is_same(Path(python)):
        yield Examined(
            topic="environment",
            said=f"'python' is {python}, of another environment than prewarm's",
            state="note",
            hint=f"{python} -m pip install hf-prewarm, if the application runs with it",
        )


def _is_same(python: Path) -> bool:
    # An environment's python is a link to another one's: its folder tells.
    return python.parent.resolve() == Path(sys.executable).parent.resolve() or python.resolve() == Path(sys.executable)


def _manifest(path: Path | None, environ: Mapping[str, str]) -> tuple[Project | None, list[Examined]]:
    try:
        project = load(path, environ=environ)
    except PrewarmError as error:
        state: State = "note" if isinstance(error, NoManifestError) else "wrong"
        return None, [Examined(topic="manifest", said=str(error), state=state, hint=error.hint)]
    count = plural(len(project.entries), "entry")
    if project.has_whole_lock:
        return project, [Examined(topic="manifest", said=f"{project.manifest.path.name}, {count}, all of them locked")]
    said = f"{project.manifest.path.name}, {count}, and the lock is not what it says"
    return project, [Examined(topic="manifest", said=said, state="note", hint="prewarm lock")]


def _elsewhere(environ: Mapping[str, str]) -> Iterator[Examined]:
    for package, name in HOMES.items():
        if environ.get(name) and importlib.util.find_spec(package) is not None:
            yield Examined(
                topic="elsewhere",
                said=f"{name} is set: {package} looks in {environ[name]}, and not in the cache",
                state="wrong",
                hint=f"unset {name}; or export {name} with the cache's path",
            )
    for name in ("TRANSFORMERS_CACHE", "PYTORCH_TRANSFORMERS_CACHE", "PYTORCH_PRETRAINED_BERT_CACHE"):
        if environ.get(name):
            said = f"{name} is set: transformers 4 looks in {environ[name]}, transformers 5 does not read it"
            yield Examined(topic="elsewhere", said=said, state="wrong", hint=f"unset {name}, and set HF_HOME")


def _network(environ: Mapping[str, str]) -> Iterator[Examined]:
    proxies = [f"{name}={quoted(without_credentials(environ[name]), 80)}" for name in _PROXIES if environ.get(name)]
    if proxies:
        yield Examined(topic="proxies", said=", ".join(proxies))
    for name in _CERTIFICATES:
        if environ.get(name):
            is_there = Path(environ[name]).exists()
            said = f"{name}={environ[name]}" + ("" if is_there else ", which is not there")
            hint = "" if is_there else f"unset {name}, or let it name the file of your authority's certificates"
            yield Examined(topic="certificates", said=said, state="fine" if is_there else "wrong", hint=hint)


def _hub(project: Project | None, environ: Mapping[str, str]) -> Iterator[Examined]:
    from prewarm.hub.health import examine as examine_hub  # noqa: PLC0415 (as above)

    locked = project.lock.entries if project is not None else ()
    gated = dict.fromkeys(repo.repo for one in locked for repo in one.repos if repo.gated)
    yield from examine_hub(list(gated), environ)


def _confinement() -> Iterator[Examined]:
    done = subprocess.run(
        [sys.executable, "-c", _CONFINED],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    try:
        by, lacks = json.loads(done.stdout)
    except ValueError:
        yield Examined(topic="confinement", said="it could not be tried", state="note")
        return
    yield Examined(topic="confinement", said=f"what is loaded is held by {', '.join(by) or 'nothing'}")
    for said in lacks:
        hint = 'confinement = "required" refuses to run code of repositories here'
        yield Examined(topic="confinement", said=f"not kept from what is loaded: {said}", state="note", hint=hint)
