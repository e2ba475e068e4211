# /// script
# requires-python = ">=3.10"
# dependencies = ["torch", "transformers"]
# ///
"""Brings the models below into the Hugging Face cache, and loads each once, offline.

    python download_models.py             what is missing is fetched, then everything is loaded without a network
    python download_models.py --offline   only load what is there, with sockets barred
    python download_models.py --check     only look whether every file is there

Exit codes: 0 all that is required is ready; 1 something is not; 2 wrong arguments; 130 interrupted.

The lists are made to be edited. An entry that LOCKED holds unchanged is fetched at its commit, those files alone. One that
was added or changed by hand is fetched by the repository's listing, by simple rules: safetensors before .bin; no copies
for TensorFlow, Flax, ONNX, GGUF, OpenVINO or Core ML; nothing in folders; whatever else it opens is not fetched.
"""

from __future__ import annotations

import fnmatch
import importlib
import json
import os
import random
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# How often a request is tried, and the longest that a limit of the Hub is waited for.
TRIES = 8
LONGEST_WAIT_S = 900
# Of files that are not fetched unless they are named.
OTHER_FORMATS = (".h5", ".msgpack", ".onnx", ".onnx_data", ".gguf", ".ot", ".tflite", ".pb", ".mlmodel", ".xml", ".md",
                 ".pt", ".pth", ".ckpt", ".zip", ".png", ".jpg", ".gitattributes", ".nemo", ".npz")  # fmt: skip
OTHER_FOLDERS = (".", "onnx/", "openvino/", "coreml/", "original/")
OF_ENTRY = ("revision", "subfolder", "variant", "use_safetensors", "trust_remote_code")

# AutoModel, and the processor that the files call for.
SIMPLE_MODELS: list[str] = []

# Keys: id, revision, model_class, processor_class, task, model_args, trust_remote_code, required, include,
# subfolder, variant, dtype, use_safetensors, model_kwargs, processor_kwargs, repo_type. As in from_pretrained; a class is
# a name in transformers or "package.module:Name"; False: none.
ADVANCED_MODELS: list[dict] = []

# Commits, and files with their sizes, as they were locked.
LOCKED: list[dict] = []

# ------------------------------------------------------------------------------------------------------------------------


def entries() -> list[dict]:
    pairs = [said.partition("@") for said in SIMPLE_MODELS]
    return [{"id": one, **({"revision": revision} if revision else {})} for one, _, revision in pairs] + ADVANCED_MODELS


def retrying(work):
    """Call ``work`` until it passes, waiting as the Hub's headers say."""
    for attempt in range(1, TRIES + 1):
        try:
            return work()
        except Exception as error:
            wait_s = wait_of(error, attempt)
            if wait_s is None or wait_s > LONGEST_WAIT_S or attempt == TRIES:
                raise
            print(f"  {type(error).__name__}: next try in {wait_s:.0f} s", file=sys.stderr, flush=True)
            time.sleep(wait_s)
    return None


try:
    import tenacity
except ImportError:
    pass
else:

    def retrying(work):
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: (wait_of(error, 1) or 1e9) <= LONGEST_WAIT_S),
            wait=lambda state: wait_of(state.outcome.exception(), state.attempt_number),
            stop=tenacity.stop_after_attempt(TRIES),
            reraise=True,
        )(work)


