"""The record layer (RFC 8446 §5.1, RFC 5246 §6.2): bytes of one direction to records, however they are split.

A record of which capture saw only the beginning is told as a cut record, at once. Unseen bytes that hide whole records
are told as ``Unseen``; the reader then takes the start of the next piece of data for the start of a record, if it looks
like one (OpenSSL writes whole records), and else waits for a piece that does.

Memory: one record, at most ``LONGEST`` bytes. Linear: each byte is copied at most twice.
"""

from __future__ import annotations

HEADER = 5
LONGEST = 16384 + 2048
"""Longest fragment (RFC 5246 §6.2.3)."""
CHANGE_CIPHER_SPEC = 20
ALERT = 21
HANDSHAKE = 22
APPLICATION_DATA = 23


class Record:
    """``fragment`` holds the first bytes of ``length``; ``time`` is when its last byte was seen."""

    __slots__ = ("fragment", "guessed", "header", "length", "lost", "time", "tried", "type")

    def __init__(self, header: bytes, fragment: bytes, length: int, time: int, *, lost: bool = False) -> None:
        self.header = header
        """The five bytes before the fragment: type, version, length."""
        self.type = header[0]
        self.fragment = fragment
        self.length = length
        self.time = time
        self.lost = lost
        """Whether the missing rest was lost, not left out by design."""
        self.tried = 0
        """Number of the newest secret of its own connection's under which it was tried in vain (``KeyFinder``)."""
        self.guessed = 0
        """The same of secrets that are hinted at other connections."""

    @property
    def cut(self) -> bool:
        """Whether bytes are missing at the end."""
        return len(self.fragment) < self.length


class Unseen:
    """Records went by unseen: in ``lost`` lost chunks, or left out by design (``lost`` negative)."""

    __slots__ = ("lost", "time")

    def __init__(self, lost: int, time: int) -> None:
        self.lost = lost
        self.time = time


Event = Record | Unseen


class RecordReader:
    """One direction of one connection."""

    __slots__ = ("_astray", "_held", "_skip")

    def __init__(self) -> None:
        self._held = bytearray()
        self._skip = 0
        self._astray = False

    @property
    def waiting(self) -> int:
        """Bytes of the record that waits for its rest."""
        return len(self._held)

    def data(self, data: bytes, time: int) -> list[Event]:
        """Continue with ``data``."""
        events: list[Event] = []
        position, size = 0, len(data)
        if self._astray:
            if not _looks_like_record(data):
                return events
            self._astray = False
        if self._skip:
            position = min(self._skip, size)
            self._skip -= position
        if self._held:
            position = self._complete(data, position, time, events)
        while size - position >= HEADER:
            length = data[position + 3] << 8 | data[position + 4]
            if not 20 <= data[position] <= 24 or data[position + 1] != 3 or length > LONGEST:
                self._stray(events, time)
                return events
            start = position + HEADER
            end = start + length
            if end > size:
                break
            events.append(Record(data[position:start], data[start:end], length, time))
            position = end
        if position < size and not self._astray:
            self._held += data[position:]
        return events

    def _complete(self, data: bytes, position: int, time: int, events: list[Event]) -> int:
        """Finish the record that waits; the position behind what was taken."""
        held = self._held
        if len(held) < HEADER:
            taken = data[position : position + HEADER - len(held)]
            held += taken
            position += len(taken)
            if len(held) < HEADER:
                return position
        length = held[3] << 8 | held[4]
        if not 20 <= held[0] <= 24 or held[1] != 3 or length > LONGEST:
            self._stray(events, time)
            return len(data)
        taken = data[position : position + HEADER + length - len(held)]
        held += taken
        if len(held) == HEADER + length:
            events.append(Record(bytes(held[:HEADER]), bytes(held[HEADER:]), length, time))
            held.clear()
        return position + len(taken)

    def _stray(self, events: list[Event], time: int) -> None:
        self._held.clear()
        self._skip = 0
        self._astray = True
        events.append(Unseen(0, time))

    def unseen(self, size: int, lost: int, time: int) -> list[Event]:
        """``size`` bytes were not seen: lost in ``lost`` chunks, or left out by design (``lost`` negative)."""
        events: list[Event] = []
        if self._astray:
            return [Unseen(lost, time)] if lost >= 0 else events
        if self._skip:
            passed = min(size, self._skip)
            self._skip -= passed
            size -= passed
        if len(self._held) >= HEADER:
            size = self._cut(size, lost, time, events)
        if size > 0:
            self._held.clear()
            self._astray = True
            events.append(Unseen(lost, time))
        return events

    def _cut(self, size: int, lost: int, time: int, events: list[Event]) -> int:
        """Tell the record that waits as cut; how many of the unseen bytes lie behind it."""
        held = self._held
        length = held[3] << 8 | held[4]
        missing = HEADER + length - len(held)
        events.append(Record(bytes(held[:HEADER]), bytes(held[HEADER:]), length, time, lost=lost >= 0))
        held.clear()
        self._skip = max(0, missing - size)
        return max(0, size - missing)


def _looks_like_record(data: bytes) -> bool:
    if len(data) < HEADER:
        return False
    return 20 <= data[0] <= 24 and data[1] == 3 and data[2] <= 4 and (data[3] << 8 | data[4]) <= LONGEST
