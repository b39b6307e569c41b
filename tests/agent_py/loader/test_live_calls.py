"""Each form in which a server may read and write: the bytes, the offsets, and what is not part of the stream."""

from __future__ import annotations

import socket
import time

import pytest

from agent_py.chunk import Direction, Flag, Kind
from tests.agent_py.loader.capture import Capture, Server, Stream, stream
from tests.agent_py.loader.conftest import Start

pytestmark = pytest.mark.live


def serve(capture: Capture, code: str, sent: bytes, more: bytes = b"") -> tuple[Stream, Stream]:
    """Run ``code`` as a captured server with ``connection``, send bytes to it, return both directions.

    ``more`` is sent after the server's first answer.
    """
    with Server("connection, peer = listener.accept()\n" + code + "\nconnection.close()\nsys.stdin.read()") as server:
        capture.loader.select_process(server.pid)
        server.go()
        with server.connect() as client:
            client.sendall(sent)
            if more:
                client.recv(65536)
                client.sendall(more)
            while client.recv(65536):
                pass
        chunks = capture.until_closed()
        return stream(chunks, Direction.INGRESS), stream(chunks, Direction.EGRESS)


RECEIVES = {
    "recv": "print(connection.recv(100))",
    "read": "os.read(connection.fileno(), 100)",
    "recv_into": "connection.recv_into(bytearray(100))",
    "recvmsg": "connection.recvmsg(100)",
    "recvmsg_into": "connection.recvmsg_into([bytearray(3), bytearray(0), bytearray(4), bytearray(90)])",
    "readv": "os.readv(connection.fileno(), [bytearray(2), bytearray(5), bytearray(90)])",
}


@pytest.mark.parametrize("call", RECEIVES)
def test_what_a_receive_reads_is_captured(capture: Capture, call: str) -> None:
    ingress, egress = serve(capture, RECEIVES[call], b"0123456789")
    assert ingress.payload == b"0123456789"
    assert set(ingress.flags) == {Flag(0)}
    assert egress.chunks == []


SENDS = {
    "send": "connection.send(b'0123456789')",
    "write": "os.write(connection.fileno(), b'0123456789')",
    "sendmsg": "connection.sendmsg([b'012', b'', b'3456', b'789'])",
    "writev": "os.writev(connection.fileno(), [b'0', b'123456', b'789'])",
}


@pytest.mark.parametrize("call", SENDS)
def test_what_a_send_writes_is_one_chunk(capture: Capture, call: str) -> None:
    ingress, egress = serve(capture, SENDS[call], b"")
    assert [(chunk.size, chunk.payload, chunk.flags) for chunk in egress.chunks] == [(10, b"0123456789", 0)]
    assert ingress.chunks == []


def test_partial_reads_continue_where_the_last_ended(capture: Capture) -> None:
    ingress, _ = serve(capture, "connection.recv(4); connection.recv(1); connection.recv(100)", b"0123456789")
    assert [(chunk.offset, chunk.payload) for chunk in ingress.chunks] == [(0, b"0123"), (4, b"4"), (5, b"56789")]


def test_a_large_read_comes_in_pieces(capture: Capture) -> None:
    code = "connection.recv(200000, socket.MSG_WAITALL)"
    sent = bytes(range(250)) * 800
    ingress, _ = serve(capture, code, sent)
    assert ingress.payload == sent
    assert {chunk.size for chunk in ingress.chunks[:-1]} == {16384}


def test_a_read_beyond_the_bound_is_cut_and_counted(capture: Capture) -> None:
    size = 48 * 16384 + 1000
    ingress, _ = serve(capture, f"connection.recv({size}, socket.MSG_WAITALL)", b"x" * size)
    assert ingress.size == size
    assert (ingress.chunks[-1].size, ingress.chunks[-1].captured, ingress.flags[-1]) == (1000, 0, Flag.CUT)
    assert (capture.counted("lost_truncated"), capture.counted("lost_truncated_bytes")) == (1, 1000)


def test_of_a_long_write_only_the_start_is_copied(start: Start) -> None:
    code = "connection.sendall(b'a' * 5000); connection.sendmsg([b'b' * 60, b'c' * 5000])"
    _, egress = serve(start(egress_bytes=100), code, b"")
    assert [(chunk.size, chunk.payload) for chunk in egress.chunks] == [
        (5000, b"a" * 100),
        (5060, b"b" * 60 + b"c" * 40),
    ]
    assert egress.flags == [Flag.CUT, Flag.CUT]


