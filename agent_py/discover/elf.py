"""ELF files as far as probes need them: symbols, offsets in the file, build id. 64-bit, little endian.

The files belong to the workloads, so nothing in them is trusted, not even that they stay as they are: they are read
with pread(2), never mapped (a file that is truncated under a mapping kills its reader with SIGBUS), in windows of
``WINDOW`` bytes, ``READ_LIMIT`` bytes of a file in all. A file that is no ELF or points outside of itself is an
``ElfError``; one that changed while it was read is a ``ChangedError``, whatever was found in it. Finding a symbol
searches its name in the string table first: one scan at memory speed, then one over the symbols. Layouts: System V
ABI, chapter 4 and 5.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from struct import Struct
from struct import error as StructError
from types import TracebackType

EM_X86_64 = 62
EM_AARCH64 = 183

_HEADER = Struct("<16sHHIQQQIHHHHHH")
_SECTION = Struct("<IIQQQQIIQQ")
_SEGMENT = Struct("<IIQQQQQQ")
_SYMBOL = Struct("<IBBHQQ")
_NOTE = Struct("<III")
_SHT_SYMTAB, _SHT_DYNSYM = 2, 11
_PT_LOAD, _PT_NOTE = 1, 4
_NT_GNU_BUILD_ID = 3
_STT_FUNC, _STT_GNU_IFUNC = 2, 10

WINDOW = _SYMBOL.size << 15
"""Bytes read at once (768 KiB): whole symbols."""
READ_LIMIT = 512 << 20
"""Bytes that are read of one file at most, however often its tables name the same place."""
NAME_LIMIT = 256
"""Longest name of a section; also what two windows have in common in a search, so the longest match found."""
OCCURRENCES = 1024
"""Places of a name in a string table that are looked at; linkers write each name once."""
_NAMES_LIMIT = 1 << 20
_NOTES_LIMIT = 1 << 16


class ElfError(ValueError):
    """The file is no ELF file, of another word size or byte order, or damaged."""


class ChangedError(ElfError):
    """The file changed while it was read: look again later."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells a file and its content from all others without reading it (stat(2)); ``modified`` in nanoseconds."""

    device: int
    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        """The identity in a status."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function. ``offset`` is where it stands in the file, ``size`` its bytes (0: not told)."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class _Section:
    kind: int
    offset: int
    size: int
    link: int
    name: int


class Elf:
    """An open file. Use it as a context manager; ``identity`` is what it was when it was opened."""

    def __init__(self, path: Path | str) -> None:
        # Whatever stands at the path: opening must not wait for a writer, or do something.
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            status = os.fstat(self._fd)
            if not stat.S_ISREG(status.st_mode):
                raise ElfError("it is no regular file")
            self.identity = Identity.of(status)
            self._left = READ_LIMIT
            self._read_header()
        except BaseException as error:
            os.close(self._fd)
            if isinstance(error, StructError):
                raise ElfError("no 64-bit little-endian ELF file: it is too short") from error
            raise

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.identity.size

    def _read_header(self) -> None:
        header = _HEADER.unpack_from(self.part(0, _HEADER.size))
        if header[0][:6] != b"\x7fELF\x02\x01":
            raise ElfError("no 64-bit little-endian ELF file: wrong magic")
        self.machine: int = header[2]
        self._segments = self._table(_SEGMENT, header[5], header[10])
        raw = self._table(_SECTION, header[6], header[12])
        self._sections = [_Section(one[1], one[4], one[5], one[6], one[0]) for one in raw]
        self._names = self._sections[header[13]] if header[13] < len(self._sections) else None

    def _table(self, row: Struct, start: int, count: int) -> list[tuple[int, ...]]:
        if start + count * row.size > self.size:
            raise ElfError("a table ends behind the file")
        return list(row.iter_unpack(self.part(start, count * row.size)))

    def __enter__(self) -> Elf:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)

    def check_unchanged(self) -> None:
        """Raises ChangedError when the file is not what it was when it was opened: what was found is not to be used."""
        if Identity.of(os.fstat(self._fd)) != self.identity:
            raise ChangedError("it changed while it was read")

    def part(self, offset: int, size: int) -> bytes:
        """Bytes of the file, as many of ``size`` as it had when it was opened. Raises ElfError and OSError."""
        offset = min(offset, self.size)
        size = min(size, self.size - offset)
        self._left -= size
        if self._left < 0:
            raise ElfError(f"its tables name more than {READ_LIMIT >> 20} MiB")
        data = os.pread(self._fd, size, offset)
        if len(data) < size:
            raise ChangedError("it became shorter while it was read")
        return data

    def _windows(self, offset: int, size: int, common: int) -> Iterator[tuple[int, bytes]]:
        """(position from ``offset``, bytes); a window begins with the last ``common`` bytes of the one before."""
        end = min(offset + size, self.size)
        at = 0
        while offset + at < end:
            data = self.part(offset + at, min(WINDOW, end - offset - at))
            yield at, data
            if offset + at + len(data) >= end:
                return
            at += len(data) - common

    def search(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """The first match of at most ``NAME_LIMIT`` bytes in the whole file. O(size)."""
        for _at, data in self._windows(0, self.size, NAME_LIMIT):
            found = pattern.search(data)
            if found:
                return found
        return None

    def section_names(self) -> set[str]:
        """Names of all sections."""
        if self._names is None:
            return set()
        table = self.part(self._names.offset, min(self._names.size, _NAMES_LIMIT))
        starts = [section.name for section in self._sections if section.name < len(table)]
        return {table[at : at + NAME_LIMIT].partition(b"\0")[0].decode("ascii", "replace") for at in starts}

    def function(self, name: str) -> Symbol | None:
        """A defined function of that name, in .dynsym or .symtab. O(size of the tables)."""
        for section in self._sections:
            if section.kind not in (_SHT_DYNSYM, _SHT_SYMTAB) or section.link >= len(self._sections):
                continue
            strings = self._sections[section.link]
            wanted = set(islice(self._occurrences(strings, name.encode() + b"\0"), OCCURRENCES))
            for symbol in self._symbols(section) if wanted else ():
                at, info, _other, index, value, size = symbol
                if at in wanted and index and info & 15 in (_STT_FUNC, _STT_GNU_IFUNC):
                    return Symbol(name, self.offset_of(value), size)
        return None

    def _occurrences(self, strings: _Section, part: bytes) -> Iterator[int]:
        """Where ``part`` stands in a string table."""
        for start, data in self._windows(strings.offset, strings.size, len(part) - 1):
            at = data.find(part)
            while at >= 0:
                yield start + at
                at = data.find(part, at + 1)

    def _symbols(self, section: _Section) -> Iterator[tuple[int, ...]]:
        for _at, data in self._windows(section.offset, section.size, 0):
            yield from _SYMBOL.iter_unpack(data[: len(data) // _SYMBOL.size * _SYMBOL.size])

    def offset_of(self, address: int) -> int:
        """Where the byte at a virtual address stands in the file. Raises ElfError when it stands nowhere."""
        for kind, _flags, offset, start, _physical, size, _memory, _align in self._segments:
            if kind == _PT_LOAD and start <= address < start + size and address - start + offset < self.size:
                return address - start + offset
        raise ElfError(f"no segment has the address {address:#x}")

    def build_id(self) -> str:
        """The GNU build id in hexadecimal; empty when there is none."""
        for kind, _flags, offset, _start, _physical, size, _memory, _align in self._segments:
            if kind == _PT_NOTE:
                for note, description in _notes(self.part(offset, min(size, _NOTES_LIMIT))):
                    if note == (_NT_GNU_BUILD_ID, b"GNU\0"):
                        return description.hex()
        return ""


def _notes(data: bytes) -> Iterator[tuple[tuple[int, bytes], bytes]]:
    at = 0
    while at + _NOTE.size <= len(data):
        name_size, size, kind = _NOTE.unpack_from(data, at)
        name = at + _NOTE.size
        description = name + (name_size + 3 & -4)
        yield (kind, data[name : name + name_size]), data[description : description + size]
        at = description + (size + 3 & -4)
