"""What may happen to a fleet: each story gives what a user, the Hub and the disks have seen of it."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from scene import MB, Scene, content, scene, until

from prewarm.localhub import Fault

ALL = '[[advanced]]\nid = "org/files"\ninclude = ["*"]\nmodel_class = false\nprocessor_class = false\n'
SMALL = {f"{number}.txt": b"x" * (number + 1) for number in range(5)}


def _files(made: Scene, size: int, *, text: str = ALL) -> None:
    made.serve("org/files", {"a.bin": content(size), **SMALL})
    made.manifest(text)


def _whole(made: Scene, *names: str) -> dict[str, bool]:
    """By node, whether ``prewarm verify`` finds every byte, offline."""
    names = names or tuple(made.homes)
    return {
        name: made.on(name, "verify", "-m", str(made.homes[name] / "prewarm" / "fleet" / "prewarm.toml")).code == 0
        for name in names
    }


def _blobs(home: Path) -> list[Path]:
    return [path for path in home.glob("hub/models--*/blobs/*") if "." not in path.name]


def _partial_bytes(home: Path) -> int:
    found = 0
    for path in home.glob("hub/models--*/blobs/*.incomplete"):
        with contextlib.suppress(FileNotFoundError):
            found += path.stat().st_blocks * 512
    return found


def counts(folder: Path) -> dict[str, Any]:
    """One, two and four nodes, each beginning anew: what the Hub was asked."""
    found: dict[str, Any] = {}
    with scene(folder) as made:
        _files(made, 30 * MB)
        for number in range(4):
            made.node(f"n{number}")
        for count in (1, 2, 4):
            made.forget()
            (made.project / "prewarm.lock").unlink(missing_ok=True)
            made.hub.log.clear()
            words = [word for number in range(count) for word in ("--nodes", f"name=n{number}")]
            done = made.run("--json", *words)
            found[str(count)] = {
                "code": done.code, "asked": made.asked(), "report": done.report, "whole": _whole(made, *(f"n{one}" for one in range(count))),
            }  # fmt: skip
        shown = subprocess.run(
            [sys.executable, "-m", "prewarm", "fleet", "--help"], capture_output=True, text=True, check=True
        )
        words = shlex.split(shown.stdout.rstrip().splitlines()[-1].partition(": prewarm fleet")[2])
        example = subprocess.run(
            [sys.executable, "-m", "prewarm", "fleet", *words],
            cwd=made.project,
            env={**made.environ(), "RAY_ADDRESS": made.cluster.address},
            capture_output=True,
            text=True,
            check=False,
        )
        found["example"] = {"words": words, "code": example.returncode, "err": example.stderr}
        made.hub.log.clear()
        again = made.run()
        found["again"] = {"code": again.code, "asked": made.asked(), "out": again.out, "err": again.err}
        found["lock"] = (made.project / "prewarm.lock").exists()
        found["table"] = made.run("-v").out
        found["refs"] = {
            name: (home / "hub" / "models--org--files" / "refs" / "main").read_text()
            for name, home in made.homes.items()
        }
    return found


def ray_client(folder: Path) -> dict[str, Any]:
    """By ``ray://``, from a machine that is no part of the cluster."""
    with scene(folder) as made:
        _files(made, 9 * MB)
        made.node("n0")
        made.node("n1")
        done = made.run("--json", address="ray://127.0.0.1:20001")
        assert done.out, done.err
        return {"code": done.code, "err": done.err, "report": done.report, "whole": _whole(made), "asked": made.asked()}


def _killed(folder: Path, which: str, *, is_locked: bool = True) -> dict[str, Any]:
    with scene(folder) as made:
        _files(made, 400 * MB)
        made.head()
        for number in range(4):
            made.node(f"n{number}")
        made.hub.bytes_per_s = 20e6
        if is_locked:
            made.lock()
        process = made.start("--json", "--nodes", "role=node")
        # What comes from the Hub is passed on as it comes: the node that asks it has most.
        at = 0 if which == "the one that fetches" else 1

        def far_enough() -> str:
            bytes_there = {name: _partial_bytes(home) for name, home in made.homes.items()}
            ordered = sorted(bytes_there, key=lambda name: -bytes_there[name])
            return ordered[at] if bytes_there[ordered[1]] > 60 * MB else ""

        victim = until(far_enough)
        made.kill(victim)
        killed_at = time.monotonic()
        out, err = process.communicate(timeout=200)
        assert out[:1] == "{", out[:2000] + err
        others = [name for name in made.homes if name != victim]
        return {
            "code": process.returncode, "victim": victim, "took_s": time.monotonic() - killed_at, "err": err,
            "report": json.loads(out), "asked": made.asked(), "whole": _whole(made, *others),
        }  # fmt: skip


