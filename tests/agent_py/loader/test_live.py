"""Selection, connections and losses, with real servers and the running kernel."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent_py.chunk import Direction, Flag, Kind, open_info
from agent_py.loader.live import LiveLoader, LiveSettings
from common_py.errors import UserError
from tests.agent_py.loader.capture import Capture, Server, closes, opened, stream
from tests.agent_py.loader.conftest import Start

pytestmark = pytest.mark.live

ECHO = """
import threading
def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)
    connection.close()
while True:
    threading.Thread(target=echo, args=(listener.accept()[0],)).start()
"""


def talk(client: socket.socket, data: bytes) -> None:
    """Send to an echo server and read it back."""
    client.sendall(data)
    answer = b""
    while len(answer) < len(data):
        answer += client.recv(len(data) - len(answer))
    assert answer == data


def test_a_connection_from_accept_to_close(capture: Capture) -> None:
    with Server(ECHO) as server:
        capture.loader.select_process(server.pid)
        server.go()
        with server.connect() as client:
            local, remote = client.getpeername(), client.getsockname()
            talk(client, b"first")
            talk(client, b"second")
        chunks = capture.until_closed()
    assert [chunk.kind for chunk in chunks] == [Kind.OPEN, *[Kind.DATA] * 4, Kind.CLOSE]
    (info,) = opened(chunks)
    assert ((info.local, info.local_port), (info.remote, info.remote_port)) == (local, remote)
    assert (info.pid, info.comm[:6]) == (server.pid, "python")
    assert info.network_namespace == os.stat("/proc/self/ns/net").st_ino
    assert stream(chunks, Direction.INGRESS).payload == stream(chunks, Direction.EGRESS).payload == b"firstsecond"
    assert {chunk.mount_namespace for chunk in chunks} == {os.stat("/proc/self/ns/mnt").st_ino}
    assert {chunk.tgid for chunk in chunks} == {server.pid}
    assert len({chunk.conn for chunk in chunks}) == len({chunk.fd for chunk in chunks}) == 1
    assert [chunk.flags for chunk in chunks] == [0] * 6
    times = [chunk.time for chunk in chunks]
    assert times == sorted(times)
    assert abs(times[-1] - time.monotonic_ns()) < 60e9


def test_addresses_of_version_6(capture: Capture) -> None:
    code = "six = socket.create_server(('::1', 0), family=socket.AF_INET6); print(six.getsockname()[1], flush=True)\n"
    with Server(code + "six.accept()[0].recv(10)\nsys.stdin.read()") as server:
        capture.loader.select_process(server.pid)
        server.go()
        port = int(server.line())
        with socket.create_connection(("::1", port)) as client:
            client.sendall(b"x")
            (info,) = opened(capture.until(opened))
            assert (info.local, info.local_port, info.remote) == ("::1", port, "::1")
            assert info.remote_port == client.getsockname()[1]


def test_what_is_not_selected_tells_nothing(capture: Capture) -> None:
    with Server(ECHO) as server:
        server.go()
        with server.connect() as client:
            talk(client, b"hello")
        capture.loader.select_process(server.pid)
        with server.connect() as client:
            talk(client, b"one")
        capture.until_closed()
        capture.loader.deselect_process(server.pid)
        with server.connect() as client:
            talk(client, b"two")
        time.sleep(0.05)
        assert stream(capture.read(), Direction.INGRESS).payload == b"one"


def test_workloads_are_selected_by_mount_namespace(start: Start) -> None:
    capture = start(by_process=False)
    with Server(ECHO) as server:
        server.go()
        capture.loader.select_workload(os.stat("/proc/self/ns/mnt").st_ino + 1)
        with server.connect() as client:
            talk(client, b"nothing")
        namespace = os.stat(f"/proc/{server.pid}/ns/mnt").st_ino
        capture.loader.select_workload(namespace)
        # This test's own sockets are in the same namespace: its client side is ignored, as it connects.
        with server.connect() as client:
            talk(client, b"hello")
        chunks = capture.until_closed()
        capture.loader.deselect_workload(namespace)
    mine = [chunk for chunk in chunks if chunk.tgid == server.pid and chunk.kind == Kind.DATA]
    assert b"".join(chunk.payload for chunk in mine if chunk.direction == Direction.INGRESS) == b"hello"
    assert not [info for info in opened(chunks) if info.pid == os.getpid()]


def test_children_are_selected_with_their_parent(capture: Capture) -> None:
    code = (
        "if os.fork() == 0:\n    connection = listener.accept()[0]\n    connection.recv(10)\n    os._exit(0)\nos.wait()"
    )
    with Server(code + "\nsys.stdin.read()") as server:
        capture.loader.select_process(server.pid)
        server.go()
        with server.connect() as client:
            client.sendall(b"to a child")
            chunks = capture.until(lambda chunks: [chunk for chunk in chunks if chunk.kind == Kind.CLOSE])
        child = chunks[0].tgid
        assert child != server.pid
        assert stream(chunks, Direction.INGRESS).payload == b"to a child"
        ends = [(chunk.conn, chunk.tgid) for chunk in chunks if chunk.kind == Kind.CLOSE]
        assert ends == [(0, child)], "the exit made no close: the end of the process is told instead"
        assert capture.loader.sweep(child) == 1
        assert capture.loader.sweep(child) == 0


def test_a_descriptor_used_again_is_another_connection(capture: Capture) -> None:
    code = (
        "for _ in range(50):\n    connection = listener.accept()[0]\n    connection.recv(10)\n    connection.close()\n"
    )
    with Server(code + "sys.stdin.read()") as server:
        capture.loader.select_process(server.pid)
        server.go()
        for number in range(50):
            with server.connect() as client:
                client.sendall(b"%d" % number)
                client.recv(1)
        chunks = capture.until_closed(50)
    assert len({chunk.fd for chunk in chunks}) == 1
    data = {chunk.conn: chunk for chunk in chunks if chunk.kind == Kind.DATA}
    assert [(chunk.offset, chunk.payload) for chunk in data.values()] == [(0, b"%d" % n) for n in range(50)]


def test_outgoing_connections_are_ignored(capture: Capture) -> None:
    code = """
