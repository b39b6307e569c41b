"""Frames on the pipes between the node and its workers: four bytes of length, big endian, then the payload. Pure.

``FrameReader`` takes the bytes in any pieces. Pieces of an unfinished frame are kept as they came and joined once, so
reading is linear in the bytes whatever their cut.
"""

from __future__ import annotations

from struct import Struct

LENGTH = Struct(">I")
FRAME_LIMIT = (1 << 32) - 1


class FrameReader:
    """``feed`` returns the frames that became complete."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._held = 0
        self._wanted = LENGTH.size
        self._in_payload = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes of the pipe; return the payloads of the frames that they complete, in order."""
        frames: list[bytes] = []
        self._pieces.append(data)
        self._held += len(data)
        while self._held >= self._wanted:
            buffer = b"".join(self._pieces)
            position = 0
            while len(buffer) - position >= self._wanted:
                part = buffer[position : position + self._wanted]
                position += self._wanted
                self._advance(part, frames)
            self._pieces = [buffer[position:]]
            self._held = len(buffer) - position
        return frames

    def _advance(self, part: bytes, frames: list[bytes]) -> None:
        if self._in_payload:
            frames.append(part)
            self._wanted = LENGTH.size
        else:
            self._wanted = LENGTH.unpack(part)[0]
        self._in_payload = not self._in_payload


def frame(*parts: bytes) -> bytes:
    """One frame whose payload is the ``parts`` in a row. Raises ValueError when it is 4 GiB or longer."""
    size = sum(map(len, parts))
    if size > FRAME_LIMIT:
        raise ValueError(f"a frame holds less than 4 GiB, not {size} bytes")
    return b"".join((LENGTH.pack(size), *parts))
