"""Measures prewarm on a line that is not the limit: nginx on loopback, beside a bare loop, hf download and aria2.

    python bench/fast.py              without and with TLS, 2 GB
    python bench/fast.py --size 500   MB

Needs nginx, and openssl for the certificate; aria2c where it is there. The Hub runs in this process and names nginx as
its storage. prewarm, hf and aria2c are whole processes with an empty cache, in turns; what each needs to start, with a
file of one byte, is measured in the same way and taken off. prewarm and the bare loop hash what arrives, the others do
not.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from transfer import HF, MB, about, environment, prewarm_command, random_file

from prewarm.localhub import LocalHub, Repository

_CONFIG = """
daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000; default_type application/octet-stream;
  client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t; uwsgi_temp_path {folder}/t;
  scgi_temp_path {folder}/t;
  server {{ listen 127.0.0.1:{plain}; root {folder}/www; }}
  server {{
    listen 127.0.0.1:{tls} ssl; root {folder}/www;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
  }}
}}
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def certify(folder: Path) -> None:
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(["openssl", *words.split(), *files], check=True, capture_output=True)


@contextmanager
def nginx(folder: Path) -> Iterator[dict[str, str]]:
    """Serves ``folder/www``, plain and over TLS; gives both addresses."""
    plain, tls = free_port(), free_port()
    certify(folder)
    (folder / "nginx.conf").write_text(_CONFIG.format(folder=folder, plain=plain, tls=tls))
    # Its workers are not root where it is started by root.
    for path in (folder, folder / "www", folder / "www" / "lfs"):
        path.chmod(0o755)
    process = subprocess.Popen(["nginx", "-c", folder / "nginx.conf"], stderr=subprocess.DEVNULL)
    try:
        while socket.socket().connect_ex(("127.0.0.1", tls)):
            time.sleep(0.05)
        yield {"plain": f"http://127.0.0.1:{plain}", "TLS": f"https://127.0.0.1:{tls}"}
    finally:
        process.terminate()
        process.wait()


def timed(command: list[str], cwd: Path, env: dict[str, str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr.decode()[-2000:]}")
    return time.perf_counter() - began


def compare(hub: LocalHub, name: str, storage: str, work: Path, sizes: dict[str, Path], runs: int) -> None:
    hub.routes.cdn_url = storage
    large, repository = sizes["large"], "bench/large"
    sha256 = next(iter((work / "www" / "lfs").glob("*"))).name
    for path in (work / "www" / "lfs").iterdir():
        if path.resolve() == large:
            sha256 = path.name
    cert = {"SSL_CERT_FILE": str(work / "cert.pem")}

    def prewarm(at: Path, repo_id: str) -> float:
        return timed(prewarm_command(at, [repo_id], "*"), at, environment(hub, at / "home") | cert)

    def hf(at: Path, repo_id: str) -> float:
        return timed([HF, "download", repo_id], at, environment(hub, at / "home") | cert)

    def aria2(at: Path, repo_id: str) -> float:
        if repo_id != repository:
            return 0.0
        flags = ["-x8", "-s8", "-k1M", "-q", "--file-allocation=none", f"--ca-certificate={cert['SSL_CERT_FILE']}"]
        return timed(["aria2c", *flags, f"{storage}/lfs/{sha256}"], at, dict(os.environ))

    def bare(connections: int) -> Callable[[Path, str], float]:
        def run(at: Path, repo_id: str) -> float:
            if repo_id != repository:
                return 0.0
            script = str(Path(__file__).with_name("bare.py"))
            size = str(large.stat().st_size)
            command = [sys.executable, script, f"{storage}/lfs/{sha256}", size, sha256, "bare", str(connections)]
            done = subprocess.run(command, cwd=at, env=os.environ | cert, capture_output=True, text=True, check=True)
            return float(done.stdout)

        return run

    sides = {"bare, 2 connections": bare(2), "bare, 8 connections": bare(8), "prewarm": prewarm, "hf download": hf}
    if shutil.which("aria2c"):
        sides["aria2c"] = aria2
    times: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(runs):
        for side, run in sides.items():
            took = []
            for repo_id in ("bench/small", repository):
                with tempfile.TemporaryDirectory(dir=work) as at:
                    took.append(run(Path(at), repo_id))
            times[side].append(took[1] - took[0])
    best = [min(pair) for pair in zip(times["bare, 2 connections"], times["bare, 8 connections"], strict=True)]
    print(f" {name}")
    for side, found in times.items():
        ratio = [mine / base for mine, base in zip(found, best, strict=True)]
        speed = large.stat().st_size / statistics.median(found) / MB
        spread = f"median of {runs}; {min(ratio):.2f} to {max(ratio):.2f}"
        print(
            f"  {side:20} {statistics.median(found):5.2f} s  {speed:6,.0f} MB/s  {statistics.median(ratio):.2f} ({spread})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--size", type=int, default=2000, help="MB")
    asked = parser.parse_args()
    print(about("hf-prewarm", "huggingface_hub"))
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "www" / "lfs").mkdir(parents=True)
        files = {"large": random_file(work / "large", asked.size * MB), "small": random_file(work / "small", 1)}
        with LocalHub() as hub, nginx(work) as addresses:
            for kind, path in files.items():
                repository = hub.add(Repository(repo_id=f"bench/{kind}"))
                commit = repository.commit({f"{kind}.safetensors": path})
                (work / "www" / "lfs" / str(commit.files[f"{kind}.safetensors"].sha256)).symlink_to(path)
            for address in addresses:
                compare(hub, address, addresses[address], work, files, asked.runs)


if __name__ == "__main__":
    main()
