"""The Ray cluster: connecting, its nodes, calls to them. Changes with Ray.

What its errors mean stands in ``meaning``.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import signal
import socket
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from prewarm.fleet.meaning import connecting
from prewarm.records.errors import CommandError, FleetError
from prewarm.records.text import quoted

_NAMESPACE = "prewarm-fleet"
_REACH_S = 5.0
_CONNECT_S = 45.0
_CONNECT_MAX_S = 900.0
"""Where an environment has to be made first."""
_TICK_S = 0.2
_PORTS = {"ray": 10001}
EXTRA = "pip install 'hf-prewarm[ray]'"


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node as Ray tells of it."""

    id: str
    name: str
    address: str
    labels: Mapping[str, str]
    store_bytes: int
    """Of its object store."""

    def is_meant_by(self, word: str) -> bool:
        """Whether ``key=value`` is one of its labels, or ``word`` its id, the start of it, its name or its address."""
        key, is_label, value = word.partition("=")
        if is_label:
            return self.labels.get(key) == value
        return word in (self.name, self.address) or (len(word) >= 4 and self.id.startswith(word.lower()))


class Cluster:
    """A connection to a cluster; use it as a context manager.

    Args:
        address: ``auto``, ``ray://host:port`` or ``host:port``.
        runtime_env: what the nodes' processes need beyond what is installed there.

    Raises:
        FleetError: there is none, or none that can be worked with.
        CommandError: the address is none.
    """

    def __init__(self, address: str, runtime_env: Mapping[str, Any] | None = None) -> None:
        self._ray = _imported()
        _reach(address)
        self._open = contextlib.ExitStack()
        try:
            # A thread of Ray's prints what it thinks of the cluster, also on standard output.
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (closed with the rest)
            self._open.callback(nowhere.close)
            self._open.enter_context(contextlib.redirect_stdout(nowhere))
            self._open.enter_context(contextlib.redirect_stderr(nowhere))
            with _quiet():
                self._connect_in_time(address, runtime_env)
            _take_back_signals()
        except BaseException:
            self._open.close()
            raise

    @property
    def version(self) -> str:
        """Ray's."""
        return str(self._ray.__version__)

    def nodes(self) -> list[Node]:
        """Those that are alive."""
        try:
            told = self._ray.nodes()
        except Exception as error:  # noqa: BLE001 (Ray's errors have many roots)
            raise FleetError(f"the cluster is gone: {quoted(error)}", hint="run it again when it is back") from None
        return [
            Node(
                id=one["NodeID"],
                name=one.get("NodeManagerHostname") or one["NodeManagerAddress"],
                address=one["NodeManagerAddress"],
                labels=dict(one.get("Labels") or {}),
                store_bytes=int(one.get("Resources", {}).get("object_store_memory", 0)),
            )
            for one in told
            if one["Alive"]
        ]

    @property
    def own(self) -> Node | None:
        """The node that this process is connected to: where that is lost, all is."""
        own = self._ray.get_runtime_context().get_node_id()
        return next((node for node in self.nodes() if node.id == own), None)

    def start(self, actor: type, node: Node | None, *args: Any, name: str | None = None, **options: Any) -> Any:
        """Start an actor that takes no processor from anybody; on ``node``, and nowhere else.

        Raises:
            ValueError: the name is taken.
        """
        if node is not None:
            from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415 (heavy)

            options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(node.id, soft=False)
        groups = {"concurrency_groups": options.pop("groups")} if "groups" in options else {}
        made = self._ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0, **groups)(actor)
        return made.options(name=name, **options).remote(*args)

    def find(self, name: str) -> Any:
        """An actor by its name; None: there is none."""
        with contextlib.suppress(ValueError):
            return self._ray.get_actor(name)
        return None

    def get(self, reference: Any, timeout_s: float) -> Any:
        """What a call gives."""
        return self._ray.get(reference, timeout=timeout_s)

    def kill(self, actor: Any) -> None:
        """End an actor."""
        with contextlib.suppress(Exception):
            self._ray.kill(actor)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        with _quiet(), contextlib.suppress(Exception):
            self._ray.shutdown()
        self._open.close()

    def _connect_in_time(self, address: str, runtime_env: Mapping[str, Any] | None) -> None:
        """Connect, but not for ever: what listens may be something else, which Ray does not notice."""
        raised: list[BaseException] = []

        def work() -> None:
            try:
                self._connect(address, runtime_env)
            except BaseException as error:  # noqa: BLE001 (SystemExit among them)
                raised.append(error)

        thread = threading.Thread(target=work, name="connect", daemon=True)
        thread.start()
        left_s = _CONNECT_MAX_S if runtime_env else _CONNECT_S
        while thread.is_alive() and left_s > 0:
            # An interrupt comes through between two of these.
            thread.join(_TICK_S)
            left_s -= _TICK_S
        if thread.is_alive():
            if address == "auto":
                raise FleetError(
                    "the cluster of this machine does not answer", hint="ray status; or name one: --address"
                )
            raise FleetError(
                f"what listens at {address} does not answer as a Ray cluster does",
                hint="ray:// is port 10001 of its head, else port 6379",
            )
        if raised:
            raise connecting(raised[0], address, self.version, has_env=bool(runtime_env)) from None

    def _connect(self, address: str, runtime_env: Mapping[str, Any] | None) -> None:
        more = {"runtime_env": dict(runtime_env)} if runtime_env else {}
        self._ray.init(
            address=address, namespace=_NAMESPACE, logging_level=logging.CRITICAL, log_to_driver=False, **more
        )


def _imported() -> ModuleType:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise FleetError(f"a package is missing: {error.name or 'ray'}", hint=EXTRA) from None


def _reach(address: str) -> None:
    """Look whether anybody listens, since Ray takes minutes for that, and ends the process."""
    if address == "auto":
        return
    parts = urlsplit(address if "://" in address else f"gcs://{address}")
    try:
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        port = None
    if parts.scheme not in ("ray", "gcs") or not parts.hostname or port is None:
        raise CommandError(f"--address: '{quoted(address)}' is no address", hint="auto, ray://host:10001 or host:6379")
    try:
        socket.create_connection((parts.hostname, port), timeout=_REACH_S).close()
    except OSError as error:
        raise FleetError(
            f"no cluster answers at {address}: {error.strerror or error}",
            hint="ray status, on its head, says whether it runs; ray:// is port 10001, else port 6379",
        ) from None


def _take_back_signals() -> None:
    """Ray puts a handler below Python's, which prints a trace of its own."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if handler is not None:
                signal.signal(number, handler)


def is_meant(node: Node, words: Sequence[str]) -> bool:
    """Whether a word means the node, or none is said."""
    return not words or any(map(node.is_meant_by, words))


def chosen(nodes: Sequence[Node], words: Sequence[str]) -> list[Node]:
    """The nodes that are meant; all where no word is said.

    Raises:
        CommandError: a word means none.
    """
    for word in words:
        if not any(node.is_meant_by(word) for node in nodes):
            known = ", ".join(f"{node.id[:8]} ({node.name})" for node in nodes[:5])
            raise CommandError(f"--nodes: no node is called '{quoted(word)}'", hint=f"the nodes are {known}")
    return [node for node in nodes if is_meant(node, words)]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without Ray's words, which come from below Python as well: what matters is said in ours."""
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.simplefilter("ignore")
        logging.getLogger("ray").setLevel(logging.CRITICAL)
        with contextlib.suppress(OSError):
            kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, 2)
            os.dup2(nowhere, 2)
            os.close(nowhere)
        yield
