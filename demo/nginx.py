"""A real nginx on loopback: HTTP on one port, TLS 1.2 and 1.3 on another, in a directory of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from common_py import ports
from common_py.errors import UNAVAILABLE, UserError

CONFIGURATION = """\
worker_processes {workers};
pid {directory}/nginx.pid;
error_log {directory}/error.log;
{user}
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    keepalive_timeout 300s;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    client_max_body_size 16m;
    types {{ text/html html; }}
    default_type text/plain;
    sendfile on;
    ssl_certificate {directory}/certificate.pem;
    ssl_certificate_key {directory}/key.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_tickets on;
    server {{
        listen 127.0.0.1:{http_port} reuseport backlog=4096;
        listen 127.0.0.1:{https_port} ssl reuseport backlog=4096;
        root {directory}/root;
        location /api/ {{ return 200 '{{"ok":true}}\\n'; }}
        location /created {{ return 201 'created\\n'; }}
        location /empty {{ return 204; }}
{locations}
    }}
{servers}
}}
"""


@dataclass
class Nginx:
    """``with Nginx() as server:`` starts it and stops it by pid. ``directory`` holds its files and the certificate."""

    directory: Path
    workers: int = 1
    locations: str = ""
    """More ``location`` blocks for the server."""
    servers: str = ""
    """More blocks for ``http``."""
    binary: str = field(
        default_factory=lambda: shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin") or ""
    )
    http_port: int = 0
    https_port: int = 0

    def __enter__(self) -> Nginx:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Write configuration, certificate and two pages, start; return when both ports accept and workers run."""
        if not self.binary:
            raise UserError("nginx is not installed.", "Run: apt-get install nginx-light.", exit_code=UNAVAILABLE)
        root = self.directory / "root"
        root.mkdir(parents=True, exist_ok=True)
        (root / "index.html").write_text("<!doctype html><title>shop</title><h1>A small shop</h1>\n")
        (root / "large.txt").write_bytes(b"0123456789abcdef" * 6400)
        # nginx's workers run as another user: the document root has to be readable for them.
        for folder in (self.directory, root):
            folder.chmod(0o755)
        self._make_certificate()
        if not self.http_port:
            self.http_port, self.https_port = ports.free(2)
        configuration = self.directory / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(
                workers=self.workers,
                directory=self.directory,
                user="user nobody nogroup;" if os.geteuid() == 0 else "",
                http_port=self.http_port,
                https_port=self.https_port,
                locations=self.locations,
                servers=self.servers,
            )
        )
        done = subprocess.run(
            [self.binary, "-c", configuration, "-p", self.directory],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a terminal's Ctrl-C is for the program that started it
        )
        if done.returncode:
            raise UserError(f"nginx did not start: {done.stderr.strip()}", exit_code=UNAVAILABLE)
        try:
            self._wait_for_workers()
            ports.wait_listening(self.http_port)
            ports.wait_listening(self.https_port)
        except TimeoutError as error:
            self.stop()
            raise UserError(f"nginx did not start: {error}.", exit_code=UNAVAILABLE) from error

    def _wait_for_workers(self, seconds: float = 10.0) -> None:
        """The ports accept as soon as the master listens; its id is on disk, and workers run, a moment later."""
        deadline = time.monotonic() + seconds
        while not (self.directory / "nginx.pid").exists() or len(self.worker_pids) < self.workers:
            if time.monotonic() > deadline:
                raise TimeoutError(f"nginx did not start {self.workers} workers in {seconds:g} s")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask the master to end at once, and wait until it has. Nothing when it is gone already."""
        try:
            pid = self.pid
            # A master that was killed leaves its file, and its id may be another process's by now.
            if str(self.directory).encode() not in Path(f"/proc/{pid}/cmdline").read_bytes():
                return
            os.kill(pid, signal.SIGTERM)
        except (FileNotFoundError, ProcessLookupError):
            return
        while (self.directory / "nginx.pid").exists() and Path(f"/proc/{pid}").exists():
            signal.sigtimedwait([], 0.02)

    @property
    def pid(self) -> int:
        """The master's process id."""
        return int((self.directory / "nginx.pid").read_text())

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    @property
    def certificate(self) -> Path:
        """The self-signed certificate for 127.0.0.1 and localhost."""
        return self.directory / "certificate.pem"

    def _make_certificate(self) -> None:
        if self.certificate.exists():
            return
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
                *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
                *("-keyout", str(self.directory / "key.pem"), "-out", str(self.certificate)),
            ],
            check=True,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