def test_peeked_and_urgent_bytes_are_no_part_of_the_stream(capture: Capture) -> None:
    code = "connection.recv(5, socket.MSG_PEEK); connection.recvmsg(5, 0, socket.MSG_PEEK); connection.recv(100)"
    ingress, _ = serve(capture, code, b"0123456789")
    assert [chunk.payload for chunk in ingress.chunks] == [b"0123456789"]
    assert capture.counted("ignored_peek") == 2


URGENT = """
assert connection.recv(1, socket.MSG_OOB) == b"!"
received = 0
while received < 9:
    received += len(connection.recv(100))
"""


def test_urgent_bytes_are_no_part_of_the_stream(capture: Capture) -> None:
    code = f"print('accepted', flush=True); sys.stdin.readline()\n{URGENT}"
    with Server("connection, peer = listener.accept()\n" + code + "\nconnection.close()\nsys.stdin.read()") as server:
        capture.loader.select_process(server.pid)
        server.go()
        with server.connect() as client:
            assert server.line() == "accepted"
            client.sendall(b"hello")
            client.send(b"!", socket.MSG_OOB)
            client.sendall(b"more")
            server.go()
            assert client.recv(1) == b""
        ingress = stream(capture.until_closed(), Direction.INGRESS)
    assert ingress.payload == b"hellomore"
    assert capture.counted("ignored_peek") == 1


def test_truncating_reads_move_bytes_without_data(capture: Capture) -> None:
    code = "connection.recv(4, socket.MSG_TRUNC); connection.send(b'.'); connection.recv(100)"
    ingress, _ = serve(capture, code, b"0123", more=b"456789")
    assert [(chunk.offset, chunk.size, chunk.payload) for chunk in ingress.chunks] == [(0, 4, b""), (4, 6, b"456789")]
    assert ingress.flags[0] == Flag.CUT


def test_sendfile_moves_bytes_without_data(capture: Capture) -> None:
    code = """
file = os.open(sys.executable, os.O_RDONLY)
connection.send(b'head')
os.sendfile(connection.fileno(), file, 0, 3000)
connection.send(b'tail')
"""
    _, egress = serve(capture, code, b"")
    assert [(chunk.size, chunk.payload) for chunk in egress.chunks] == [(4, b"head"), (3000, b""), (4, b"tail")]
    assert egress.flags[1] == Flag.CUT


def test_splice_moves_bytes_without_data_in_both_directions(capture: Capture) -> None:
    code = """
import ctypes
splice = ctypes.CDLL(None).splice
reader, writer = os.pipe()
assert splice(connection.fileno(), None, writer, None, 10, 0) == 10
assert splice(reader, None, connection.fileno(), None, 10, 0) == 10
connection.send(b'tail')
"""
    ingress, egress = serve(capture, code, b"0123456789")
    assert [(chunk.size, chunk.captured) for chunk in ingress.chunks] == [(10, 0)]
    assert [(chunk.size, chunk.payload) for chunk in egress.chunks] == [(10, b""), (4, b"tail")]


def test_sendfile_into_a_pipe_moves_bytes_without_data(capture: Capture) -> None:
    code = """
import ctypes
reader, writer = os.pipe()
try:
    assert os.sendfile(writer, connection.fileno(), None, 10) == 10
except OSError:  # before Linux 5.12: a splice by its own name then
    assert ctypes.CDLL(None).splice(connection.fileno(), None, writer, None, 10, 0) == 10
connection.send(b'.'); connection.recv(100)
"""
    ingress, _ = serve(capture, code, b"0123456789", more=b"tail")
    assert [(chunk.offset, chunk.size, chunk.payload) for chunk in ingress.chunks] == [(0, 10, b""), (10, 4, b"tail")]
    assert ingress.flags[0] == Flag.CUT


VECTORS = """
import ctypes
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("size", ctypes.c_size_t)]
class Header(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("name_size", ctypes.c_uint), ("vector", ctypes.POINTER(Vector)),
                ("vectors", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_size", ctypes.c_size_t),
                ("flags", ctypes.c_int)]
class Message(ctypes.Structure):
    _fields_ = [("header", Header), ("size", ctypes.c_uint)]
libc = ctypes.CDLL(None)
"""


def test_several_messages_in_one_call(capture: Capture) -> None:
    code = """
one = (Vector * 2)(Vector(b"abc", 3), Vector(b"de", 2))
two = (Vector * 1)(Vector(b"fghi", 4))
messages = (Message * 2)(Message(Header(vector=one, vectors=2)), Message(Header(vector=two, vectors=1)))
assert libc.sendmmsg(connection.fileno(), messages, 2, 0) == 2
into = (Vector * 1)(Vector(bytes(20), 20))
messages = (Message * 1)(Message(Header(vector=into, vectors=1)))
assert libc.recvmmsg(connection.fileno(), messages, 1, 0, None) == 1
"""
    ingress, egress = serve(capture, VECTORS + code, b"0123456789")
    assert [(chunk.size, chunk.payload) for chunk in egress.chunks] == [(5, b"abcde"), (4, b"fghi")]
    assert ingress.payload == b"0123456789"


