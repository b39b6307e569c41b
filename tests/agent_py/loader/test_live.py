"""Selection and connections, with real servers and the running kernel."""

from __future__ import annotations

import os
import socket
import struct
import time

import pytest

from agent_py.chunk import Direction, Flag, Kind, open_info
from agent_py.mirroring import has_ended
from common_py.errors import UserError
from tests.agent_py.loader.capture import ECHO, Capture, Server, closes, opened, stream, talk
from tests.agent_py.loader.conftest import Start

pytestmark = pytest.mark.live


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


def test_accept_without_flags(capture: Capture) -> None:
    """accept(2), which Python never calls: accept4 is another system call."""
    code = """
import ctypes
ACCEPT = 43
number = ctypes.CDLL(None).syscall(ACCEPT, listener.fileno(), None, None)
os.write(number, os.read(number, 100)); os.close(number); sys.stdin.read()
"""
    with Server(code) as server:
        capture.loader.select_process(server.pid)
        server.go()
        with server.connect() as client:
            talk(client, b"hello")
        chunks = capture.until_closed()
    assert [chunk.kind for chunk in chunks] == [Kind.OPEN, *[Kind.DATA] * 2, Kind.CLOSE]
    assert chunks[0].flags == 0


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
        assert capture.loader.sweep(lambda pid: pid == child) == 1
        assert capture.loader.sweep(lambda pid: pid == child) == 0


def test_a_table_full_of_what_ended_processes_left_is_swept(start: Start) -> None:
    capture = start(connections=64)
    code = """
for _ in range(300):
    if os.fork() == 0:
        os.write(1, b"\\n")
        os._exit(0)
    os.wait()
while True:
    connection = listener.accept()[0]
    connection.sendall(connection.recv(100))
    connection.close()
"""
    with Server(code) as server:
        capture.loader.select_process(server.pid)
        server.go()
        with server.connect() as client:
            talk(client, b"unseen")
        assert opened(capture.read()) == []
        assert capture.counted("lost_connections_full") > 0
        capture.reset()
        assert capture.loader.sweep(has_ended) > 60
        with server.connect() as client:
            talk(client, b"seen")
        assert stream(capture.until_closed(), Direction.INGRESS).payload == b"seen"
    assert capture.counted("lost_connections_full") == 0


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


CONNECTS = {
    "at once": "client = socket.create_connection(listener.getsockname())",
    "in progress": """
import errno, select
client = socket.socket()
client.setblocking(False)
assert client.connect_ex(listener.getsockname()) == errno.EINPROGRESS
select.select([], [client], [])
client.setblocking(True)
""",
}


@pytest.mark.parametrize("connect", CONNECTS)
def test_outgoing_connections_are_ignored(capture: Capture, connect: str) -> None:
    code = f"""
{CONNECTS[connect]}
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
    code = """
connection = listener.accept()[0]
connection.sendall(connection.recv(100))
print("answered", flush=True)
while data := connection.recv(100):
    connection.sendall(data)
connection.close(); sys.stdin.read()
"""
    with Server(code) as server:
        server.go()
        with server.connect() as client:
            talk(client, b"before")
            # Its call has ended: the client has the answer sooner, and what ends when selected is seen.
            assert server.line() == "answered"
            capture.loader.select_process(server.pid)
            talk(client, b"after")
            talk(client, b"more")
        chunks = capture.until_closed()
    first = next(chunk for chunk in chunks if chunk.kind == Kind.OPEN)
    assert Flag(first.flags) == Flag.LATE
    assert open_info(first.payload).local_port == server.port
    assert stream(chunks, Direction.INGRESS).payload == b"aftermore"
    assert stream(chunks, Direction.EGRESS).payload == b"aftermore"


RESET = """
sys.stdin.readline()
connection = listener.accept()[0]
connection.recv(100)
connection.close()
print("closed", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("selected", [True, False])
def test_a_connection_that_was_reset_before_it_was_accepted_has_its_port(start: Start, selected: bool) -> None:
    """Its socket has none any more, and what was sent before the reset is read all the same."""
    capture = start()
    with Server(RESET) as server:
        capture.loader.select_process(server.pid)
        capture.loader.select_port(server.port if selected else 1)
        server.go()
        with server.connect() as client:
            client.sendall(b"and away")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.go()
        assert server.line() == "closed"
        chunks = capture.read()
    assert [info.local_port for info in opened(chunks)] == ([server.port] if selected else [])
    assert stream(chunks, Direction.INGRESS).payload == (b"and away" if selected else b"")


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
