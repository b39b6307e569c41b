"""kill -9 of any program never disturbs nginx, leaves no probe behind, and the product resumes by itself."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent_py.loader.programs import CLOSING_CALLS, KEY_PROGRAM, TYPED_TRACEPOINTS
from cli_py.client import Client
from cli_py.hostnode import LEDGER
from common_py import ledger
from common_py.errors import UserError
from demo.agent import Agent
from demo.nginx import Nginx
from tests.support import programs
from tests.support.load import Client as HttpClient
from tests.tiers import REPOSITORY

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

LOAD_RATE = 400
BPF_PROGRAMS = len({*sum(TYPED_TRACEPOINTS.values(), ()), *CLOSING_CALLS.values(), KEY_PROGRAM})


class Product:
    """``oobctl run`` as a person starts it."""

    def __init__(self, data: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "cli_py", "run", "--data", str(data), "--console-port", "0", *arguments]
        self.data = data
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("Stop with"):
                break
        assert self.process.poll() is None
        self.client = Client.find(None, None, data)

    def pids(self, module: str) -> list[int]:
        """Processes of the product that run a Python module."""
        return [pid for pid in tree(self.process.pid) if module.encode() in arguments(pid)]

    def hits(self) -> int:
        """Hits that the cloud has."""
        return sum(attack["hits"] for attack in self.client.get("/v1/attacks")["attacks"])

    def log(self, program: str) -> str:
        """What a program wrote."""
        return (self.data / "run" / f"{program}.log").read_text()

    def end(self) -> None:
        """End it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=60)


@pytest.fixture
def product(nginx: Nginx, tmp_path: Path) -> Iterator[Product]:
    running = Product(tmp_path / "data", "--pid", str(nginx.pid))
    yield running
    if running.process.poll() is None:
        running.end()
    assert running.process.stdout is not None
    running.process.stdout.close()


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(one for child in children for one in tree(int(child)))]


def arguments(pid: int) -> list[bytes]:
    """A process's command line; nothing when it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


@contextmanager
def load(nginx: Nginx, seconds: int) -> Iterator[None]:
    """Keep-alive load over plaintext and TLS: not one connection may break, not one answer be wrong."""
    count = seconds * LOAD_RATE
    common = [sys.executable, "-m", "tests.support.load"]
    arguments = ["--keep-alive", "--rate", str(LOAD_RATE), "--requests", str(count), "--prefix", "kept"]
    clients = [
        subprocess.Popen([*common, str(port), *arguments, *tls], stdout=subprocess.PIPE, cwd=REPOSITORY)
        for port, tls in ((nginx.http_port, []), (nginx.https_port, ["--tls", "1.3"]))
    ]
    yield
    assert [client.communicate(timeout=100)[0].split() for client in clients] == [[str(count).encode(), b"0"]] * 2


def wait_for(what: str, condition: Any, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def attack(nginx: Nginx) -> None:
    for port, version in ((nginx.http_port, None), (nginx.https_port, "1.3")):
        client = HttpClient(port, version)
        assert client.exchange(b"GET /etc/passwd HTTP/1.1\r\nHost: shop.test\r\n\r\n") == 404
        client.close()


PROGRAMS = ("agent_py", "agent_py.worker", "cli_py.hostnode", "cloud_py")


@pytest.mark.parametrize("module", PROGRAMS)
def test_a_killed_program_disturbs_nothing_and_comes_back(nginx: Nginx, product: Product, module: str) -> None:
    attack(nginx)
    wait_for("the first attack", lambda: product.hits() == 2)
    with load(nginx, seconds=6):
        time.sleep(1)
        (victim,) = product.pids(module)
        os.kill(victim, signal.SIGKILL)
        wait_for(f"{module} to be back", lambda: product.pids(module) not in ([], [victim]))
    wait_for("the cloud", lambda: answers(product))
    ready(product)
    attack(nginx)
    wait_for("the second attack", lambda: answers(product) and product.hits() == 4)


def test_hits_that_wait_for_the_cloud_survive_a_kill_of_the_node(nginx: Nginx, product: Product) -> None:
    def held() -> int:
        return ledger.read(product.data / LEDGER).hits.held

    (cloud,) = product.pids("cloud_py")
    (node,) = product.pids("cli_py.hostnode")
    os.kill(cloud, signal.SIGSTOP)
    try:
        attack(nginx)
        wait_for("the hits", lambda: held() == 2)
        os.kill(node, signal.SIGKILL)
        wait_for("the node to be back", lambda: product.pids("cli_py.hostnode") not in ([], [node]))
        wait_for("its new books", lambda: '"hits_kept": 2, "summaries_lost": 0' in product.log("node"))
        assert held() == 2
    finally:
        os.kill(cloud, signal.SIGCONT)
    wait_for("the cloud to have them", lambda: held() == 0)
    assert product.hits() == 2
    assert '"hits_lost": 0' in product.log("node")


def answers(product: Product) -> bool:
    """Whether the cloud can be asked."""
    try:
        product.client.get("/v1/attacks")
    except UserError:
        return False
    return True


def ready(product: Product) -> None:
    """Wait until the agent has written its address again and its worker has dropped its privileges."""
    address = product.data / "run" / "agent.address"
    wait_for("the agent", address.exists)
    wait_for("the worker", lambda: all(user(pid) == 65532 for pid in product.pids("agent_py.worker")))


def user(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)
    assert found
    return int(found.group(1))


def test_a_killed_supervisor_takes_everything_with_it(nginx: Nginx, product: Product) -> None:
    everything = tree(product.process.pid)
    assert len(everything) >= 5
    with load(nginx, seconds=3):
        time.sleep(1)
        os.kill(product.process.pid, signal.SIGKILL)
        product.process.wait()
        wait_for("all processes to end", lambda: not any(Path(f"/proc/{pid}").exists() for pid in everything))


def test_a_killed_agent_leaves_no_program_and_no_probe(nginx: Nginx, tmp_path: Path) -> None:
    with Agent(tmp_path / "agent", mirror_pids=[nginx.pid]) as agent:
        held = programs.held_by(agent.process.pid)
        assert len(held) == BPF_PROGRAMS
        workers = agent.workers()
        with load(nginx, seconds=8):
            time.sleep(1)
            agent.process.kill()
            agent.process.wait()
            wait_for("the workers to end", lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
            wait_for("the programs to go", lambda: not held & set(programs.loaded()))
            seen = len(agent.intake.exchanges())
            agent.start()
            wait_for("the capture to resume", lambda: len(agent.intake.exchanges()) > seen + 100)


def test_workers_have_no_privilege(nginx: Nginx, tmp_path: Path) -> None:
    with Agent(tmp_path / "agent", mirror_pids=[nginx.pid], workers=2) as agent:
        wait_for("the workers to drop", lambda: all(user(pid) == 65532 for pid in agent.workers()))
        assert len(agent.workers()) == 2
        for pid in agent.workers():
            status = dict(
                line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
            )
            assert status["CapEff"] == status["CapPrm"] == status["CapInh"] == status["CapAmb"] == "0" * 16
            assert status["NoNewPrivs"] == "1"
            assert status["Groups"].split() == []
            assert Path(f"/proc/{pid}/mem").stat().st_uid == 0, "not dumpable: others of the same user cannot read it"
