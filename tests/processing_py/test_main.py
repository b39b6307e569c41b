"""The program: hits as JSON lines, errors as sentences, the end on SIGTERM and with its parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import urllib3

from common_py.contracts import encode
from tests.support.exchanges import exchange
from tests.support.pki import issue

pytestmark = pytest.mark.program

COMMAND = [sys.executable, "-m", "processing_py"]


def configuration(directory: Path) -> Path:
    files = issue(directory)
    path = directory / "config.yaml"
    settings = {
        "listen_host": "127.0.0.1",
        "listen_port": 0,
        "tls_certificate": str(files.certificate),
        "tls_key": str(files.key),
        "health_probe_port": 0,
        "workers": 1,
        "address_file": str(directory / "address"),
    }
    path.write_text(json.dumps(settings))
    return path


def appears(path: Path, process: subprocess.Popen[bytes]) -> str:
    while not path.exists():
        assert process.poll() is None, "the program ended before it was ready"
        time.sleep(0.01)
    return path.read_text().strip()


def test_an_attack_is_a_line_and_sigterm_is_the_end(tmp_path: Path) -> None:
    command = [*COMMAND, "--config", str(configuration(tmp_path)), "--parent", str(os.getpid())]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process:
        try:
            address = appears(tmp_path / "address", process)
            with urllib3.PoolManager(ca_certs=str(tmp_path / "ca.crt")) as pool:
                body = b"\x91" + encode(exchange(1, b"/../../../../etc/passwd"))
                headers = {"Content-Type": "application/msgpack"}
                answer = pool.request("POST", f"https://{address}/v1/exchanges", body=body, headers=headers)
                assert answer.json() == {"taken": 1, "lost": 0}
            assert process.stdout is not None
            hit = json.loads(process.stdout.readline())
            assert hit["type"] == "ptrav"
            workers = children(process.pid)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
    assert workers
    assert not any(alive(pid) for pid in workers)
    for line in (tmp_path / "log").read_text().splitlines():
        assert json.loads(line)["level"] == "info"


def test_workers_end_with_a_killed_node(tmp_path: Path) -> None:
    command = [*COMMAND, "--config", str(configuration(tmp_path))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            appears(tmp_path / "address", process)
            workers = children(process.pid)
        finally:
            process.kill()
    assert workers
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in workers):
        assert time.monotonic() < deadline, "workers outlived their node"
        time.sleep(0.01)


def test_errors_are_one_sentence(tmp_path: Path) -> None:
    path = configuration(tmp_path)
    missing = subprocess.run([*COMMAND, "--config", "/absent.yaml"], capture_output=True, text=True, check=False)
    assert (missing.returncode, missing.stdout) == (66, "")
    assert missing.stderr == "processing: Cannot read configuration /absent.yaml: No such file or directory.\n"
    (tmp_path / "server.key").write_text("nonsense")
    broken = subprocess.run([*COMMAND, "--config", str(path)], capture_output=True, text=True, check=False)
    assert broken.returncode == 78
    assert broken.stderr.count("\n") == 1
    assert "usable set of PEM files" in broken.stderr


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
