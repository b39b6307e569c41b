"""What a real nginx accepts is seen, however odd it looks; and nothing behind it on the connection is hidden."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.agent import Agent
from demo.nginx import Nginx
from tests.support.mixed import Mixer
from tests.support.odd import BODIES, BODY, HEADS, TARGET

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

NEXT = b"GET /api/next HTTP/1.1\r\nHost: shop\r\n\r\n"


@pytest.fixture
def nginx_that_echoes() -> Iterator[Nginx]:
    """It answers 200 to everything, after it has read the body."""
    locations = "        location ~ echo { return 200; }"
    with (
        tempfile.TemporaryDirectory(prefix="oob-nginx-") as directory,
        Nginx(Path(directory), locations=locations) as server,
    ):
        yield server


def ask(port: int, parts: list[bytes]) -> list[bytes]:
    """Send the parts, then an ordinary request; the status lines of both answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        lines = []
        for request in (parts, [NEXT]):
            for number, part in enumerate(request):
                time.sleep(0.02 if number else 0)
                client.sendall(part)
            answer = client.recv(4096)
            lines.append(answer.partition(b"\r\n")[0])
        return lines


def test_odd_requests_that_nginx_accepts_are_seen(nginx: Nginx, tmp_path: Path) -> None:
    odd = HEADS | BODIES
    with Agent(tmp_path / "agent", mirror_pids=[nginx.pid]) as agent:
        for name, parts in odd.items():
            assert ask(nginx.http_port, parts) == [b"HTTP/1.1 200 OK"] * 2, name
        found = agent.settle(2 * len(odd))
    targets = [exchange.request.target for exchange in found]
    assert (targets.count(TARGET), targets.count(b"/api/next")) == (len(odd), len(odd))
    assert [one.request.body for one in found].count(BODY) == len(BODIES)
    assert {one.response.status for one in found} == {200}
    assert [one.incomplete for one in found if one.incomplete] == []


def accepted(port: int, request: bytes) -> bool:
    """Whether the server answers the request and an ordinary one behind it, in one write, with 200 and nothing else."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(request + NEXT.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answers = b""
        while part := client.recv(4096):
            answers += part
    return answers.count(b"HTTP/1.1 200 OK") == answers.count(b"HTTP/1.1 ") == 2


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_nginx_makes_of_random_requests_is_seen(nginx_that_echoes: Nginx, tmp_path: Path, seed: int) -> None:
    mixer, bodies = Mixer(seed), {}
    with Agent(tmp_path / "agent", mirror_pids=[nginx_that_echoes.pid]) as agent:
        for number in range(300):
            tag = b"%dx" % number
            request, body = mixer.request(tag)
            if accepted(nginx_that_echoes.http_port, request):
                bodies[tag] = body
        found = agent.settle(2 * len(bodies))
    seen = {one.request.target.rpartition(b"?")[2]: one for one in found}
    assert len(bodies) > 100
    for tag, body in bodies.items():
        assert (seen[tag].request.body, seen[tag].response.status, seen[tag].incomplete) == (body, 200, []), tag
    assert [one.request.target for one in found].count(b"/api/next") >= len(bodies)
