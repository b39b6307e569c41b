"""A server's socket as a script of chunks: ``Wire`` numbers bytes as the kernel programs do."""

from __future__ import annotations

import ipaddress

from agent_py.chunk import OPEN, Chunk, Flag, Kind
from agent_py.counters import Counter, Counters
from agent_py.pipeline import Pipeline, Settings
from common_py.contracts import Exchange

PREFIX = "00112233445566ff"
OFFSET = 1_700_000_000_000_000_000


def packed(address: str) -> bytes:
    """16 bytes of an address, IPv4 mapped."""
    parsed = ipaddress.ip_address(address)
    return parsed.packed if parsed.version == 6 else bytes(10) + b"\xff\xff" + parsed.packed


class Wire:
    """Chunks of one connection, one microsecond apart."""

    def __init__(self, conn: int = 1, time: int = 0) -> None:
        self.conn = conn
        self.time = time
        self._offset = [0, 0]
        self._lost = [0, 0]

    def _chunk(self, kind: int, direction: int, size: int, payload: bytes, flags: int) -> Chunk:
        self.time += 1000
        lost, self._lost[direction] = self._lost[direction], 0
        return Chunk(
            self.conn, self.time, self._offset[direction], size, len(payload), 42, 43, 4026531840, 7, lost, kind,
            direction, flags, payload,
        )  # fmt: skip

    def open(self, *, late: bool = False) -> Chunk:
        info = OPEN.pack(packed("192.0.2.1"), packed("198.51.100.7"), 8080, 40000, 41, 4026531992, b"nginx")
        return self._chunk(Kind.OPEN, 0, len(info), info, Flag.LATE if late else 0)

    def _data(self, direction: int, data: bytes, hidden: int, flags: int) -> Chunk:
        chunk = self._chunk(Kind.DATA, direction, len(data) + hidden, data, flags)
        self._offset[direction] += len(data) + hidden
        return chunk

    def read(self, data: bytes, *, cut: int = 0) -> Chunk:
        """The server reads ``data`` and then ``cut`` bytes that capture leaves out."""
        return self._data(0, data, cut, Flag.CUT if cut else 0)

    def write(self, data: bytes, *, cut: int = 0) -> Chunk:
        return self._data(1, data, cut, Flag.CUT if cut else 0)

    def fault(self, direction: int, data: bytes, hidden: int) -> Chunk:
        return self._data(direction, data, hidden, Flag.FAULT)

    def lose(self, direction: int, size: int) -> None:
        """A chunk of ``size`` bytes that never gets through."""
        self._offset[direction] += size
        self._lost[direction] += 1

    def close(self) -> Chunk:
        return self._chunk(Kind.CLOSE, 0, 0, b"", 0)


class Bench:
    """A pipeline under test and its counters."""

    def __init__(self, settings: Settings | None = None, **options: object) -> None:
        self.counters = Counters()
        self.pipeline = Pipeline(
            settings or Settings(),
            self.counters,
            prefix=PREFIX,
            clock_offset=OFFSET,
            **options,  # type: ignore[arg-type]
        )

    def feed(self, *chunks: Chunk) -> list[Exchange]:
        for chunk in chunks:
            self.pipeline.receive(chunk)
        return self.pipeline.take()

    def losses(self) -> dict[str, int]:
        """The loss counters that are not zero, by name without prefix, lower case."""
        values = self.counters.snapshot()
        return {
            name.name[5:].lower(): value for name, value in values.items() if value and name.name.startswith("LOST")
        }

    def __getitem__(self, counter: Counter) -> int:
        return self.counters[counter]
