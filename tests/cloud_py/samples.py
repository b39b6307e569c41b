"""Hits for tests, and a cloud as a subprocess."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import yaml

from common_py.contracts import Endpoint, Exchange, Finding, Hit, Request, Response, Tls, Where

SECOND = 1_000_000_000
NODE_TOKEN = "node-token-of-these-tests"
ADMINISTRATOR_TOKEN = "administrator-token-of-these-tests"
START = 1_800_000_000 * SECOND


def make_hit(identifier: str, at: float = 0.0, **change: Any) -> Hit:
    """A path traversal ``at`` seconds after START. ``change``: fields of Hit or of its exchange."""
    ip = change.pop("ip", "192.0.2.7")
    status = change.pop("status", 404)
    payload = change.pop("payload", "/etc/passwd")
    start = change.pop("start", START + int(at * SECOND))
    request = change.pop("request", None) or Request(
        method=b"GET",
        target=b"/etc/passwd",
        headers=[(b"Host", b"shop.example:8443"), (b"User-Agent", b"curl/8.5.0")],
    )
    exchange = Exchange(
        id=f"{abs(hash(identifier)) % 16**12:032x}",
        start=start,
        duration=1_500_000,
        client=Endpoint(ip, 50123),
        peer=Endpoint(ip, 50123),
        server=Endpoint("127.0.0.1", 8443),
        request=request,
        response=Response(status=status, headers=[(b"Content-Type", b"text/html")], body_size=153),
        where=change.pop("where", None) or Where(process="nginx", pid=4242, mount_namespace=4026531841),
        tls=change.pop("tls", None) or Tls("1.3", "TLS_AES_256_GCM_SHA384", "shop.example"),
    )
    type = change.get("type", "ptrav")
    fields: dict[str, Any] = {
        "type": "ptrav",
        "parameter": "URI_value",
        "domain": "shop.example",
        "path": "/etc/passwd",
        "findings": [Finding(type=type, point=[["uri"]], payload=payload, signals=["etc_passwd"])],
        "node": "node-1",
    }
    return Hit(id=identifier, exchange=exchange, **(fields | change))


@dataclass(slots=True)
class Cloud:
    """A running cloud."""

    address: str
    pid: int
    log: Path

    def send(self, *hits: Hit) -> dict[str, int]:
        """Send hits as a processing node does."""
        answer = httpx2.post(
            f"{self.address}/v1/hits",
            content=msgspec.json.encode(list(hits)),
            headers={"X-WallarmApi-Token": NODE_TOKEN, "Content-Type": "application/json"},
        )
        assert answer.status_code == 200, answer.text
        counts: dict[str, int] = answer.json()
        return counts


def damage(path: Path, table: str = "%") -> None:
    """Overwrite the first page of a table (of all) and of its indexes. Nobody may have the database open."""
    with closing(sqlite3.connect(path)) as database:
        pages = database.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name LIKE ? AND rootpage > 1", (table,))
        with path.open("r+b") as file:
            for (page,) in pages.fetchall():
                file.seek((page - 1) * 4096)
                file.write(b"\xa5" * 4096)


def write_config(directory: Path, **change: Any) -> Path:
    """A configuration file with both tokens, SQLite in ``directory`` and a free port."""
    secret = directory / "node.token"
    secret.write_text(NODE_TOKEN + "\n")
    settings = {
        "listen": {"port": 0, "address_file": str(directory / "address")},
        "database": {"url": f"sqlite:///{directory / 'cloud.sqlite3'}"},
        "tokens": [
            {"name": "node", "role": "node", "file": str(secret)},
            {"name": "people", "role": "administrator", "value": ADMINISTRATOR_TOKEN},
        ],
        **change,
    }
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@contextmanager
def running_cloud(directory: Path, **change: Any) -> Iterator[Cloud]:
    """``python -m cloud_py`` on a free port until the block ends; it must end by itself on SIGTERM."""
    config = write_config(directory, **change)
    log = directory / "log"
    command = [sys.executable, "-m", "cloud_py", "--config", str(config), "--parent", str(os.getpid())]
    with log.open("wb") as output:
        program = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield Cloud(_address(directory / "address", program, log), program.pid, log)
            program.terminate()
            assert program.wait(10) in (0, -15), log.read_text()
        finally:
            program.kill()
            program.wait()


def _address(path: Path, program: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if path.exists():
            return path.read_text().strip()
        assert program.poll() is None, log.read_text()
        time.sleep(0.02)
    raise AssertionError(f"no address within 20 s: {log.read_text()}")
