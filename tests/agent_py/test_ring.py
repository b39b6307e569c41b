"""The ring consumer over a file laid out like the kernel's ring: positions, then the data twice."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from struct import pack, pack_into
from threading import Timer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_py.chunk import Chunk, Kind
from agent_py.chunk import pack as pack_chunk
from agent_py.counters import Counter, Counters
from agent_py.ring import Ring, Sleepers

PAGE = mmap.PAGESIZE
SIZE = PAGE
BUSY, DISCARD = 1 << 31, 1 << 30


class FakeRing:
    """The kernel's side: writes records as bpf_ringbuf_output does."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("ring")
        os.ftruncate(self.fd, 2 * PAGE + 2 * SIZE)
        self.memory = mmap.mmap(self.fd, 2 * PAGE + 2 * SIZE)
        self.producer = 0

    def write(self, payload: bytes, flags: int = 0) -> int:
        """Append a record; the offset of its header."""
        start = self.producer
        record = pack("<II", len(payload) | flags, 0) + payload
        for at, byte in enumerate(record):
            position = 2 * PAGE + (start + at) % SIZE
            self.memory[position] = self.memory[position + SIZE] = byte
        self.producer += (len(record) + 7) & -8
        pack_into("<Q", self.memory, PAGE, self.producer)
        return start % SIZE

    def commit(self, offset: int, length: int) -> None:
        for copy in (0, SIZE):
            pack_into("<I", self.memory, 2 * PAGE + copy + offset, length)

    @property
    def consumer(self) -> int:
        return int.from_bytes(self.memory[:8], "little")

    def close(self) -> None:
        self.memory.close()
        os.close(self.fd)


@pytest.fixture
def fake() -> Iterator[FakeRing]:
    ring = FakeRing()
    yield ring
    ring.close()


def data(number: int, payload: bytes = b"GET / HTTP/1.1\r\n") -> Chunk:
    size = len(payload)
    return Chunk(number, 7, 100, size, size, 10, 11, 12, 5, 1, Kind.DATA, 1, 2, payload)


def test_drains_in_order_and_moves_the_consumer_once(fake: FakeRing) -> None:
    ring = Ring(fake.fd, SIZE)
    sent = [data(1), data(2, b""), data(3, b"x" * 333)]
    for chunk in sent:
        fake.write(pack_chunk(chunk))
    assert ring.drain(1 << 20) == sent
    assert fake.consumer == fake.producer
    assert ring.drain(1 << 20) == []
    ring.close()


@given(st.lists(st.binary(max_size=700), max_size=30))
def test_records_wrap_around_unharmed(payloads: list[bytes]) -> None:
    fake = FakeRing()
    ring = Ring(fake.fd, SIZE)
    for number, payload in enumerate(payloads):
        fake.write(pack_chunk(data(number, payload)))
        assert ring.drain(SIZE) == [data(number, payload)]
    ring.close()
    fake.close()


def test_stops_at_a_record_that_is_still_written(fake: FakeRing) -> None:
    ring = Ring(fake.fd, SIZE)
    fake.write(pack_chunk(data(1)))
    raw = pack_chunk(data(2))
    busy = fake.write(raw, BUSY)
    fake.write(pack_chunk(data(3)))
    assert [chunk.conn for chunk in ring.drain(SIZE)] == [1]
    assert fake.consumer == busy
    fake.commit(busy, len(raw))
    assert [chunk.conn for chunk in ring.drain(SIZE)] == [2, 3]
    ring.close()


def test_skips_discarded_records(fake: FakeRing) -> None:
    ring = Ring(fake.fd, SIZE)
    fake.write(b"\xff" * 24, DISCARD)
    fake.write(pack_chunk(data(2)))
    fake.write(b"", DISCARD)
    assert [chunk.conn for chunk in ring.drain(SIZE)] == [2]
    assert fake.consumer == fake.producer
    ring.close()


def test_counts_records_that_are_no_chunk(fake: FakeRing) -> None:
    counters = Counters()
    ring = Ring(fake.fd, SIZE, counters=counters)
    fake.write(b"short")
    fake.write(pack_chunk(data(1))[:-1])
    fake.write(pack_chunk(data(2)) + b"padding")
    assert [chunk.conn for chunk in ring.drain(SIZE)] == [2]
    assert counters[Counter.LOST_BAD_CHUNK] == 2
    assert fake.consumer == fake.producer
    ring.close()


