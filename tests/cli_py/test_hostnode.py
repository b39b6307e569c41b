"""Host mode's node as a process: an attack goes from the forwarder to the cloud, over a kill and a new start.

A kill in the tests below comes while hits wait for a cloud that is down, or while a batch is being inspected; the
numbers are exact.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from agent_py.counters import Counter, Counters
from agent_py.forward.client import Forwarder, Settings
from agent_py.forward.credentials import Credentials
from cli_py.hostnode import LEDGER, SPOOL
from common_py import ledger
from common_py.contracts import Hit
from common_py.ports import free
from common_py.retry import Backoff
from processing_py.hits import hit_id
from tests.support.exchanges import exchange
from tests.support.pki import Files, issue
from tests.support.scripted import Answer, Scripted

pytestmark = pytest.mark.program

ATTACK = b"/static/../../../../etc/passwd"


class HostNode:
    """The program with its configuration in a directory."""

    def __init__(self, directory: Path, files: Files, cloud: int) -> None:
        self._directory = directory
        self._files = files
        self.data = directory / "data"
        self.data.mkdir()
        (directory / "agent.token").write_text("agent-token")
        (directory / "node.token").write_text("node-token")
        api = {"host": "127.0.0.1", "port": cloud, "useSSL": False, "tokenFile": str(directory / "node.token")}
        (directory / "aggregation.yaml").write_text(json.dumps({"api": api, "grace_seconds": 1}))
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
            "health_address_file": str(self._directory / "health"),
            "workers": 1,
            "address_file": str(address),
        }
        (self._directory / "processing.yaml").write_text(json.dumps(processing))
        command = [sys.executable, "-m", "cli_py.hostnode", "--parent", str(os.getpid()), "--data", str(self.data)]
        for name in ("processing", "aggregation"):
            command += [f"--{name}", str(self._directory / f"{name}.yaml")]
        with (self._directory / "log").open("ab") as log:
            process = subprocess.Popen(command, stderr=log, start_new_session=True)
        while not address.exists():
            assert process.poll() is None, (self._directory / "log").read_text()
            time.sleep(0.01)
        self.port = int(address.read_text().strip().rpartition(":")[2])
        return process

    def metrics(self) -> dict[str, float]:
        """Its metrics without the prefix, ``name{labels}`` → value."""
        address = (self._directory / "health").read_text().strip()
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
            lines = [line for line in answer.read().decode().splitlines() if line.startswith("wallarm_")]
        pairs = (line.rsplit(" ", 1) for line in lines)
        return {name.removeprefix("wallarm_"): float(value) for name, value in pairs}

    def said(self, event: str) -> list[dict[str, object]]:
        """The log lines of an event, their fields alone."""
        # A kill can cut a line, and a detection worker that sees its parent die may say so in a traceback.
        whole = [line for line in (self._directory / "log").read_text().splitlines() if line[:1] + line[-1:] == "{}"]
        lines = map(json.loads, whole)
        common = ("event", "time", "level", "component", "program")
        return [
            {name: value for name, value in line.items() if name not in common}
            for line in lines
            if line["event"] == event
        ]


def hits_of(cloud: Scripted) -> list[Hit]:
    """The hits that the cloud took."""
    # A node that is killed while it sends leaves a body that is shorter than announced: no cloud takes that.
    taken = [
        seen.body
        for seen in cloud.seen.copy()
        if seen.answered == 200 and len(seen.body) == int(seen.headers["Content-Length"])
    ]
    return [hit for body in taken for hit in msgspec.json.decode(body, type=list[Hit])]


def stored(cloud: Scripted) -> set[str]:
    """Exchanges whose hits the cloud took."""
    return {hit.exchange.id for hit in hits_of(cloud)}


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
    hits = {hit.id for hit in hits_of(cloud)}
    assert len(hits) == 40


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with Scripted() as other:
        node = HostNode(tmp_path, issue(tmp_path), other.port)
        node.port = other.port
        with pytest.raises(AssertionError, match=rf"^processing: Cannot listen on 127\.0\.0\.1:{other.port}: .*\n"):
            node.start()


KILLED = "the node before this one was killed"
LOST_HITS = 'losses_total{cause="killed",unit="hits"}'
LOST_SUMMARIES = 'losses_total{cause="killed",unit="summaries"}'
INTERRUPTED = "exchanges_interrupted_total"


@contextmanager
def sender(node: HostNode, files: Files, counters: Counters) -> Iterator[Forwarder]:
    settings = Settings(
        f"https://127.0.0.1:{node.port}",
        Credentials.read(files.authority, token="agent-token"),
        backoff=Backoff(0.01, 0.05),
    )
    sending = Forwarder(settings, counters)
    sending.start()
    yield sending
    sending.stop(20)


def wait_for(condition: object, seconds: float = 30.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def take_hits(node: HostNode, files: Files) -> None:
    """Have it find 20 hits in 30 exchanges, all of them acknowledged to the agent."""
    counters = Counters()
    with sender(node, files, counters) as sending:
        sending.put([exchange(number, ATTACK if number < 20 else b"/") for number in range(30)])
        wait_for(lambda: counters[Counter.EXCHANGES_SENT] == 30)
    assert node.metrics()["export_queue"] == 20


def test_hits_that_wait_for_the_cloud_survive_a_kill(tmp_path: Path) -> None:
    files = issue(tmp_path)
    (port,) = free(1)
    node = HostNode(tmp_path, files, port)
    first = node.start()
    take_hits(node, files)
    assert end(first, signal.SIGKILL) == -signal.SIGKILL
    second = node.start()
    assert node.said(KILLED) == [{"hits_lost": 0, "hits_kept": 20, "summaries_lost": 0, "exchanges_interrupted": 0}]
    metrics = node.metrics()
    assert (metrics[LOST_HITS], metrics[LOST_SUMMARIES], metrics[INTERRUPTED]) == (0, 0, 0)
    assert metrics["export_queue"] == 20
    assert end(second, signal.SIGTERM) == 0
    # A clean stop with the cloud still down: they are kept, and nothing is counted.
    third = node.start()
    with Scripted(port=port) as cloud:
        wait_stored(cloud, range(20))
        wait_for(lambda: node.metrics()["export_queue"] == 0)
        hits = [hit.id for hit in hits_of(cloud)]
    assert len(hits) == len(set(hits)) == 20
    assert end(third, signal.SIGKILL) == -signal.SIGKILL
    fourth = node.start()
    assert node.said(KILLED)[1:] == [{"hits_lost": 0, "hits_kept": 0, "summaries_lost": 0, "exchanges_interrupted": 0}]
    assert node.metrics()["export_queue"] == 0
    assert end(fourth, signal.SIGTERM) == 0


def test_hits_that_a_kill_costs_are_counted(tmp_path: Path) -> None:
    files = issue(tmp_path)
    (port,) = free(1)
    node = HostNode(tmp_path, files, port)
    first = node.start()
    take_hits(node, files)
    end(first, signal.SIGKILL)
    for file in node.data.glob(f"{SPOOL}*"):
        file.unlink()
    second = node.start()
    assert node.said(KILLED) == [{"hits_lost": 20, "hits_kept": 0, "summaries_lost": 0, "exchanges_interrupted": 0}]
    assert node.metrics()[LOST_HITS] == 20
    assert node.metrics()["export_queue"] == 0
    assert end(second, signal.SIGTERM) == 0
    # The count goes on from node to node, so that a scrape sees it grow and never jump back.
    third = node.start()
    assert node.metrics()[LOST_HITS] == 20
    assert len(node.said(KILLED)) == 1
    assert end(third, signal.SIGTERM) == 0


def test_what_is_in_flight_at_a_kill_is_sent_again(tmp_path: Path) -> None:
    files = issue(tmp_path)
    counters = Counters()
    with Scripted() as cloud:
        node = HostNode(tmp_path, files, cloud.port)
        first = node.start()
        children = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
        (worker,) = map(int, children)
        os.kill(worker, signal.SIGSTOP)
        with sender(node, files, counters) as sending:
            sending.put([exchange(number, ATTACK) for number in range(20)])
            wait_for(lambda: ledger.read(node.data / LEDGER).exchanges.held == 20)
            end(first, signal.SIGKILL)
            assert counters[Counter.EXCHANGES_SENT] == 0
            second = node.start()
            wait_stored(cloud, range(20))
        assert node.metrics()[INTERRUPTED] == 20
        assert node.metrics()[LOST_HITS] == 0
        assert end(second, signal.SIGTERM) == 0
    assert counters[Counter.EXCHANGES_SENT] == 20
    assert node.said(KILLED) == [{"hits_lost": 0, "hits_kept": 0, "summaries_lost": 0, "exchanges_interrupted": 20}]


def test_kills_in_the_middle_of_traffic_lose_nothing(tmp_path: Path) -> None:
    files = issue(tmp_path)
    counters = Counters()
    number = 0
    with Scripted() as cloud:
        node = HostNode(tmp_path, files, cloud.port)
        process = node.start()
        with sender(node, files, counters) as sending:
            for pause in (0.05, 0.2, 0.11):
                deadline = time.monotonic() + pause
                while time.monotonic() < deadline:
                    sending.put([exchange(number, ATTACK)])
                    number += 1
                    time.sleep(0.001)
                end(process, signal.SIGKILL)
                process = node.start()
            wait_stored(cloud, range(number))
            wait_for(lambda: counters[Counter.EXCHANGES_SENT] == number)
        wait_for(lambda: node.metrics()["export_queue"] == 0)
        assert node.metrics()[LOST_HITS] == 0
        assert end(process, signal.SIGTERM) == 0
    assert len(node.said(KILLED)) == 3
    assert {hit.id for hit in hits_of(cloud)} == {hit_id(f"{one:032x}", "ptrav") for one in range(number)}


def test_a_data_directory_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    node = HostNode(tmp_path, issue(tmp_path), 1)
    node.data.rmdir()
    node.data.write_bytes(b"")
    with pytest.raises(AssertionError, match=r"^processing: There is no directory .*/data\. Name one with --data\.\n"):
        node.start()
