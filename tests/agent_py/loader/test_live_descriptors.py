"""Descriptors that end without close(2), and numbers that another thread gets at once."""

from __future__ import annotations

import pytest

from agent_py.chunk import Direction, Kind
from tests.agent_py.loader.capture import SECONDS, Capture, Server, closes, opened, stream, talk

pytestmark = pytest.mark.live

ONE = """
connection, peer = listener.accept()
connection.sendall(connection.recv(100))
number = connection.detach()
sys.stdin.readline()
"""

ENDS = {
    "close": "os.close(number)",
    "dup2": "os.dup2(0, number)",
    "dup3": "os.dup2(0, number, inheritable=False)",
    "close_range": "import ctypes; assert ctypes.CDLL(None).syscall(436, number - 1, number + 1, 0) == 0",
    "closerange": "os.closerange(number, number + 1000)",
}


@pytest.mark.parametrize("end", ENDS)
def test_each_way_to_close_a_descriptor_ends_its_connection(capture: Capture, end: str) -> None:
    with Server(ONE + ENDS[end] + "\nsys.stdin.read()") as server:
        capture.loader.select_process(server.pid)
        server.go()
        with server.connect() as client:
            talk(client, b"hello")
            capture.until(lambda chunks: stream(chunks, Direction.EGRESS).payload == b"hello")
            assert closes(capture.chunks) == []
            server.go()
            chunks = capture.until_closed()
    (opening,) = [chunk for chunk in chunks if chunk.kind == Kind.OPEN]
    assert [chunk.conn for chunk in closes(chunks)] == [opening.conn]


# 0, or -1 before Linux 5.11, which does not know the flag: closed is nothing either way.
MARKS = "CLOEXEC = 4\nassert libc.syscall(436, number, number, CLOEXEC) in (0, -1)"
BEYOND = "end = ctypes.c_uint(0xFFFFFFFF)\nassert libc.syscall(436, end, end, 0) == 0"


@pytest.mark.parametrize("call", [MARKS, BEYOND], ids=["only marks", "beyond all descriptors"])
def test_close_range_that_closes_nothing_ends_nothing(capture: Capture, call: str) -> None:
    code = f"import ctypes\nlibc = ctypes.CDLL(None)\n{call}\nos.write(number, b'still')\nsys.stdin.read()"
    with Server(ONE + code) as server:
        capture.loader.select_process(server.pid)
        server.go()
        with server.connect() as client:
            talk(client, b"hello")
            server.go()
            assert client.recv(100) == b"still"
        capture.until(lambda chunks: stream(chunks, Direction.EGRESS).payload == b"hellostill")
    assert len(opened(capture.chunks)) == 1
    assert closes(capture.chunks) == []


EXECUTED = """
import os, socket, sys
listener = socket.socket(fileno=int(sys.argv[1]))
number = int(sys.argv[2])
while os.dup(listener.fileno()) < number - 1:
    pass
connection = listener.accept()[0]
assert connection.fileno() == number
connection.sendall(connection.recv(100))
sys.stdin.read()
"""
EXECUTES = f"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
while os.dup(listener.fileno()) < FIRST - 1:
    pass
connection = listener.accept()[0]
connection.sendall(connection.recv(100))
listener.set_inheritable(True)
arguments = [str(listener.fileno()), str(connection.fileno())]
os.execv(sys.executable, [sys.executable, "-c", {EXECUTED!r}, *arguments])
"""


@pytest.mark.parametrize("first", [20, 1100])
def test_descriptors_that_exec_closes_end_their_connections(capture: Capture, first: int) -> None:
    """Those of low numbers at once, the others when their number is another connection's."""
    with Server(EXECUTES.replace("FIRST", str(first))) as server:
        capture.loader.select_process(server.pid)
        server.go()
        with server.connect() as client:
            talk(client, b"before")
            assert client.recv(1) == b""
            if first < 1024:
                capture.until_closed()
            with server.connect() as other:
                talk(other, b"after")
        chunks = capture.until_closed()
    openings = [chunk for chunk in chunks if chunk.kind == Kind.OPEN]
    assert len(openings) == 2
    assert len({chunk.fd for chunk in openings}) == 1
    assert [chunk.conn for chunk in closes(chunks)] == [openings[0].conn]


CROWD = """
import threading
def serve():
    while True:
        connection = listener.accept()[0]
        connection.sendall(connection.recv(100))
        connection.close()
for _ in range(4):
    threading.Thread(target=serve).start()
"""
CONNECTIONS = 400


def test_numbers_that_other_threads_get_at_once_are_told_apart(capture: Capture) -> None:
    """Four threads accept and close: a number that one closes is another's connection before the close returns."""
    with Server(CROWD) as server:
        capture.loader.select_process(server.pid)
        server.go()
        for number in range(0, CONNECTIONS, 4):
            clients = [server.connect() for _ in range(4)]
            for offset, client in enumerate(clients):
                client.sendall(b"%06d" % (number + offset))
            for offset, client in enumerate(clients):
                assert client.recv(100) == b"%06d" % (number + offset)
                client.close()
        chunks = capture.until(lambda chunks: len(closes(chunks)) >= CONNECTIONS, SECONDS * 2)
    openings = [chunk.conn for chunk in chunks if chunk.kind == Kind.OPEN]
    assert len(openings) == len(set(openings)) == CONNECTIONS
    assert sorted(chunk.conn for chunk in closes(chunks)) == sorted(openings)
    data: dict[int, list[bytes]] = {}
    for chunk in chunks:
        if chunk.kind == Kind.DATA:
            data.setdefault(chunk.conn, []).append(chunk.payload)
    assert sorted(data) == sorted(openings)
    assert sorted(map(tuple, data.values())) == [(b"%06d" % number,) * 2 for number in range(CONNECTIONS)]
    assert capture.counted("opened_late") == 0