def test_flags_of_several_messages_in_one_call(capture: Capture) -> None:
    """Peeked ones stay in the stream; truncated ones leave it, and what stands in the buffers is no part of it."""
    code = """
PEEK, TRUNC = 2, 0x20
buffer = ctypes.create_string_buffer(b"what was there before")
into = (Vector * 1)(Vector(ctypes.cast(buffer, ctypes.c_char_p), 20))
messages = (Message * 1)(Message(Header(vector=into, vectors=1)))
for flags in (PEEK, TRUNC):
    assert libc.recvmmsg(connection.fileno(), messages, 1, flags, None) == 1
    assert messages[0].size == 10
connection.send(b"."); connection.recv(100)
"""
    ingress, _ = serve(capture, VECTORS + code, b"0123456789", more=b"tail")
    assert [(chunk.offset, chunk.size, chunk.payload) for chunk in ingress.chunks] == [(0, 10, b""), (10, 4, b"tail")]
    assert ingress.flags[0] == Flag.CUT
    assert (capture.counted("ignored_peek"), capture.counted("lost_truncated")) == (1, 0)


def test_of_very_many_messages_the_rest_is_counted_and_the_offsets_stay_right(capture: Capture) -> None:
    code = """
texts = [(Vector * 1)(Vector(b"x" * (i + 1), i + 1)) for i in range(20)]
messages = (Message * 20)(*(Message(Header(vector=text, vectors=1)) for text in texts))
assert libc.sendmmsg(connection.fileno(), messages, 20, 0) == 20
connection.send(b"tail")
"""
    _, egress = serve(capture, VECTORS + code, b"")
    assert [chunk.size for chunk in egress.chunks] == [*range(1, 9), sum(range(9, 21)), 4]
    assert [chunk.payload for chunk in egress.chunks[:8]] == [b"x" * size for size in range(1, 9)]
    assert (egress.chunks[8].captured, egress.flags[8], egress.chunks[9].payload) == (0, Flag.CUT, b"tail")
    assert (capture.counted("lost_truncated"), capture.counted("lost_truncated_bytes")) == (1, sum(range(9, 21)))


def test_vectors_with_flags(capture: Capture) -> None:
    code = """
PREADV2, PWRITEV2 = 327, 328
def call(number, *texts):
    vectors = (Vector * len(texts))(*(Vector(text, len(text)) for text in texts))
    return libc.syscall(number, connection.fileno(), vectors, len(texts), ctypes.c_long(-1), ctypes.c_long(-1), 0)
assert call(PREADV2, bytes(4), bytes(30)) == 10
assert call(PWRITEV2, b"abc", b"de") == 5
"""
    ingress, egress = serve(capture, VECTORS + code, b"0123456789")
    assert ingress.payload == b"0123456789"
    assert [(chunk.size, chunk.payload) for chunk in egress.chunks] == [(5, b"abcde")]


def test_memory_that_is_gone_when_the_call_ends_is_counted(capture: Capture) -> None:
    """The first page of a long write is unmapped while the call waits for the client."""
    code = """
import ctypes, threading
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
size = 16 << 20
address = libc.mmap(None, ctypes.c_size_t(size), 3, 0x22, -1, ctypes.c_long(0))
def write():
    libc.write(connection.fileno(), ctypes.c_void_p(address), ctypes.c_size_t(size))
thread = threading.Thread(target=write)
thread.start()
connection.recv(1)
assert libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(4096)) == 0
thread.join()
"""
    with Server("connection, peer = listener.accept()\n" + code + "\nconnection.close()\nsys.stdin.read()") as server:
        capture.loader.select_process(server.pid)
        server.go()
        with server.connect() as client:
            time.sleep(0.5)  # the write has filled both socket buffers by then, and waits
            client.sendall(b"x")
            time.sleep(0.5)  # the page is gone
            while client.recv(1 << 20):
                pass
        chunks = capture.until_closed()
    (cut,) = [chunk for chunk in chunks if chunk.kind == Kind.DATA and chunk.size > 1]
    assert (cut.captured, Flag(cut.flags)) == (0, Flag.CUT | Flag.FAULT)
    assert (capture.counted("lost_fault_egress"), capture.counted("lost_fault_bytes_egress")) == (1, 2048)
