"""What people use in the place of prewarm: how each is told to do the same work.

Each is configured as its own documentation advises; ``how`` says it. Those that want versions of their own have an
environment in ``.bench/``, which is made when they are asked for (``environments.py``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.peers.environments import interpreter
from prewarm.localhub import LocalHub

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Job:
    """Some repositories, and where they are wanted."""

    folder: Path
    """The working directory, a new one."""
    url: str
    ids: Sequence[str]
    loads: bool
    """Whether they are models that AutoModel and AutoProcessor load; else files, all of which are wanted."""

    @property
    def home(self) -> Path:
        """What ``HF_HOME`` is."""
        return self.folder / "home"


class Peer:
    """One way to bring models to a machine."""

    name = ""
    how = ""
    """What it is told, and whose advice that is."""
    loads = False
    """Whether it loads what it brings."""
    only_models = False
    """Whether it can do nothing but load."""

    def environ(self, job: Job) -> dict[str, str]:
        """The environment of its commands: none of ours that would change what it does."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "PREWARM_", "HUBDL_"))}
        return {
            **kept,
            "HF_ENDPOINT": job.url,
            "HF_HOME": str(job.home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def beforehand(self, job: Job) -> list[list[str]]:
        """Commands before those that are measured."""
        return []

    def commands(self, job: Job) -> list[list[str]]:
        """What is measured, one after the other."""
        raise NotImplementedError

    @contextmanager
    def around(self, hub: LocalHub) -> Iterator[str]:
        """What has to run meanwhile; gives the address that is asked."""
        yield hub.url

    def is_there(self) -> bool:
        """Whether it can be run here."""
        return True


class Prewarm(Peer):
    """This project."""

    name = "prewarm"
    how = "`prewarm`, with the manifest alone: fetches, hashes, and loads each entry once, offline"
    loads = True
    flags: Sequence[str] = ()

    def commands(self, job: Job) -> list[list[str]]:
        """One."""
        self.write_manifest(job)
        flags = self.flags if job.loads else ("--proof", "files")
        return [[sys.executable, "-m", "prewarm", "-q", *flags]]

    def write_manifest(self, job: Job) -> None:
        """``prewarm.toml``."""
        if job.loads:
            text = "simple = [\n" + "".join(f'  "{repo_id}",\n' for repo_id in job.ids) + "]\n"
        else:
            text = "".join(f'[[advanced]]\nid = "{repo_id}"\ninclude = ["*"]\n\n' for repo_id in job.ids)
        (job.folder / "prewarm.toml").write_text(text)


class PrewarmFiles(Prewarm):
    """Without a proof, as downloaders have none."""

    name = "prewarm, files"
    how = "`prewarm --proof files`: fetches and hashes, and loads nothing, as what it is compared with"
    loads = False
    flags = ("--proof", "files")


class FromPretrained(Peer):
    """What most people have."""

    name = "from_pretrained"
    how = "a loop over `AutoModel.from_pretrained` and `AutoProcessor.from_pretrained`, as model cards have it"
    loads = True
    only_models = True

    def commands(self, job: Job) -> list[list[str]]:
        """One process."""
        return [[sys.executable, str(HERE / "from_pretrained.py"), *job.ids]]


class Hf(Peer):
    """huggingface_hub's command."""

    name = "hf"
    how = "`hf download ID`, once for each repository, as its guide has it"

    def commands(self, job: Job) -> list[list[str]]:
        """One for each repository."""
        return [[str(Path(sys.executable).with_name("hf")), "download", repo_id, "--quiet"] for repo_id in job.ids]


class HfXet(Hf):
    """The same, where the Hub has large files in Xet as well, as the real one does."""

    name = "hf, xet"
    how = "the same over hf_xet, as it comes by default from the real Hub, with `HF_XET_HIGH_PERFORMANCE=1`"

    def environ(self, job: Job) -> dict[str, str]:
        """As its guide advises for fast lines."""
        return {**super().environ(job), "HF_XET_HIGH_PERFORMANCE": "1"}

    @contextmanager
    def around(self, hub: LocalHub) -> Iterator[str]:
        """Meanwhile the Hub says that it has them there."""
        hub.routes.serves_xet = True
        try:
            yield hub.url
        finally:
            hub.routes.serves_xet = False


class SnapshotDownload(Peer):
    """huggingface_hub's function."""

    name = "snapshot_download"
    how = "a loop over `snapshot_download(ID)` in one process, with its 8 threads"

    def commands(self, job: Job) -> list[list[str]]:
        """One process."""
        return [[sys.executable, str(HERE / "snapshot_download.py"), *job.ids]]


class Hubdl(Peer):
    """hubdl, which drives aria2."""

    name = "hubdl"
    how = (
        "`hubdl hf ID --local-dir DIR --progress none`, aria2 with its 4 connections a file and 5 files; "
        "`--allow-http`, as this Hub speaks no TLS"
    )

    def is_there(self) -> bool:
        """It needs aria2c of the system."""
        import shutil

        return shutil.which("aria2c") is not None

    def commands(self, job: Job) -> list[list[str]]:
        """One for each repository; it has no cache, but a folder each."""
        tool = str(interpreter("hubdl").with_name("hubdl"))
        flags = ["--allow-http", "--progress", "none"]
        return [[tool, "hf", repo_id, "--local-dir", f"models/{repo_id}", *flags] for repo_id in job.ids]


class ModelMirror(Peer):
    """model-mirror-cli."""

    name = "model-mirror"
    how = (
        "`model-mirror config directory DIR`, then `model-mirror mirror ID --stall-timeout 0` for each repository, which "
        "verifies; without `--stall-timeout 0` its supervisor looks every 30 s whether the download has ended"
    )

    def environ(self, job: Job) -> dict[str, str]:
        """Its configuration lies in the user's home."""
        return {**super().environ(job), "HOME": str(job.folder), "XDG_CONFIG_HOME": str(job.folder / "config")}

    def beforehand(self, job: Job) -> list[list[str]]:
        """Where its archive is."""
        return [[str(interpreter("model-mirror").with_name("model-mirror")), "config", "directory", "archive"]]

    def commands(self, job: Job) -> list[list[str]]:
        """One for each repository."""
        tool = str(interpreter("model-mirror").with_name("model-mirror"))
        return [[tool, "mirror", repo_id, "--stall-timeout", "0"] for repo_id in job.ids]


class HfArk(Peer):
    """hf-ark."""

    name = "hf-ark"
    how = "`hf-ark snapshot ID… -o ark`: `snapshot_download` for each, then hashes of all"

    def commands(self, job: Job) -> list[list[str]]:
        """One for all."""
        return [[str(interpreter("hf-ark").with_name("hf-ark")), "snapshot", *job.ids, "-o", "ark"]]


class Olah(Hf):
    """``hf download`` through the mirror server olah."""

    name = "olah"
    how = "the mirror server olah in front of the Hub, empty at first, and `hf download ID` through it"

    @contextmanager
    def around(self, hub: LocalHub) -> Iterator[str]:
        """The server."""
        from bench.peers.olah_server import olah

        with olah(interpreter("olah"), hub.url, hub.cdn_url) as url:
            yield url


class OlahAgain(Olah):
    """The second machine behind it."""

    name = "olah, second machine"
    how = "the same, when another machine has asked olah for all of it before"

    def beforehand(self, job: Job) -> list[list[str]]:
        """The first machine."""
        return [["env", f"HF_HOME={job.folder / 'first'}", *command] for command in self.commands(job)]


PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Prewarm(), PrewarmFiles(), FromPretrained(), Hf(), HfXet(), SnapshotDownload(), Hubdl(), ModelMirror(), HfArk(),
        Olah(), OlahAgain(),
    )
}  # fmt: skip
BESIDE = {name: "prewarm" if peer.loads else "prewarm, files" for name, peer in PEERS.items()}
"""With what each is compared: what loads with what loads, what downloads with what downloads."""


