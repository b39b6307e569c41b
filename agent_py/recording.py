"""Recordings: ``*.chunks`` files, the chunks of plaintext connections as the pipeline's tap tells them.

A file is a header (magic, version, reserved, clock offset), then for each chunk its length (u32, little endian) and its
bytes as ``agent_py.chunk.pack`` makes them. The clock offset, added to the chunks' times, gives Unix nanoseconds.
A recording holds requests: it is readable by its owner only, also when it takes an existing file's place. Each record
is one write, so a recording that ends abruptly is whole; one that can no longer be written ends with its last whole
record.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

from agent_py.chunk import HEADER as CHUNK_HEADER
from agent_py.chunk import Chunk, pack, unpack
from common_py.errors import CANNOT_CREATE, NO_INPUT, UserError
from common_py.logging import get

log = get(__name__)

MAGIC = b"OOBCHUNK"
VERSION = 1
FILE_HEADER = Struct("<8sHHiq")
"""magic, version, reserved, reserved, clock offset: 24 bytes."""
LENGTH = Struct("<I")
LONGEST = 1 << 24
"""A longer record is no chunk."""


class Writer:
    """Appends chunks to a new file. ``write`` may be given to a pipeline as ``record``. A context manager."""

    def __init__(
        self, path: Path, clock_offset: int | None = None, limit: int = 1 << 30, *, resume: bool = False
    ) -> None:
        """``clock_offset``: None, that of this moment. ``limit``: bytes after which chunks are no longer written.

        ``resume``: go on behind what a writer of the same capture has left.

        Raises UserError when the file cannot be made.
        """
        if clock_offset is None:
            clock_offset = time.time_ns() - time.monotonic_ns()
        how = os.O_APPEND if resume else os.O_TRUNC
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | how, 0o600)
        except OSError as error:
            raise UserError(
                f"Cannot write the recording {path}: {error.strerror}.",
                "Name a file in a directory that may be written.",
                exit_code=CANNOT_CREATE,
            ) from error
        # Devices and pipes keep their mode.
        status = os.fstat(self._descriptor)
        self._regular = stat.S_ISREG(status.st_mode)
        if self._regular:
            os.fchmod(self._descriptor, 0o600)
        self._size = status.st_size
        self._left = limit - self._size
        """Bytes that may still be written; below 0: the recording has ended."""
        self.skipped = 0
        """Chunks not written because the limit was reached, or the file could not be written any more."""
        if not self._size:
            self._append(FILE_HEADER.pack(MAGIC, VERSION, 0, 0, clock_offset))

    def write(self, chunk: Chunk) -> None:
        """Append one chunk. Never raises: what watches the application goes on without a recording."""
        if self._left < 0 or not self._add(pack(chunk)):
            self.skipped += 1

    def _add(self, record: bytes) -> bool:
        self._left -= LENGTH.size + len(record)
        if self._left < 0:
            return self._stop("it is as long as it may be")
        return self._append(LENGTH.pack(len(record)) + record)

    def _append(self, data: bytes) -> bool:
        try:
            written = os.write(self._descriptor, data)
        except OSError as error:
            return self._stop(error.strerror or str(error))
        if written < len(data):
            return self._stop("no room for a whole record")
        self._size += written
        return True

    def _stop(self, reason: str) -> bool:
        log.error("the recording ends here", reason=reason, bytes=self._size)
        self._left = -1
        if self._regular:
            os.ftruncate(self._descriptor, self._size)
        return False

    def close(self) -> None:
        """Close the file; twice does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Recording:
    """A file's content: ``chunks`` are decoded while they are iterated, once."""

    clock_offset: int
    chunks: Iterator[Chunk]


def read(path: Path) -> Recording:
    """Open a recording. Raises UserError at once for a file that is none, and while iterating for a damaged one."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read the recording {path}: {error.strerror}.", exit_code=NO_INPUT) from error
    if len(data) < FILE_HEADER.size or not data.startswith(MAGIC):
        raise UserError(f"{path} is not a recording.", "Name a *.chunks file.", exit_code=NO_INPUT)
    _magic, version, _, _, clock_offset = FILE_HEADER.unpack_from(data)
    if version != VERSION:
        raise UserError(
            f"{path} is a recording of version {version}, this program reads version {VERSION}.",
            "Record it again with this version.",
            exit_code=NO_INPUT,
        )
    return Recording(clock_offset, _chunks(data, path))


def _chunks(data: bytes, path: Path) -> Iterator[Chunk]:
    view = memoryview(data)
    position = FILE_HEADER.size
    while position < len(view):
        start = position + LENGTH.size
        if start > len(view):
            raise _damaged(path, position)
        size = LENGTH.unpack_from(view, position)[0]
        if not CHUNK_HEADER.size <= size <= LONGEST or start + size > len(view):
            raise _damaged(path, position)
        try:
            chunk = unpack(view[start : start + size])
        except ValueError as error:
            raise _damaged(path, position) from error
        yield chunk
        position = start + size


def _damaged(path: Path, position: int) -> UserError:
    return UserError(f"The recording {path} is damaged at byte {position}.", "Record it again.", exit_code=NO_INPUT)
