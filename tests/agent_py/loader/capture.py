"""A capture with its rings, and small servers to be captured, for the live tests."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType

from agent_py.chunk import Chunk, Direction, Flag, Kind, OpenInfo, open_info
from agent_py.loader.live import LiveLoader, LiveSettings
from agent_py.ring import Ring, Sleepers

SECONDS = 30.0
"""How long a test waits for what must come; an emulated machine is slow."""


class Capture:
    """Programs in the kernel and everything that they have told so far."""

    def __init__(self, settings: LiveSettings) -> None:
        self.loader = LiveLoader(settings)
        self.sleepers = Sleepers(self.loader.sleepers_fd)
        self.rings = [
            Ring(ring.fd, ring.size, sleepers=self.sleepers, index=index)
            for index, ring in enumerate(self.loader.rings)
        ]
        self.reset()

    def reset(self) -> None:
        """Forget what came so far: the kernel takes seconds to detach, so tests share a capture."""
        self.chunks: list[Chunk] = []
        self.read()
        self.chunks = []
        self._counted = self.loader.counters()

    def counted(self, name: str) -> int:
        """What a counter of the kernel side has grown by since the reset."""
        return self.loader.counters()[name] - self._counted[name]

    def read(self) -> list[Chunk]:
        """Take what is there now; everything so far."""
        for ring in self.rings:
            self.chunks += ring.drain(1 << 30)
        return self.chunks

    def until(self, enough: Callable[[list[Chunk]], object], seconds: float = SECONDS) -> list[Chunk]:
        """Read until ``enough`` is true of all chunks so far."""
        deadline = time.monotonic() + seconds
        while not enough(self.read()):
            assert time.monotonic() < deadline, f"it did not come: {self.chunks}"
            time.sleep(0.005)
        return self.chunks

    def until_closed(self, count: int = 1) -> list[Chunk]:
        """Read until ``count`` connections were closed."""
        return self.until(lambda chunks: len(closes(chunks)) >= count)

    def close(self) -> None:
        for ring in self.rings:
            ring.close()
        self.sleepers.close()
        self.loader.close()


def closes(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Closed descriptors, without the ends of processes."""
    return [chunk for chunk in chunks if chunk.kind == Kind.CLOSE and chunk.conn]


def opened(chunks: Iterable[Chunk]) -> list[OpenInfo]:
    return [open_info(chunk.payload) for chunk in chunks if chunk.kind == Kind.OPEN]


@dataclass
class Stream:
    """One direction as its chunks tell it."""

    chunks: list[Chunk] = field(default_factory=list)

    @property
    def payload(self) -> bytes:
        return b"".join(chunk.payload for chunk in self.chunks)

    @property
    def size(self) -> int:
        return sum(chunk.size for chunk in self.chunks)

    @property
    def flags(self) -> list[Flag]:
        return [Flag(chunk.flags) for chunk in self.chunks]


def stream(chunks: Iterable[Chunk], direction: Direction) -> Stream:
    """The DATA chunks of a direction. Their offsets must be without a gap."""
    found = Stream([chunk for chunk in chunks if chunk.kind == Kind.DATA and chunk.direction == direction])
    at = 0
    for chunk in found.chunks:
        assert chunk.offset == at, f"a gap: {chunk.offset} instead of {at}"
        assert chunk.captured == len(chunk.payload) <= chunk.size
        at += chunk.size
    return found


PREAMBLE = """
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
sys.stdin.readline()
"""


class Server:
    """A Python process that listens, waits to be told to go on, and runs ``code`` (which has ``listener``)."""

    def __init__(self, code: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.line())

    @property
    def pid(self) -> int:
        return self._process.pid

    def line(self) -> str:
        """What it prints next."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def go(self) -> None:
        """Let it pass the next ``sys.stdin.readline()``."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


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