def killed_receiving(folder: Path) -> dict[str, Any]:
    """A raylet dies in the middle of a blob that comes to it, and goes on from it."""
    return _killed(folder, "one that receives")


def killed_fetching(folder: Path) -> dict[str, Any]:
    """The raylet dies whose node asks the Hub."""
    return _killed(folder, "the one that fetches")


def killed_fetching_unlocked(folder: Path) -> dict[str, Any]:
    """The same in a first run, where one of the nodes has asked the Hub which files there are."""
    return _killed(folder, "the one that fetches", is_locked=False)


_FLIP = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "prewarm.operations.fleet_host":
            import prewarm.fleet.moving as moving
            give, sent = moving.Moving.give, []
            def flipped(self, key, start, end):
                piece, digest = give(self, key, start, end)
                if piece is not None and start > 0 and not sent:
                    sent.append(start)
                    open({note!r}, "w").close()
                    piece = bytes([piece[0] ^ 1]) + piece[1:]
                return piece, digest
            moving.Moving.give = flipped
sys.meta_path.insert(0, Finder())
"""


def flipped(folder: Path) -> dict[str, Any]:
    """A byte is another one on the way from one node to the next."""
    hook = folder / "hook"
    hook.mkdir(parents=True)
    note = folder / "flipped"
    (hook / "sitecustomize.py").write_text(_FLIP.format(note=str(note)))
    with scene(folder) as made:
        _files(made, 30 * MB)
        made.node("n0", PYTHONPATH=str(hook))
        made.node("n1")
        made.lock()
        made.prewarm(made.homes["n0"])
        made.hub.log.clear()
        done = made.run("--json")
        return {
            "code": done.code, "err": done.err, "report": done.report, "was_flipped": note.exists(), "whole": _whole(made),
            "asked": made.asked(),
        }  # fmt: skip


def damaged_holder(folder: Path) -> dict[str, Any]:
    """What one node has is of the right size, and not what is locked."""
    with scene(folder) as made:
        _files(made, 20 * MB)
        made.node("n0")
        made.node("n1")
        made.lock()
        made.prewarm(made.homes["n0"])
        blob = max(_blobs(made.homes["n0"]), key=lambda path: path.stat().st_size)
        with blob.open("r+b") as file:
            file.seek(5 * MB)
            file.write(b"wrong")
        made.hub.log.clear()
        done = made.run("--json")
        return {
            "code": done.code,
            "report": done.report,
            "whole": _whole(made, "n0", "n1"),
            "err": done.err,
            "asked": made.asked(),
        }


def resumed(folder: Path) -> dict[str, Any]:
    """Interrupted in the middle, and run again; then by two fetchers."""
    found: dict[str, Any] = {}
    with scene(folder) as made:
        _files(made, 200 * MB)
        made.node("n0")
        made.node("n1")
        made.lock()
        made.hub.bytes_per_s = 40e6
        process = made.start()
        victim = until(made.node_at_work)
        until(lambda: _partial_bytes(made.homes[victim]) > 100 * MB)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        found["interrupted"] = {"code": process.returncode, "out": out, "err": err}
        made.hub.bytes_per_s = None
        second = made.run("--json")
        found["second"] = {"code": second.code, "report": second.report, "asked": made.asked(), "whole": _whole(made)}
    return found


def fetchers(folder: Path) -> dict[str, Any]:
    """Two nodes ask the Hub, whose window has room for less than all: one governor holds both."""
    from prewarm.localhub.quota import Quota, Quotas

    quotas = Quotas({"resolvers": Quota(requests=25, window_s=6.0), "api": Quota(requests=500)})
    with scene(folder, quotas=quotas) as made:
        made.serve("org/files", {f"{number}.txt": b"x" * (number + 1) for number in range(60)})
        made.manifest(ALL)
        for number in range(3):
            made.node(f"n{number}")
        made.lock()
        done = made.run("--json", "--fetchers", "2")
        refused = [one for one in made.hub.log.all() if one.status == 429]
        return {
            "code": done.code,
            "report": done.report,
            "asked": made.asked(),
            "refused": len(refused),
            "err": done.err,
        }


def watch(folder: Path) -> dict[str, Any]:
    """A node joins while another is served, one later, and one leaves."""
    with scene(folder) as made:
        _files(made, 12 * MB)
        made.head()
        made.node("n0")
        made.node("n1")
        made.lock()
        process = made.start("--json", "--watch", "--nodes", "role=node")
        until(lambda: all((made.homes[one] / "hub/models--org--files/refs/main").exists() for one in ("n0", "n1")))
        made.node("n2")
        until((made.homes["n2"] / "hub/models--org--files/refs/main").exists)
        made.kill("n1")
        time.sleep(6)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        return {
            "code": process.returncode, "report": json.loads(out) if out else None, "err": err, "asked": made.asked(),
            "whole": _whole(made, "n0", "n2"),
        }  # fmt: skip


def odd_nodes(folder: Path) -> dict[str, Any]:
    """One cannot write its cache, one has no room, one has another prewarm; the others go on."""
    hook = folder / "older"
    hook.mkdir(parents=True)
    (hook / "sitecustomize.py").write_text(
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'prewarm.operations.fleet_host':\n"
        "            import prewarm\n"
        "            prewarm.__version__ = '0.0.9'\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    none = folder / "none"
    none.mkdir()
    (none / "sitecustomize.py").write_text(
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'prewarm':\n"
        "            raise ModuleNotFoundError(f\"No module named '{name}'\", name=name)\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    with scene(folder) as made:
        _files(made, 12 * MB)
        made.node("good")
        made.node("older", PYTHONPATH=str(hook))
        made.node("none", PYTHONPATH=str(none))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", _made(folder / "full")], check=True)
        made.node("full", HF_HUB_CACHE=str(folder / "full"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m,ro", "none", _made(folder / "fixed")], check=True)
        made.node("fixed", HF_HUB_CACHE=str(folder / "fixed"))
        found: dict[str, Any] = {}
        for case in ("unlocked", "locked"):
            made.forget("good", "older", "none")
            if case == "locked":
                made.lock()
            done = made.run("--json")
            found[case] = {"code": done.code, "report": done.report, "err": done.err, "asked": made.asked()}
        return {**found, "people": made.run().out}


def offline_nodes(folder: Path) -> dict[str, Any]:
    """A first run where all nodes but one are told to ask nobody."""
    with scene(folder) as made:
        _files(made, 9 * MB)
        for number in range(4):
            made.node(f"off{number}", HF_HUB_OFFLINE="1")
        made.node("on")
        done = made.run("--json")
        return {
            "code": done.code, "err": done.err, "report": done.report, "whole": _whole(made), "asked": made.asked(),
        }  # fmt: skip


def one_has_it(folder: Path) -> dict[str, Any]:
    """A first run where one of the nodes has all of it, and nobody has a lock."""
    with scene(folder) as made:
        _files(made, 20 * MB)
        for number in range(3):
            made.node(f"n{number}")
        made.prewarm(made.homes["n1"], "--no-lock")
        made.hub.log.clear()
        done = made.run("--json")
        return {
            "code": done.code, "err": done.err, "report": done.report, "whole": _whole(made), "asked": made.asked(),
        }  # fmt: skip


def _text_of(zoo: Path, made: Scene) -> None:
    from prewarm.localhub.repository import from_folder

    for repository in from_folder(zoo):
        if repository.repo_id == "zoo/text":
            made.hub.add(repository)


def never_loaded(folder: Path, zoo: Path) -> dict[str, Any]:
    """``--prove none``, where the manifest wants an entry loaded."""
    with scene(folder) as made:
        _text_of(zoo, made)
        made.manifest('[[advanced]]\nid = "zoo/text"\nproof = "load"\n')
        made.node("n0")
        done = made.run("--json", "--prove", "none")
        return {"code": done.code, "err": done.err, "report": done.report}


def _made(folder: Path) -> str:
    folder.mkdir()
    return str(folder)


def refusals(folder: Path) -> dict[str, Any]:
    """Bad input: each one clear error."""
    found: dict[str, Any] = {}

    def keep(name: str, done: Any) -> None:
        found[name] = {"code": done.code, "out": done.out, "err": done.err}

    with scene(folder) as made:
        _files(made, 40 * MB)
        keep("no cluster", made.run(address="127.0.0.1:9"))
        keep("no client server", made.run(address="ray://127.0.0.1:9"))
        keep("no address", made.run(address="a b"))
        keep("nobody here", made.run(address="auto"))
        keep("something else", made.run(address=made.hub.url.removeprefix("http://")))
        made.node("n0")
        keep("no such node", made.run("--nodes", "zone=b"))
        keep("no runtime env", made.run("--runtime-env", "/nowhere.json"))
        keep("odd runtime env", made.run("--runtime-env", "{"))
        hook = folder / "hook"
        hook.mkdir()
        (hook / "sitecustomize.py").write_text("import ray\nray.__version__ = '2.1.0'\n")
        other = made.environ
        made.environ = lambda: {**other(), "PYTHONPATH": str(hook)}  # type: ignore[method-assign]
        keep("another Ray", made.run())
        made.environ = other  # type: ignore[method-assign]
        made.hub.bytes_per_s = 4e6
        process = made.start()
        until(made.node_at_work)
        keep("two at once", made.run())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        made.hub.bytes_per_s = None
        made.manifest("simple = [")
        keep("a broken manifest", made.run())
    return found


def failing_entry(folder: Path) -> dict[str, Any]:
    """One entry is not there, and one's file cannot be had; the other entry is ready everywhere."""
    text = (
        ALL
        + '[[advanced]]\nid = "org/none"\ninclude = ["*"]\nmodel_class = false\nprocessor_class = false\nrequired = false\n'
        + ALL.replace("org/files", "org/broken")
    )
    with scene(folder) as made:
        _files(made, 9 * MB, text=text)
        made.serve("org/broken", {"a.bin": content(9 * MB, 1), "b.txt": b"b"})
        made.hub.faults.add(Fault(path="*org/broken*a.bin", kind="status", status=404, count=0))
        made.node("n0")
        made.node("n1")
        done = made.run("--json")
        checked = made.on("n1", "check", "-m", str(made.homes["n1"] / "prewarm/fleet/prewarm.toml"))
        return {
            "code": done.code,
            "report": done.report,
            "check": {"code": checked.code, "out": checked.out},
            "err": done.err,
        }


