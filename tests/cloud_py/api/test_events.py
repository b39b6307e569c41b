"""Server-sent events over real sockets: a slow client shows only there."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.types import Message

from cloud_py.api import events as api_events
from cloud_py.api.hub import Hub
from tests.cloud_py.samples import ADMINISTRATOR_TOKEN, Cloud, make_hit, running_cloud

HEADERS = {"X-WallarmApi-Token": ADMINISTRATOR_TOKEN}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with running_cloud(tmp_path, limits={"event_queue": 4, "event_clients": 2}) as cloud:
        yield cloud


def events(lines: Iterator[str]) -> Iterator[dict]:
    for line in lines:
        if line.startswith("data: "):
            yield json.loads(line[6:])


def test_new_and_updated_attacks_are_told(cloud: Cloud):
    with httpx2.stream("GET", f"{cloud.address}/v1/events", headers=HEADERS, timeout=10) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        told = events(lines)
        cloud.send(make_hit("a"))
        first = next(told)
        cloud.send(make_hit("a"))  # known: no event
        cloud.send(make_hit("b"), make_hit("c", type="sqli"))
        second = next(told)
    assert [item["change"] for item in first["changes"]] == ["new"]
    assert first["changes"][0]["attack"]["path"] == "/etc/passwd"
    assert sorted((item["change"], item["attack"]["type"]) for item in second["changes"]) == [
        ("new", "sqli"),
        ("updated", "ptrav"),
    ]
    assert second["more"] == 0


def metric(cloud: Cloud, line: str) -> float:
    text = httpx2.get(f"{cloud.address}/metrics").text
    return next(float(row.rsplit(" ", 1)[1]) for row in text.splitlines() if row.startswith(line))


def test_a_client_that_does_not_read_is_dropped_and_makes_room(cloud: Cloud):
    parts = urlsplit(cloud.address)
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect((parts.hostname, parts.port))
        lazy.sendall(
            f"GET /v1/events HTTP/1.1\r\nHost: x\r\nX-WallarmApi-Token: {ADMINISTRATOR_TOKEN}\r\n\r\n".encode()
        )
        lazy.settimeout(10)
        assert lazy.recv(12) == b"HTTP/1.1 200"
        assert metric(cloud, "wallarm_cloud_event_clients ") == 1
        slow = 'wallarm_cloud_event_clients_dropped_total{cause="slow"}'
        number = 0
        text = httpx2.get(f"{cloud.address}/metrics").text
        while slow not in text:
            number += 1
            assert number < 400, "the queue never filled"
            cloud.send(*[make_hit(f"{number}-{part}", path=f"/{number}/{part}/" + "x" * 8000) for part in range(50)])
            text = httpx2.get(f"{cloud.address}/metrics").text
    assert metric(cloud, slow) == 1
    assert metric(cloud, "wallarm_cloud_event_clients ") == 0


def test_too_many_listeners_are_told_to_come_later(cloud: Cloud):
    def stream():
        return httpx2.stream("GET", f"{cloud.address}/v1/events", headers=HEADERS, timeout=10)

    with stream() as first, stream() as second:
        assert (first.status_code, second.status_code) == (200, 200)
        third = httpx2.get(f"{cloud.address}/v1/events", headers=HEADERS)
        assert (third.status_code, third.headers["retry-after"]) == (503, "30")


def test_head_tells_the_type_and_listens_to_nothing(cloud: Cloud):
    with httpx2.Client(base_url=cloud.address, headers=HEADERS, timeout=10) as client:
        answer = client.head("/v1/events")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert metric(cloud, "wallarm_cloud_event_clients ") == 0


def test_a_stream_does_not_outlive_its_session_for_long(monkeypatch: pytest.MonkeyPatch):
    """Its end makes the browser ask again, which then needs a session that is still valid."""
    monkeypatch.setattr(api_events, "LIFETIME", 0.05)

    async def main() -> None:
        hub = Hub(1, 1)
        listener = hub.join()
        assert listener is not None
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        async with asyncio.timeout(5):
            await api_events.EventStream(hub, listener)({"type": "http"}, receive, send)
        assert sent[-1]["more_body"] is False
        assert len(hub) == 0

    asyncio.run(main())
