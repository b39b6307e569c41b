"""Losses, rings and their consumers, and what stays behind: with real servers and the running kernel."""

from __future__ import annotations

import subprocess
import sys
import time
from threading import Event, Thread

import pytest

from agent_py.chunk import Direction, Kind
from agent_py.loader.live import LiveLoader, LiveSettings
from common_py.errors import UserError
from tests.agent_py.loader.capture import ECHO, SECONDS, Capture, Server, opened, talk
from tests.agent_py.loader.conftest import Start
from tests.support import programs

pytestmark = pytest.mark.live


def test_a_full_ring_is_counted_and_the_gap_is_told(start: Start) -> None:
    capture = start(ring_bytes=4096)
    with Server(ECHO) as server:
        capture.loader.select_process(server.pid)
        server.go()
        with server.connect() as client:
            for _ in range(20):
                talk(client, b"x" * 500)
            counters = capture.loader.counters()
            lost = counters["lost_ring_full_ingress"]
            assert lost > 0
            assert counters["lost_ring_full_bytes_ingress"] == lost * 500
            capture.read()
            talk(client, b"y" * 500)
        chunks = capture.until_closed()
    ingress = [chunk for chunk in chunks if chunk.kind == Kind.DATA and chunk.direction == Direction.INGRESS]
    assert (ingress[-1].lost, ingress[-1].payload) == (lost, b"y" * 500)
    assert ingress[-1].offset == 20 * 500
    assert sum(chunk.size for chunk in ingress) + lost * 500 == 21 * 500


def test_an_announcement_that_did_not_fit_comes_later(start: Start) -> None:
    capture = start(ring_bytes=4096)
    with Server(ECHO) as server:
        capture.loader.select_process(server.pid)
        server.go()
        with server.connect() as first:
            for _ in range(40):
                talk(first, b"x")
            with server.connect() as second:
                talk(second, b"lost")
                assert capture.loader.counters()["lost_ring_full_open"] >= 1
                capture.read()
                talk(second, b"seen")
                port = second.getsockname()[1]
        chunks = capture.until(lambda chunks: any(chunk.payload == b"seen" for chunk in chunks))
    assert [info.remote_port for info in opened(chunks)].count(port) == 1
    seen = next(chunk for chunk in chunks if chunk.payload == b"seen")
    assert (seen.offset, seen.lost) == (4, 1)


@pytest.mark.parametrize("table", ["connections", "threads"])
def test_a_full_table_is_counted(start: Start, table: str) -> None:
    capture = start(**{table: 1})
    with Server(ECHO) as server:
        capture.loader.select_process(server.pid)
        server.go()
        with server.connect() as first, server.connect() as second:
            talk(first, b"1")
            talk(second, b"2")
            assert capture.loader.counters()[f"lost_{table}_full"] >= 1


def test_connections_are_spread_over_the_rings(start: Start) -> None:
    capture = start(rings=3)
    with Server(ECHO) as server:
        capture.loader.select_process(server.pid)
        server.go()
        for _ in range(12):
            with server.connect() as client:
                talk(client, b"hello")
        deadline = time.monotonic() + SECONDS
        per_ring: list[set[int]] = [set(), set(), set()]
        while sum(map(len, per_ring)) < 12 and time.monotonic() < deadline:
            for seen, ring in zip(per_ring, capture.rings, strict=True):
                seen.update(chunk.conn for chunk in ring.drain(1 << 20))
    assert sum(map(len, per_ring)) == 12
    assert min(map(len, per_ring)) >= 1


def test_a_sleeping_consumer_is_woken(capture: Capture) -> None:
    ring = capture.rings[0]
    while ring.wait(0.05):
        ring.drain(1 << 20)
    with Server(ECHO) as server:
        capture.loader.select_process(server.pid)
        server.go()
        # The client connects half a second from now; a consumer that is not woken would sleep for a minute.
        late = f"import socket, time; time.sleep(0.5); socket.create_connection(('127.0.0.1', {server.port}))"
        with subprocess.Popen([sys.executable, "-c", late]):
            started = time.monotonic()
            assert ring.wait(60)
            assert time.monotonic() - started < 10
    assert capture.counted("wakeups") == 1


READER = """
import sys
from agent_py.ring import Ring, Sleepers
from common_py.process import drop_privileges
drop_privileges(65532)
ring = Ring(int(sys.argv[1]), int(sys.argv[2]), sleepers=Sleepers(int(sys.argv[3])))
print("ready", flush=True)
seen = []
while b"bye" not in seen:
    ring.wait(10)
    seen += [chunk.payload for chunk in ring.drain(4096) if chunk.kind == 2]
print(seen)
"""


def test_a_worker_without_privileges_reads_and_sleeps(capture: Capture) -> None:
    ring, sleepers = capture.loader.rings[0], capture.loader.sleepers_fd
    command = [sys.executable, "-c", READER, str(ring.fd), str(ring.size), str(sleepers)]
    with Server(ECHO) as server:
        capture.loader.select_process(server.pid)
        server.go()
        pipe = subprocess.PIPE
        with subprocess.Popen(command, pass_fds=[ring.fd, sleepers], stdout=pipe, text=True) as worker:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
            with server.connect() as client:
                talk(client, b"hello")
                talk(client, b"bye")
                assert "[b'hello', b'hello', b'bye'" in worker.stdout.read()


def test_counters_can_be_asked_for_during_and_after_the_end(start: Start) -> None:
    """Metrics are served by another thread: it must not meet objects that are gone."""
    capture = start()
    with Server(ECHO) as server:
        capture.loader.select_process(server.pid)
        server.go()
        with server.connect() as client:
            talk(client, b"hello")
        capture.until_closed()
    assert capture.loader.counters()["opened"] == 1
    asked: list[int] = []
    ended = Event()

    def ask() -> None:
        while not ended.is_set():
            asked.append(capture.loader.counters()["opened"])

    thread = Thread(target=ask)
    thread.start()
    try:
        capture.loader.close()
    finally:
        ended.set()
        thread.join()
    assert set(asked) == {capture.loader.counters()["opened"]} == {1}


HOLDER = """
import os, sys, time
from agent_py.loader.live import LiveLoader, LiveSettings
from agent_py.discover import libraries
loader = LiveLoader(LiveSettings(by_process=True, ring_bytes=1 << 16))
import ssl
for target in libraries.view(os.getpid()).targets:
    loader.attach_keys(target.file.opened, target.offset)
print("ready", flush=True)
time.sleep(600)
"""


def test_sigkill_leaves_no_program_and_no_probe() -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        try:
            names = programs.loaded()
            held = {number: names[number] for number in programs.held_by(holder.pid)}
        finally:
            holder.kill()
    assert {"system_call_exit", "derive", "process_exit"} <= set(held.values())
    deadline = time.monotonic() + 20
    while left := set(held) & set(programs.loaded()):
        assert time.monotonic() < deadline, f"still loaded: {[held[one] for one in left]}"
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (LiveSettings(rings=0), "rings"),
        (LiveSettings(rings=65), "rings"),
        (LiveSettings(ring_bytes=5000), "ring_bytes"),
        (LiveSettings(egress_bytes=9000), "egress_bytes"),
    ],
)
def test_a_wrong_setting_is_one_sentence(settings: LiveSettings, name: str) -> None:
    with pytest.raises(UserError, match=f"^{name} must be"):
        LiveLoader(settings)