def models(folder: Path, zoo: Path) -> dict[str, Any]:
    """A model is loaded on one node, and proven on both; then on all, and on none."""
    found: dict[str, Any] = {}
    with scene(folder) as made:
        _text_of(zoo, made)
        made.manifest('simple = ["zoo/text"]\n')
        made.node("n0")
        made.node("n1")
        for prove in ("one", "all", "none"):
            made.forget()
            done = made.run("--json", "--prove", prove)
            probe = ["check", "-m", str(made.homes["n1"] / "prewarm/fleet/prewarm.toml")]
            found[prove] = {
                "code": done.code, "report": done.report, "asked": made.asked(), "err": done.err,
                "check": made.on("n1", *probe).code, "check_files": made.on("n1", *probe, "--proof", "files").code,
            }  # fmt: skip
    return found


def unlike_ways(folder: Path) -> dict[str, Any]:
    """Two of four nodes do not reach the Hub: the others do, whoever is asked first; and the lock cannot be kept."""
    found: dict[str, Any] = {}
    with scene(folder) as made:
        _files(made, 40 * MB)
        made.node("good")
        made.node("also good")
        made.node("offline", HF_HUB_OFFLINE="1")
        made.node("lost", HF_ENDPOINT="http://127.0.0.1:9")
        made.lock()
        done = made.run("--json")
        found["locked"] = {"code": done.code, "report": done.report, "asked": made.asked(), "err": done.err}
        made.forget()
        (made.project / "prewarm.lock").unlink()
        subprocess.run(["mount", "--bind", str(made.project), str(made.project)], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(made.project)], check=True)
        done = made.run("--json")
        found["unlocked"] = {"code": done.code, "report": done.report, "err": done.err}
    return found