def chosen(names: Sequence[str] | None, *, models: bool) -> list[Peer]:
    """The peers that are asked for and can do a job, prewarm always among them.

    Args:
        names: by ``PEERS``; a name stands for all that begin with it; None: all.
        models: whether the job is one of models that can be loaded.
    """
    found = [
        peer
        for name, peer in PEERS.items()
        if isinstance(peer, Prewarm) or names is None or any(name.split(",")[0] == asked for asked in names)
    ]
    if not models:
        found = [peer for peer in found if not peer.only_models and peer.name != "prewarm"]
    missing = [peer.name for peer in found if not peer.is_there()]
    if missing:
        print(f"  not there, left out: {', '.join(missing)}", flush=True)
    return [peer for peer in found if peer.name not in missing]


NO_OLAH = "olah is not among them: it is a server for several machines, see Cold."
OVER_HTTP = (
    "Large files come over plain HTTP, but for `hf, xet`: the loopback Hub's Xet store is a small one, whose chunks are not "
    "compressed."
)


def each_for_itself(peers: Sequence[Peer]) -> list[Peer]:
    """Those that need no server of their own."""
    return [peer for peer in peers if not isinstance(peer, Olah)]


def over_http(peers: Sequence[Peer]) -> list[Peer]:
    """Without those that come over Xet: where no file is large, or nginx has it, there is none."""
    return [peer for peer in peers if not isinstance(peer, HfXet)]


def explained(peers: Sequence[Peer]) -> list[str]:
    """What each was told, for the foot of a table."""
    return [f"{peer.name}{version_of(peer)}: {peer.how}." for peer in peers]


def version_of(peer: Peer) -> str:
    """Of a peer that has an environment of its own; the others' versions stand with the machine."""
    wanted = HERE / f"{peer.name.split(',')[0]}.txt"
    return f" {wanted.read_text().split()[0].partition('==')[2]}" if wanted.exists() else ""