client = socket.create_connection(listener.getsockname())
connection = listener.accept()[0]
client.sendall(b"question"); connection.recv(100)
connection.sendall(b"answer"); client.recv(100)
client.close(); connection.close(); sys.stdin.read()
"""
    with Server(code) as server:
        capture.loader.select_process(server.pid)
        server.go()
        chunks = capture.until_closed()
    assert stream(chunks, Direction.INGRESS).payload == b"question"
    assert stream(chunks, Direction.EGRESS).payload == b"answer"
    assert len(opened(chunks)) == len(closes(chunks)) == 1


def test_a_connection_older_than_the_capture_is_late(capture: Capture) -> None:
    with Server(ECHO) as server:
        server.go()
        with server.connect() as client:
            talk(client, b"before")
            capture.loader.select_process(server.pid)
            talk(client, b"after")
            # The read that had begun before the selection is not seen, the next one is.
            talk(client, b"more")
        chunks = capture.until_closed()
    first = next(chunk for chunk in chunks if chunk.kind == Kind.OPEN)
    assert Flag(first.flags) == Flag.LATE
    assert open_info(first.payload).local_port == server.port
    assert stream(chunks, Direction.INGRESS).payload.endswith(b"more")
    assert b"before" not in stream(chunks, Direction.EGRESS).payload


def test_files_and_local_sockets_are_ignored(capture: Capture) -> None:
    code = """
a, b = socket.socketpair()
a.send(b"x"); b.recv(10)
reader, writer = os.pipe()
os.write(writer, b"x"); os.read(reader, 10)
file = os.open(sys.executable, os.O_RDONLY); os.read(file, 10)
listener.accept()[0].close(); sys.stdin.read()
"""
    with Server(code) as server:
        capture.loader.select_process(server.pid)
        server.go()
        server.connect().close()
        chunks = capture.until_closed()
    assert [chunk.kind for chunk in chunks] == [Kind.OPEN, Kind.CLOSE]
    assert capture.counted("ignored_descriptors") >= 5


def test_only_selected_ports(start: Start) -> None:
    capture = start()
    code = "other = socket.create_server(('127.0.0.1', 0)); print(other.getsockname()[1], flush=True)\n"
    code += "first = other.accept()[0]; first.recv(9); second = listener.accept()[0]; second.recv(9)\n"
    with Server(code + "first.close(); second.close(); sys.stdin.read()") as server:
        capture.loader.select_process(server.pid)
        capture.loader.select_port(server.port)
        server.go()
        with socket.create_connection(("127.0.0.1", int(server.line()))) as other, server.connect() as client:
            other.sendall(b"unwanted")
            client.sendall(b"wanted")
            chunks = capture.until_closed()
    assert stream(chunks, Direction.INGRESS).payload == b"wanted"
    with pytest.raises(UserError, match="Port 70000"):
        capture.loader.select_port(70000)


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


def test_full_tables_are_counted(start: Start) -> None:
    capture = start(connections=1, threads=1)
    with Server(ECHO) as server:
        capture.loader.select_process(server.pid)
        server.go()
        with server.connect() as first, server.connect() as second:
            talk(first, b"1")
            talk(second, b"2")
            counters = capture.loader.counters()
    assert counters["lost_connections_full"] >= 1
    assert counters["lost_threads_full"] >= 1


def test_connections_are_spread_over_the_rings(start: Start) -> None:
    capture = start(rings=3)
    with Server(ECHO) as server:
        capture.loader.select_process(server.pid)
        server.go()
        for _ in range(12):
            with server.connect() as client:
                talk(client, b"hello")
        deadline = time.monotonic() + 5
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
            held = {number: name for number, name in programs().items() if number in held_by(holder.pid)}
        finally:
            holder.kill()
    assert {"enter_recvfrom", "exit_move", "derive", "process_exit"} <= set(held.values())
    deadline = time.monotonic() + 20
    while left := set(held) & set(programs()):
        assert time.monotonic() < deadline, f"still loaded: {[held[one] for one in left]}"
        time.sleep(0.1)


def held_by(pid: int) -> set[int]:
    """Ids of the programs that a process holds a descriptor of."""
    texts = [path.read_text() for path in Path(f"/proc/{pid}/fdinfo").iterdir()]
    return {int(number) for text in texts for number in re.findall(r"^prog_id:\s+(\d+)", text, re.MULTILINE)}


def programs() -> dict[int, str]:
    """All programs that are loaded, by id."""
    environment = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin"}
    shown = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, check=True, env=environment)
    return {one["id"]: one.get("name", "") for one in json.loads(shown.stdout)}


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