def one_cache_for_two(folder: Path) -> dict[str, Any]:
    """Two nodes have one cache, and a third one has what it lacks."""
    with scene(folder) as made:
        made.serve("org/files", {"a.bin": content(20 * MB), **{f"{one}.txt": b"x" * (one + 1) for one in range(40)}})
        made.manifest(ALL)
        made.node("n0")
        made.node("n1", HF_HOME=str(folder / "n0"))
        made.node("n2")
        made.lock()
        made.prewarm(made.homes["n2"])
        made.hub.log.clear()
        done = made.run("--json")
        return {
            "code": done.code,
            "report": done.report,
            "asked": made.asked(),
            "err": done.err,
            "whole": _whole(made, "n0"),
        }


def with_an_application(folder: Path) -> dict[str, Any]:
    """Applications are not run on the nodes, and that is said; the probe that is named agrees with the report."""
    with scene(folder) as made:
        _files(made, 1 * MB, text=ALL + '[[application]]\nname = "app"\ncommand = ["python", "app.py"]\n')
        made.node("n0")
        done = made.run("--json")
        words = shlex.split(done.report["nodes"][0]["check"])
        probe = made.on("n0", *words[1:])
        return {
            "code": done.code,
            "report": done.report,
            "probe": {"words": words, "code": probe.code, "out": probe.out},
        }