def test_a_record_longer_than_the_producer_tells_is_counted_and_passed(fake: FakeRing) -> None:
    counters = Counters()
    ring = Ring(fake.fd, SIZE, counters=counters)
    offset = fake.write(pack_chunk(data(1)))
    fake.commit(offset, 4000)
    assert ring.drain(SIZE) == []
    assert counters[Counter.LOST_BAD_CHUNK] == 1
    assert fake.consumer == fake.producer
    ring.close()


def test_a_drain_ends_after_its_limit(fake: FakeRing) -> None:
    ring = Ring(fake.fd, SIZE)
    for number in range(10):
        fake.write(pack_chunk(data(number, b"x" * 136)))  # 8 + 56 + 136 = 200 bytes of ring
    assert [chunk.conn for chunk in ring.drain(401)] == [0, 1, 2]
    assert [chunk.conn for chunk in ring.drain(SIZE)] == [3, 4, 5, 6, 7, 8, 9]
    ring.close()


def test_wait_naps_until_records_come(fake: FakeRing) -> None:
    ring = Ring(fake.fd, SIZE)
    assert ring.wait(0.001) is False
    fake.write(pack_chunk(data(1)))
    assert ring.wait(10.0) is True
    ring.close()


class Watched(Sleepers):
    """Notes what the consumer said, in order."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self.said: list[tuple[int, bool]] = []

    def __setitem__(self, index: int, asleep: bool) -> None:
        self.said.append((index, asleep))
        super().__setitem__(index, asleep)


def test_an_idle_consumer_says_that_it_sleeps_and_a_busy_one_does_not(fake: FakeRing) -> None:
    slots = os.memfd_create("sleepers")
    os.ftruncate(slots, 8 * Sleepers.SLOTS)
    sleepers = Watched(slots)
    # A memory file is always readable: poll returns at once, which is all that is needed here.
    ring = Ring(fake.fd, SIZE, sleepers=sleepers, index=3)
    assert ring.wait(0.5) is False
    assert sleepers.said == [(3, True), (3, False)]
    fake.write(pack_chunk(data(1)))
    assert ring.wait(0.5) is True
    ring.drain(SIZE)
    assert ring.wait(0.5) is False
    assert len(sleepers.said) == 2
    ring.close()
    sleepers.close()
    os.close(slots)


UNPRIVILEGED = """
import sys
from agent_py.ring import Ring, Sleepers
from common_py.process import drop_privileges
drop_privileges(65532)
ring = Ring(int(sys.argv[1]), int(sys.argv[2]))
print([chunk.payload.decode() for chunk in ring.drain(4096)])
"""


@pytest.mark.root
def test_reads_without_any_privilege(fake: FakeRing) -> None:
    fake.write(pack_chunk(data(1, b"hello")))
    command = [sys.executable, "-c", UNPRIVILEGED, str(fake.fd), str(SIZE)]
    result = subprocess.run(command, pass_fds=[fake.fd], capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("['hello']\n", "")


def test_waiting_sees_a_record_that_comes_meanwhile(fake: FakeRing) -> None:
    ring = Ring(fake.fd, SIZE)
    timer = Timer(0.02, fake.write, [pack_chunk(data(1))])
    timer.start()
    started = time.monotonic()
    while not ring.wait(0.1):
        assert time.monotonic() - started < 5
    assert len(ring.drain(SIZE)) == 1
    timer.join()
    ring.close()


def test_what_is_unread_is_known(fake: FakeRing) -> None:
    ring = Ring(fake.fd, SIZE)
    assert ring.unread() == 0
    record = pack_chunk(data(1))
    for _ in range(3):
        fake.write(record)
    assert ring.unread() == fake.producer >= 3 * len(record)
    assert len(ring.drain(1)) == 1
    assert ring.unread() == fake.producer * 2 // 3
    ring.drain(SIZE)
    assert ring.unread() == 0
    ring.close()
