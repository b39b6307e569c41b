"""What a real nginx accepts is seen, however odd it looks; and nothing behind it on the connection is hidden."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from demo.agent import Agent
from demo.nginx import Nginx
from tests.support.odd import BODIES, BODY, HEADS, TARGET

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

NEXT = b"GET /api/next HTTP/1.1\r\nHost: shop\r\n\r\n"


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