_IMPATIENT = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "prewarm.operations.fleet_host":
            import prewarm.fleet.run as run
            run._HEARTBEAT_S = 4.0
sys.meta_path.insert(0, Finder())
"""


def killed_process(folder: Path) -> dict[str, Any]:
    """The process of the node that asks the Hub is killed, and not its node."""
    return _at_a_process(folder, signal.SIGKILL)


def hung_process(folder: Path) -> dict[str, Any]:
    """It says nothing any more, as where its disk does not answer."""
    hook = folder / "hook"
    hook.mkdir(parents=True)
    (hook / "sitecustomize.py").write_text(_IMPATIENT)
    os.environ["PREWARM_TEST_HOOK"] = str(hook)
    return _at_a_process(folder, signal.SIGSTOP)


def _at_a_process(folder: Path, number: signal.Signals) -> dict[str, Any]:
    with scene(folder) as made:
        if hook := os.environ.pop("PREWARM_TEST_HOOK", ""):
            own = made.environ
            made.environ = lambda: {**own(), "PYTHONPATH": hook}  # type: ignore[method-assign]
        _files(made, 100 * MB)
        made.head()
        made.node("n0")
        made.node("n1")
        made.lock()
        made.hub.bytes_per_s = 8e6
        process = made.start("--json", "--nodes", "role=node")
        victim = until(made.node_at_work)
        raylet = psutil.Process(made.nodes[victim].all_processes["raylet"][0].process.pid)
        for one in raylet.children(recursive=True):
            if "Member" in " ".join(one.cmdline()):
                one.send_signal(number)
        made.hub.bytes_per_s = None
        out, err = process.communicate(timeout=200)
        assert out[:1] == "{", out + err
        other = "n1" if victim == "n0" else "n0"
        return {
            "code": process.returncode,
            "victim": victim,
            "report": json.loads(out),
            "err": err,
            "whole": _whole(made, other),
        }


STORIES: dict[str, Callable[..., dict[str, Any]]] = {
    one.__name__: one
    for one in (
        counts, ray_client, killed_receiving, killed_fetching, killed_fetching_unlocked, flipped, damaged_holder, resumed, fetchers, watch,
        odd_nodes, refusals, failing_entry, models, unlike_ways, one_cache_for_two, with_an_application,
        killed_process, hung_process, offline_nodes, one_has_it, never_loaded,
    )
}  # fmt: skip
