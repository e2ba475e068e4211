"""nginx on loopback, for a line that is not the limit: plain and over TLS."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


def is_there() -> bool:
    """Whether nginx and openssl are installed."""
    return shutil.which("nginx", path=_PATH) is not None and shutil.which("openssl") is not None


_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def free_port() -> int:
    """One that nobody has."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def nginx(folder: Path) -> Iterator[dict[str, str]]:
    """Serves ``folder/www``; gives the addresses of both ways. ``folder/cert.pem`` is what clients have to trust."""
    plain, tls = free_port(), free_port()
    (folder / "www" / "lfs").mkdir(parents=True, exist_ok=True)
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(["openssl", *words.split(), *files], check=True, capture_output=True)
    (folder / "nginx.conf").write_text(_CONFIG.format(folder=folder, plain=plain, tls=tls))
    # Its workers are not root where it is started by root.
    for path in (folder, folder / "www", folder / "www" / "lfs"):
        path.chmod(0o755)
    binary = shutil.which("nginx", path=_PATH) or "nginx"
    process = subprocess.Popen([binary, "-c", folder / "nginx.conf"], stderr=subprocess.DEVNULL)
    try:
        while socket.socket().connect_ex(("127.0.0.1", tls)):
            time.sleep(0.05)
        yield {"plain": f"http://127.0.0.1:{plain}", "TLS": f"https://127.0.0.1:{tls}"}
    finally:
        process.terminate()
        process.wait()


def serve(hub: LocalHub, repo_id: str, files: dict[str, Path], folder: Path) -> Repository:
    """A repository of the Hub whose large files nginx has."""
    repository = hub.add(Repository(repo_id=repo_id))
    commit = repository.commit(dict(files))
    for path, source in files.items():
        target = folder / "www" / "lfs" / str(commit.files[path].sha256)
        target.unlink(missing_ok=True)
        target.symlink_to(source)
    return repository
