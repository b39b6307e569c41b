"""A worker's end of a kernel ring buffer: chunks out of shared memory, without a system call per record.

Goals: microseconds per chunk; no system call while data keep coming; no polling while none come; no privilege (the
descriptors are inherited, BPF maps may be mapped by whoever holds them).

Layout (kernel/bpf/ringbuf.c): a page with the consumer's position, which we write; a page with the producer's
position, read only; the data, mapped twice in a row so that no record is ever cut at the end. A record is a 32-bit
length whose two highest bits mean BUSY (still being written) and DISCARD (to be skipped), 32 bits of the kernel's own,
then the payload, padded to 8 bytes. Positions only grow; the data's offset is the position modulo the size.

Invariants: a record is read only after the producer's position covers it and its BUSY bit is clear; the consumer's
position is written once per drain, after the last read. CPython keeps that order, and so do x86's loads and stores.

Sleeping: ``wait`` naps in short steps while chunks came a moment ago; nobody needs to wake it then. After that it sets
its slot in the sleepers' map and polls the descriptor. poll(2) looks at the ring after it has queued itself, the
kernel program looks at the slot after it has committed its record: no record is slept over.
"""

from __future__ import annotations

import mmap
import select
import time
from struct import Struct

from agent_py.chunk import HEADER, Chunk
from agent_py.counters import Counter, Counters

_BUSY = 1 << 31
_DISCARD = 1 << 30
_LENGTH = _DISCARD - 1
_RECORD = Struct("<I4x" + HEADER.format.removeprefix("<"))
"""The record's length, then the chunk's header."""

NAP_SECONDS = 0.016
"""How long ``wait`` naps at most while chunks come; also what that adds to their delay at most.

Each nap's end costs a switch and cold caches: with 4 ms the worker used a fifth more time, and slowed nginx on a
processor beside it.
"""
NAP_BYTES_PER_SECOND = 1e9
"""A nap is shorter when the ring is small: this rate must not fill it meanwhile."""
AWAKE_SECONDS = 0.08
"""How long after the last chunk ``wait`` begins to sleep until it is woken."""


class Sleepers:
    """The map in which consumers say that they sleep: one 64-bit slot per ring, mapped."""

    SLOTS = 64

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, 8 * self.SLOTS, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._slots = memoryview(self._memory).cast("Q")

    def __setitem__(self, index: int, asleep: bool) -> None:
        self._slots[index] = asleep

    def __getitem__(self, index: int) -> bool:
        return self._slots[index] != 0

    def close(self) -> None:
        """Unmap."""
        self._slots.release()
        self._memory.close()


class Ring:
    """One ring, read by one thread of one process. ``size`` is that of the data, a power of two."""

    def __init__(
        self, fd: int, size: int, *, sleepers: Sleepers | None = None, index: int = 0, counters: Counters | None = None
    ) -> None:
        page = mmap.PAGESIZE
        self._consumer_page = mmap.mmap(fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._shared = mmap.mmap(fd, page + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        self._consumer = memoryview(self._consumer_page)[:8].cast("Q")
        self._producer = memoryview(self._shared)[:8].cast("Q")
        self._data = page
        self._mask = size - 1
        self._sleepers = sleepers
        self._index = index
        self._counters = counters or Counters()
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        self._last_chunk = 0.0
        self._nap = min(NAP_SECONDS, max(0.001, size / NAP_BYTES_PER_SECOND))

    def drain(self, limit: int) -> list[Chunk]:
        """The chunks that are there, oldest first, stopping after ``limit`` bytes of the ring. O(chunks)."""
        position = self._consumer[0]
        producer = self._producer[0]
        if position == producer:
            return []
        end = min(producer, position + limit)
        shared, data, mask, unpack = self._shared, self._data, self._mask, _RECORD.unpack_from
        chunks: list[Chunk] = []
        bad = 0
        while position < end:
            start = data + (position & mask)
            # Whatever the record is, a header's worth of bytes is there: the data are mapped twice.
            # Names instead of a starred list: that would cost twice the time.
            (length, conn, at, offset, size, captured, tgid, tid, namespace, fd, lost, kind, direction, flags) = unpack(
                shared, start
            )
            if length >= _DISCARD:
                if length & _BUSY:
                    break
                position += (length & _LENGTH) + 15 & -8
                continue
            position += length + 15 & -8
            if captured > length - HEADER.size or position > producer:
                bad += 1
                continue
            payload = shared[start + _RECORD.size : start + _RECORD.size + captured]
            chunks.append(
                Chunk(conn, at, offset, size, captured, tgid, tid, namespace, fd, lost, kind, direction, flags, payload)
            )
        self._consumer[0] = min(position, producer)
        if bad:
            self._counters.add(Counter.LOST_BAD_CHUNK, bad)
        return chunks

    def wait(self, timeout: float) -> bool:
        """Sleep until there may be chunks, at most ``timeout`` seconds. True when there are records to drain."""
        now = time.monotonic()
        if self._pending():
            self._last_chunk = now
            return True
        if self._sleepers is None or now - self._last_chunk < AWAKE_SECONDS:
            time.sleep(min(timeout, self._nap))
        else:
            self._sleepers[self._index] = True
            self._poll.poll(timeout * 1000)
            self._sleepers[self._index] = False
        if not self._pending():
            return False
        self._last_chunk = time.monotonic()
        return True

    def _pending(self) -> bool:
        return self._consumer[0] != self._producer[0]

    def unread(self) -> int:
        """Bytes of the ring that hold records not drained yet, their headers included."""
        return self._producer[0] - self._consumer[0]

    def close(self) -> None:
        """Unmap; the descriptor stays the caller's."""
        self._consumer.release()
        self._producer.release()
        self._consumer_page.close()
        self._shared.close()
