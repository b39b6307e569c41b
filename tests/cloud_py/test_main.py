"""``python -m cloud_py`` as a program: how it starts, what it says when it cannot."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from cloud_py.store.database import connect
from tests.cloud_py.samples import ADMINISTRATOR_TOKEN, NODE_TOKEN, damage, make_hit, running_cloud, write_config

pytestmark = pytest.mark.program

SHORT = [{"name": "a", "role": "administrator", "value": "short"}]
NEITHER = [{"name": "a", "role": "administrator"}]
MISSING = [{"name": "a", "role": "administrator", "file": "/nonexistent/token"}]


def start(config: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cloud_py", "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"lisen": {}}, 78, "has the unknown key 'lisen'"),
        ({"listen": {"port": 70000}}, 78, "listen.port must be at most 65535 (it is 70000)."),
        ({"tokens": SHORT}, 78, "tokens.0.value"),
        ({"tokens": NEITHER}, 78, "tokens.0 needs either value or file."),
        ({"tokens": MISSING}, 66, "Cannot read tokens.0.file /nonexistent/token: No such file or directory."),
        ({"database": {"url": "oracle"}}, 78, "database.url is not a database address."),
        ({"tls": {"certificate": "/x"}}, 78, "tls needs both certificate and key."),
        ({"tls": {"certificate": "/x", "key": "/y"}}, 78, "Cannot read /x. Check the path and its permissions."),
        ({"listen": {"port": 0, "address_file": "/no/a"}}, 78, "Cannot write the address file /no/a: No such file"),
    ],
)
def test_a_wrong_configuration_gets_a_sentence(tmp_path: Path, change: dict[str, Any], code: int, sentence: str):
    done = start(write_config(tmp_path, **change))
    assert sentence in done.stderr
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "short" not in done.stderr


def test_a_taken_port_gets_a_sentence(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = start(write_config(tmp_path, listen={"port": taken.getsockname()[1]}))
    assert done.returncode == 69
    assert "Address already in use. Choose another address or port" in done.stderr


def test_a_missing_file_gets_a_sentence(tmp_path: Path):
    done = start(tmp_path / "none.yaml")
    assert (done.returncode, done.stderr.strip()) == (
        66,
        f"Cannot read configuration {tmp_path / 'none.yaml'}: No such file or directory.",
    )


@pytest.mark.parametrize("table", ["alembic_version", "hits"])
def test_a_damaged_database_gets_a_sentence(tmp_path: Path, table: str):
    path = tmp_path / "cloud.sqlite3"
    connect(f"sqlite:///{path}").dispose()
    damage(path, table)
    done = start(write_config(tmp_path))
    assert (done.returncode, done.stderr.strip()) == (
        69,
        f"Cannot open the database sqlite:///{path}: database disk image is malformed. "
        "Check the path or the server, and the rights on it.",
    )


def test_the_configured_limits_are_those_of_the_store(tmp_path: Path):
    retention = {"bytes": 1 << 27, "free_bytes": 1 << 60}
    with running_cloud(tmp_path, retention=retention) as cloud:
        hit = msgspec.json.encode(make_hit("a"))
        answer = httpx2.post(f"{cloud.address}/v1/hits", content=hit, headers={"X-WallarmApi-Token": NODE_TOKEN})
        assert answer.status_code == 503
        ready = httpx2.get(f"{cloud.address}/ready")
        assert (ready.status_code, list(ready.json()["problems"])) == (503, ["disk"])


def test_it_remembers_over_a_restart_and_logs_no_token(tmp_path: Path):
    headers = {"X-WallarmApi-Token": ADMINISTRATOR_TOKEN}
    for known in (0, 1):
        (tmp_path / "address").unlink(missing_ok=True)
        with running_cloud(tmp_path) as cloud:
            assert cloud.send(make_hit("a")) == {"stored": 1 - known, "known": known}
            assert len(httpx2.get(f"{cloud.address}/v1/attacks", headers=headers).json()["attacks"]) == 1
        log = cloud.log.read_text()
        assert cloud.address in log
        assert ADMINISTRATOR_TOKEN not in log
        assert NODE_TOKEN not in log


def test_it_ends_with_its_supervisor(tmp_path: Path):
    config = write_config(tmp_path)
    supervisor = (
        "import os, subprocess, sys, time\n"
        "command = [sys.executable, '-m', 'cloud_py', '--config', sys.argv[1], '--parent', str(os.getpid())]\n"
        "p = subprocess.Popen(command)\n"
        "while not os.path.exists(sys.argv[2]): time.sleep(0.02)\n"
        "print(p.pid)\n"
    )
    command = [sys.executable, "-c", supervisor, str(config), str(tmp_path / "address")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    pid = int(done.stdout)
    for _ in range(200):
        if (
            not Path(f"/proc/{pid}/stat").exists()
            or Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z"
        ):
            return
        os.sched_yield()
        subprocess.run(["sleep", "0.02"], check=True)
    raise AssertionError("the cloud outlived its supervisor")
