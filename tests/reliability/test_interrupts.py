"""Ctrl-C at any instant: within a second, without a trace, with nothing left behind; and words without commands."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from outcomes import ALL, LARGE, Serve

from conftest import Prewarm
from prewarm.localhub import Fault, LocalHub

# A machine that runs other tests as well is slow; the silence that is waited out would be 10 s and more.
SOON_S = 4.0


class Run:
    """A command that can be interrupted."""

    def __init__(self, prewarm: Prewarm, *args: str, env: dict[str, str] | None = None) -> None:
        self.temporary = prewarm.temporary
        self._process = subprocess.Popen(
            prewarm.command(*args),
            cwd=prewarm.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**prewarm.environ, **(env or {})},
            start_new_session=True,
        )

    def interrupted(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str, float]:
        """Exit code, what it said, and how long it took to end."""
        began = time.monotonic()
        self._process.send_signal(number)
        out, err = self._process.communicate(timeout=60)
        return self._process.returncode, out + err, time.monotonic() - began

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, "what it waits for never happens"
            assert self._process.poll() is None, self._process.communicate()
            time.sleep(0.01)


@pytest.mark.parametrize(
    "path", ["/api/*", "*/resolve/*", "*a.bin"], ids=["the listing", "the resolver", "the storage"]
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_silent_server_holds_nobody(
    prewarm: Prewarm, serve: Serve, hub: LocalHub, path: str, number: signal.Signals
) -> None:
    serve(files={"a.bin": LARGE[:9_000_000], "b.txt": b"b"})
    origin = "cdn" if path == "*a.bin" else "hub"
    hub.faults.add(Fault(path=path, origin=origin, kind="hang", seconds=120, count=0))  # type: ignore[arg-type]
    prewarm.manifest(ALL)
    run = Run(prewarm)
    run.wait_for(
        lambda: [
            one for one in hub.log.all() if one.origin == origin and (origin == "cdn" or path.strip("*/") in one.path)
        ]
    )
    code, said, took_s = run.interrupted(number)
    assert code == 130, said
    assert took_s < SOON_S
    assert "interrupted" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "where", ["in the middle of a body", "while it is refused", "behind a lock", "while it is too slow"]
)
def test_wherever_it_waits(prewarm: Prewarm, serve: Serve, hub: LocalHub, where: str) -> None:
    from filelock import FileLock

    serve(files={"a.bin": LARGE[:9_000_000]})
    prewarm.manifest(ALL)
    lock = prewarm.cache / ".locks" / "models--org--files"
    held = None
    if where == "in the middle of a body":
        hub.faults.add(Fault(path="*a.bin", origin="cdn", kind="slow", bytes_per_s=2000, count=0))
    elif where == "while it is refused":
        headers = {"Retry-After": "300"}
        hub.faults.add(Fault(path="*a.bin", origin="cdn", kind="status", status=429, headers=headers, count=0))
    elif where == "while it is too slow":
        hub.faults.add(Fault(path="*a.bin", origin="cdn", kind="trickle", seconds=0.2, count=0))
    else:
        import hashlib

        lock.mkdir(parents=True)
        held = FileLock(lock / f"{hashlib.sha256(LARGE[:9_000_000]).hexdigest()}.lock")
        held.acquire()
    run = Run(prewarm)
    run.wait_for(lambda: hub.log.all(containing="/resolve/") or held is not None)
    time.sleep(0.5)
    code, said, took_s = run.interrupted()
    if held is not None:
        held.release()
    assert (code, "Traceback" in said) == (130, False), said
    assert took_s < SOON_S


@contextmanager
def black_hole() -> Iterator[str]:
    """A proxy that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            with suppress(OSError):
                while True:
                    taken.append(server.accept()[0])

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for connection in taken:
            connection.close()