def wait_of(error: BaseException, attempt: int) -> float | None:
    """Seconds: what RateLimit says ("api";r=0;t=123), else Retry-After, else more each time; None: it is no use."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    is_broken = status is None and re.search("Connect|Timeout|Protocol|LocalEntry", repr(error))
    if not (is_broken or status in (408, 429) or (status or 0) >= 500):
        return None
    headers = {name.lower(): value for name, value in (getattr(response, "headers", None) or {}).items()}
    if status == 429 and (reset := re.search(r"\bt=(\d+)", headers.get("ratelimit", ""))):
        return float(reset[1]) + random.random()
    later = headers.get("retry-after", "")
    return float(later) if later.isdigit() else random.uniform(0.5, min(60.0, 2.0**attempt))


def repos_of(entry: dict, *, asks: bool) -> list[dict]:
    """The repositories of an entry: id, type, revision, commit, and files with their sizes."""
    for locked in LOCKED:
        if locked["entry"] == {name: value for name, value in entry.items() if name != "required"}:
            return locked["repos"]
    repo = {"id": entry["id"], "type": entry.get("repo_type", "model"), "revision": entry.get("revision", "main")}
    if asks:
        from huggingface_hub import HfApi

        given = {"revision": repo["revision"], "repo_type": repo["type"], "files_metadata": True}
        info = retrying(lambda: HfApi().repo_info(entry["id"], **given))
        sizes = {one.rfilename: one.size for one in info.siblings}
        return [{**repo, "commit": info.sha, "files": {path: sizes[path] for path in chosen_files(entry, list(sizes))}}]
    # What was fetched of it is what it needs.
    ref = folder_of(repo) / "refs" / repo["revision"]
    commit = ref.read_text().strip() if ref.is_file() else repo["revision"]
    at = folder_of(repo) / "snapshots" / commit
    files = {path.relative_to(at).as_posix(): path.stat().st_size for path in at.rglob("*") if path.is_file()}
    return [{**repo, "commit": commit, "files": files}] if files else []


def chosen_files(entry: dict, paths: list[str]) -> list[str]:
    """The simple rules, for what no lock names."""
    if entry.get("include") or entry.get("repo_type") == "dataset":
        globs = entry.get("include") or ["*"]
        return [path for path in paths if any(fnmatch.fnmatchcase(path, glob) for glob in globs)]
    folder = f"{entry['subfolder']}/" if entry.get("subfolder") else ""
    # Another library's class may look in folders.
    is_deep = ":" in str(entry.get("model_class") or "")
    inside = [path for path in paths if path.startswith(folder) and (is_deep or "/" not in path[len(folder) :])]
    kept = [path for path in inside if not path.startswith(OTHER_FOLDERS) and not path.lower().endswith(OTHER_FORMATS)]
    weights = [path for path in kept if path.endswith((".safetensors", ".bin")) and "training_args" not in path]
    safe = [path for path in weights if path.endswith(".safetensors")]
    weights = safe if safe and entry.get("use_safetensors") is not False else weights
    stems = {path: re.sub(r"-\d{5}-of-\d{5}", "", path.rpartition("/")[2]).rpartition(".")[0] for path in weights}
    ending = f".{entry['variant']}" if entry.get("variant") else ""
    varied = [path for path in weights if (stems[path].endswith(ending) if ending else "." not in stems[path])]
    rest = [path for path in kept if not path.endswith((".safetensors", ".bin"))]
    return rest + ((varied or weights) if entry.get("model_class") is not False else [])


def folder_of(repo: dict) -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / "--".join([repo["type"] + "s", *repo["id"].split("/")])


def missing_of(repo: dict) -> list[str]:
    at = folder_of(repo) / "snapshots" / repo["commit"]
    return [
        path for path, size in repo["files"].items() if not (at / path).is_file() or (at / path).stat().st_size != size
    ]


def points(repo: dict) -> bool:
    """Whether the revision means the commit, as an application asks for it offline."""
    ref = folder_of(repo) / "refs" / repo["revision"]
    return repo["revision"] == repo["commit"] or (ref.is_file() and ref.read_text().strip() == repo["commit"])


def fetch(repo: dict) -> int:
    from huggingface_hub import hf_hub_download

    def bring(path: str) -> None:
        given = {"revision": repo["commit"], "repo_type": repo["type"]}
        retrying(lambda: hf_hub_download(repo["id"], path, **given))

    missing = missing_of(repo)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(bring, missing))
    if lost := missing_of(repo):
        raise RuntimeError(f"{lost[0]} of {repo['id']} has not the size that was locked")
    if not points(repo):
        ref = folder_of(repo) / "refs" / repo["revision"]
        ref.parent.mkdir(parents=True, exist_ok=True)
        # The revision is pointed last: before, an application would find half of the files.
        ref.write_text(repo["commit"])
    return sum(repo["files"][path] for path in missing)


def named(name: str):
    module, colon, attribute = name.partition(":")
    return getattr(importlib.import_module(module if colon else "transformers"), attribute if colon else name)


def load(entry: dict) -> str:
    """Load an entry as the application does, and say what came of it."""
    is_named = entry.get("model_class") or entry.get("task")
    if not is_named and (entry.get("repo_type") == "dataset" or entry.get("include")):
        return "files"
    given = {name: entry[name] for name in OF_ENTRY if name in entry}
    more = {"dtype": entry["dtype"]} if "dtype" in entry else {}
    if entry.get("task"):
        made = named("pipeline")(entry["task"], model=entry["id"], **more, **(entry.get("model_kwargs") or {}))
        return type(made.model).__name__
    said = []
    model_class = entry.get("model_class", "AutoModel")
    if model_class is not False:
        own = repos_of(entry, asks=False)[0]
        places = {"{id}": own["id"], "{path}": str(folder_of(own) / "snapshots" / own["commit"])}
        arguments = [places.get(one, str(one).replace("{id}", own["id"])) for one in entry.get("model_args", ["{id}"])]
        owner = named(model_class)
        call = getattr(owner, "from_pretrained", owner)
        model = call(*arguments, **given, **more, **(entry.get("model_kwargs") or {}))
        said.append(type(model).__name__)
    processor = entry.get("processor_class") if "processor_class" in entry else processor_of(entry)
    if processor and ":" not in str(model_class):
        kept = {name: value for name, value in given.items() if name not in ("variant", "use_safetensors")}
        made = named(processor).from_pretrained(entry["id"], **kept, **(entry.get("processor_kwargs") or {}))
        said.append(type(made).__name__)
    return " + ".join(said)


def processor_of(entry: dict) -> str | None:
    repos = repos_of(entry, asks=False)
    names = {path.rpartition("/")[2] for repo in repos for path in repo["files"]}
    has_tokenizer = any(name.startswith(("tokenizer", "vocab", "spiece", "sentencepiece")) for name in names)
    if "processor_config.json" in names or ("preprocessor_config.json" in names and has_tokenizer):
        return "AutoProcessor"
    if has_tokenizer:
        return "AutoTokenizer"
    if "preprocessor_config.json" not in names:
        return None
    at = folder_of(repos[0]) / "snapshots" / repos[0]["commit"] / "preprocessor_config.json"
    return "AutoFeatureExtractor" if "sampling_rate" in json.loads(at.read_text()) else "AutoImageProcessor"


def barred(event: str, args: tuple) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        raise OSError(f"offline, and it reaches out: {event} {args[1:]}")


def show(rows: list[tuple[str, ...]]) -> None:
    heads = ("entry", "commit", "files", "MB", "status")
    try:
        from rich import box, console, table
    except ImportError:
        for row in [heads, *rows]:
            print("{:<48}  {:<7}  {:>5}  {:>9}  {}".format(*row))
        return
    shown = table.Table(*heads, box=box.SIMPLE)
    for row in rows:
        shown.add_row(*row)
    console.Console(width=None if sys.stdout.isatty() else 160).print(shown)


def one(entry: dict, mode: str) -> tuple[tuple[str, ...], bool]:
    """Work on one entry: its row, and whether it is ready."""
    repos: list[dict] = []
    try:
        repos = repos_of(entry, asks=mode == "fetch")
        if mode == "fetch":
            status = f"fetched {sum(map(fetch, repos)) / 1e6:.1f} MB"
        lost = [path for repo in repos for path in missing_of(repo)]
        is_whole = bool(repos) and not lost and all(map(points, repos))
        if mode != "fetch":
            status = "cached" if is_whole else f"missing {', '.join(lost[:3]) or 'all of it'}"
        if mode == "offline" and is_whole:
            status = f"loaded {load(entry)}"
    except Exception as error:
        status, is_whole = f"failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}", False
    sizes = [size for repo in repos for size in repo["files"].values()]
    row = (entry["id"], repos[0]["commit"][:7] if repos else "", str(len(sizes)), f"{sum(sizes) / 1e6:.1f}", status)
    return row, is_whole


def main(arguments: list[str]) -> int:
    modes = {"--offline": "offline", "--check": "check"}
    if len(arguments) > 1 or any(word not in modes for word in arguments):
        print(__doc__, file=sys.stdout if arguments in (["-h"], ["--help"]) else sys.stderr)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    mode = modes[arguments[0]] if arguments else "fetch"
    if mode == "offline":
        if os.environ.get("HF_HUB_OFFLINE") != "1":
            # Read as huggingface_hub is imported, so that the process has to begin with it.
            command = [sys.executable, __file__, "--offline"]
            return subprocess.run(command, env={**os.environ, "HF_HUB_OFFLINE": "1"}, check=False).returncode
        sys.addaudithook(barred)
    done = [(entry, *one(entry, mode)) for entry in entries()]
    is_ready = all(is_whole for entry, _, is_whole in done if entry.get("required", True))
    if mode == "fetch" and is_ready:
        return main(["--offline"])
    show([row for _, row, _ in done])
    return int(not is_ready)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
