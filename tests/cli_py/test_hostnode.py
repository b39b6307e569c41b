"""Host mode's node as a process: an attack goes from the forwarder to the cloud, over a kill and a new start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from agent_py.counters import Counter, Counters
from agent_py.forward.client import Forwarder, Settings
from agent_py.forward.credentials import Credentials
from common_py.contracts import Hit
from common_py.retry import Backoff
from tests.support.exchanges import exchange
from tests.support.pki import Files, issue
from tests.support.scripted import Answer, Scripted

ATTACK = b"/static/../../../../etc/passwd"


class HostNode:
    """The program with its configuration in a directory."""

    def __init__(self, directory: Path, files: Files, cloud: int) -> None:
        self._directory = directory
        self._files = files
        (directory / "agent.token").write_text("agent-token")
        (directory / "node.token").write_text("node-token")
        api = {"host": "127.0.0.1", "port": cloud, "useSSL": False, "tokenFile": str(directory / "node.token")}
        (directory / "aggregation.yaml").write_text(json.dumps({"api": api}))
        self.port = 0

    def start(self) -> subprocess.Popen[bytes]:
        address = self._directory / "address"
        address.unlink(missing_ok=True)
        processing = {
            "listen_host": "127.0.0.1",
            "listen_port": self.port,
            "tls_certificate": str(self._files.certificate),
            "tls_key": str(self._files.key),
            "agent_token_file": str(self._directory / "agent.token"),
            "health_probe_port": 0,
            "workers": 1,
            "address_file": str(address),
        }
        (self._directory / "processing.yaml").write_text(json.dumps(processing))
        command = [sys.executable, "-m", "cli_py.hostnode", "--parent", str(os.getpid())]
        for name in ("processing", "aggregation"):
            command += [f"--{name}", str(self._directory / f"{name}.yaml")]
        with (self._directory / "log").open("ab") as log:
            process = subprocess.Popen(command, stderr=log, start_new_session=True)
        while not address.exists():
            assert process.poll() is None, (self._directory / "log").read_text()
            time.sleep(0.01)
        self.port = int(address.read_text().strip().rpartition(":")[2])
        return process


def stored(cloud: Scripted) -> set[str]:
    """Exchanges whose hits the cloud took."""
    return {hit.exchange.id for body in cloud.taken() for hit in msgspec.json.decode(body, type=list[Hit])}


def wait_stored(cloud: Scripted, numbers: range) -> None:
    wanted = {f"{number:032x}" for number in numbers}
    deadline = time.monotonic() + 30
    while not wanted <= stored(cloud):
        assert time.monotonic() < deadline, f"missing: {sorted(wanted - stored(cloud))[:3]}"
        time.sleep(0.01)


def end(process: subprocess.Popen[bytes], number: signal.Signals) -> int:
    process.send_signal(number)
    return process.wait(20)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_lost_over_a_restart(tmp_path: Path, how: signal.Signals) -> None:
    files = issue(tmp_path)
    counters = Counters()
    with Scripted([Answer(503, {"Retry-After": "0"})]) as cloud:
        node = HostNode(tmp_path, files, cloud.port)
        first = node.start()
        settings = Settings(
            f"https://127.0.0.1:{node.port}",
            Credentials.read(files.authority, token="agent-token"),
            backoff=Backoff(0.01, 0.05),
        )
        sending = Forwarder(settings, counters)
        sending.start()
        sending.put([exchange(number, ATTACK) for number in range(20)])
        wait_stored(cloud, range(20))
        code = end(first, how)
        sending.put([exchange(number, ATTACK) for number in range(20, 40)])
        second = node.start()
        wait_stored(cloud, range(40))
        sending.stop(20)
        last = end(second, signal.SIGTERM)
    assert (code, last) == ((0 if how is signal.SIGTERM else -signal.SIGKILL), 0)
    assert counters[Counter.EXCHANGES_SENT] == 40
    assert all(seen.headers["X-WallarmApi-Token"] == "node-token" for seen in cloud.seen)
    # An exchange that was sent twice makes the same hit, which the cloud stores once.
    hits = {hit.id for body in cloud.taken() for hit in msgspec.json.decode(body, type=list[Hit])}
    assert len(hits) == 40


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with Scripted() as other:
        node = HostNode(tmp_path, issue(tmp_path), other.port)
        node.port = other.port
        with pytest.raises(AssertionError, match=rf"^processing: Cannot listen on 127\.0\.0\.1:{other.port}: .*\n"):
            node.start()