def test_a_silent_proxy_holds_nobody(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(ALL)
    with black_hole() as proxy:
        run = Run(prewarm, env={"HTTP_PROXY": proxy, "HF_ENDPOINT": "http://hub.invalid"})
        time.sleep(1.5)
        code, said, took_s = run.interrupted()
    assert (code, "Traceback" in said) == (130, False), said
    assert took_s < SOON_S


@pytest.mark.parametrize("chunk", range(6))
def test_at_any_instant(prewarm: Prewarm, serve: Serve, hub: LocalHub, chunk: int) -> None:
    """From the first millisecond of the command's own code; what Python does before that is not its matter."""
    serve(files={"a.bin": LARGE[:9_000_000], **{f"{number}.txt": b"x" for number in range(10)}})
    hub.bytes_per_s = 2e7
    prewarm.manifest(ALL)
    started = prewarm.folder / "started"
    folder = prewarm.folder / "hook"
    folder.mkdir()
    # The command's own code begins when its package is found.
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == 'prewarm.__main__': open({str(started)!r}, 'w').close()\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    choose = random.Random(chunk)
    for _ in range(10):
        started.unlink(missing_ok=True)
        run = Run(prewarm, "--force", env={"PYTHONPATH": str(folder)})
        run.wait_for(started.exists)
        time.sleep(choose.choice([0.0, 0.01, 0.03]) + choose.random() * 0.6)
        code, said, took_s = run.interrupted()
        assert code in (0, 130), said
        assert "Traceback" not in said, said
        assert took_s < SOON_S
        assert not list(run.temporary.iterdir())
    assert prewarm().code == 0
    assert prewarm("verify").code == 0


def test_where_an_import_catches_it(prewarm: Prewarm, serve: Serve) -> None:
    """Modules of others catch an interrupt, and raise an error that knows nothing of it."""
    serve(files={"a.txt": b"a"})
    prewarm.manifest(ALL)
    folder = prewarm.folder / "hook"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'prewarm.operations.warm':\n"
        "            try:\n"
        "                os.kill(os.getpid(), signal.SIGINT)\n"
        "                for _ in range(1000): pass\n"
        "            except BaseException: pass\n"
        "            raise ImportError('cannot import name')\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    result = prewarm(env={"PYTHONPATH": str(folder)})
    assert (result.code, "interrupted" in result.err, "bug" in result.err) == (130, True, False), result.err


def running(word: str) -> list[str]:
    """The processes with ``word`` in their command line or environment, where the system tells."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            said = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            found += [process.name] * (word.encode() in said)
    return found


@pytest.mark.models
@pytest.mark.parametrize("delay_s", [0.0, 0.2, 1.0, 2.5])
def test_while_a_model_is_loaded_no_folder_stays(prewarm: Prewarm, serve: Serve, delay_s: float) -> None:
    serve("org/model", files={"config.json": b'{"model_type": "bert"}', "model.safetensors": b"x"})
    (prewarm.folder / "slow.py").write_text(
        "import time\nclass Slow:\n    def __init__(self, *a, **k): time.sleep(60)\n"
    )
    prewarm.manifest('[[advanced]]\nid = "org/model"\nmodel_class = "slow:Slow"\n')
    run = Run(prewarm)
    run.wait_for(lambda: list(run.temporary.glob("prewarm-proof-*")))
    time.sleep(delay_s)
    code, said, took_s = run.interrupted()
    assert (code, "Traceback" in said) == (130, False), said
    assert took_s < SOON_S
    assert not list(run.temporary.iterdir())
    assert not running(str(run.temporary)), "its processes went with it"


def test_a_second_and_a_third_one_change_nothing(prewarm: Prewarm, serve: Serve, hub: LocalHub) -> None:
    serve()
    hub.faults.add(Fault(path="/api/*", kind="hang", seconds=60, count=0))
    prewarm.manifest(ALL)
    run = Run(prewarm)
    run.wait_for(hub.log.all)
    run._process.send_signal(signal.SIGINT)
    run._process.send_signal(signal.SIGINT)
    code, said, _ = run.interrupted()
    assert code == 130
    assert "Traceback" not in said


def test_the_command_that_is_run_has_its_own_signals(prewarm: Prewarm, serve: Serve) -> None:
    serve()
    prewarm.manifest(ALL)
    code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, signal.getsignal(signal.SIGTERM))"
    result = prewarm("run", "--", sys.executable, "-c", code)
    assert result.out.splitlines()[-1] == "True Handlers.SIG_DFL" or result.out.splitlines()[-1] == "True 0"


# --- Words without commands ------------------------------------------------------------------------------------------

EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp.\r"


def visible(text: str) -> None:
    allowed = set("\n\t")
    assert all(one.isprintable() or one in allowed for one in text), ascii(text)


def test_what_a_repository_says_moves_no_cursor(prewarm: Prewarm, hub: LocalHub, serve: Serve) -> None:
    from prewarm.localhub import Mirror
    from prewarm.wire.answers import Answer

    serve(files={f"{EVIL}.txt": b"x", "\u202egnp.bin": b"y", "ok.txt": b"z"})
    prewarm.manifest(ALL)
    for args in (["-v"], ["--json"], ["check"], ["lock"]):
        result = prewarm(*args)
        visible(result.out + result.err)
    prewarm.manifest('[[advanced]]\nid = "org/files"\ninclude = ["*gnp.bin", "ok.txt"]\n')
    for args in (["-v"], ["check"], ["verify", "-v"], ["lock", "--upgrade"]):
        result = prewarm(*args)
        assert result.code == 0, result.err
        visible(result.out + result.err)
    # Latin-1 is what a header can carry.
    said = EVIL.replace("\u202e", "").replace("\r", "")
    hub.behind(Mirror(alter=lambda origin, path, answer: Answer(status=403, headers={"X-Error-Message": said})))
    (prewarm.folder / "prewarm.lock").unlink()
    for args in (["-v"], ["--json"], ["check"]):
        result = prewarm(*args)
        assert result.code == 1
        visible(result.out + result.err)


@pytest.mark.models
def test_a_models_last_words_move_no_cursor(prewarm: Prewarm, serve: Serve) -> None:
    words = ascii(EVIL)
    (prewarm.folder / "loud.py").write_text(
        f"import os\nclass Dies:\n    def __init__(self, *a, **k): os.write(2, {words}.encode() + b'last'); os._exit(3)\n"
        f"class Raises:\n    def __init__(self, *a, **k): raise RuntimeError({words})\n"
        f"Named = type({words}, (), dict(__init__=lambda self, *a, **k: None))\n"
    )
    serve("org/model", files={"config.json": b'{"model_type": "bert"}', "model.safetensors": b"x"})
    for kind in ("Dies", "Raises", "Named"):
        prewarm.manifest(f'[[advanced]]\nid = "org/model"\nmodel_class = "loud:{kind}"\n')
        for args in (["-v", "--prove"], ["--json", "--prove"], ["check"]):
            result = prewarm(*args)
            visible(result.out + result.err)
            assert "bug in prewarm" not in result.err


@pytest.mark.models
@pytest.mark.parametrize("code", [1, 0])
def test_nothing_of_a_run_is_left(prewarm: Prewarm, serve: Serve, code: int) -> None:
    serve("org/model", files={"config.json": b'{"model_type": "bert"}', "model.safetensors": b"x"})
    (prewarm.folder / "own.py").write_text(f"class Own:\n    def __init__(self, *a, **k): 1 / {1 - code}\n")
    prewarm.manifest('[[advanced]]\nid = "org/model"\nmodel_class = "own:Own"\n')
    for args in (["--prove"], ["verify"], ["run", "--", sys.executable, "-c", ""]):
        result = prewarm(*args)
        assert result.code == code, result.err
        assert not list(prewarm.temporary.iterdir())
