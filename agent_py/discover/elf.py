"""ELF files as far as probes need them: symbols, offsets in the file, build id. 64-bit, little endian.

The files belong to the workloads, so nothing in them is trusted: each table is cut to the file's length, and a file
that is no ELF or points outside of itself is an ``ElfError``. Finding a symbol searches its name in the string table
first: one scan at memory speed, then one over the symbols. Layouts: System V ABI, chapter 4 and 5.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
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


class ElfError(ValueError):
    """The file is no ELF file, of another word size or byte order, or damaged."""


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
    """A mapped file. Use it as a context manager."""

    def __init__(self, path: Path | str) -> None:
        with open(path, "rb") as file:
            try:
                self.data = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
            except ValueError as error:
                raise ElfError("the file is empty") from error
        try:
            self._read_header()
        except (StructError, ElfError) as error:
            self.data.close()
            raise ElfError(f"no 64-bit little-endian ELF file: {error}") from error

    def _read_header(self) -> None:
        header = _HEADER.unpack_from(self.data)
        if header[0][:6] != b"\x7fELF\x02\x01":
            raise ElfError("wrong magic")
        self.machine: int = header[2]
        self._segments = self._table(_SEGMENT, header[5], header[10])
        raw = self._table(_SECTION, header[6], header[12])
        self._sections = [_Section(one[1], one[4], one[5], one[6], one[0]) for one in raw]
        self._names = self._sections[header[13]] if header[13] < len(self._sections) else None

    def _table(self, row: Struct, start: int, count: int) -> list[tuple[int, ...]]:
        if start + count * row.size > len(self.data):
            raise ElfError("a table ends behind the file")
        return list(row.iter_unpack(self.data[start : start + count * row.size]))

    def __enter__(self) -> Elf:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.data.close()

    def section_names(self) -> set[str]:
        """Names of all sections."""
        if self._names is None:
            return set()
        table = self._bytes(self._names)
        starts = [section.name for section in self._sections if section.name < len(table)]
        return {table[at : table.find(b"\0", at)].decode("ascii", "replace") for at in starts}

    def _bytes(self, section: _Section) -> bytes:
        return self._part(section.offset, section.size)

    def _part(self, offset: int, size: int) -> bytes:
        """Bytes of the file, as many as there are; offsets of a damaged file may be beyond what Python can slice."""
        end = len(self.data)
        return self.data[min(offset, end) : min(offset + size, end)]

    def function(self, name: str) -> Symbol | None:
        """A defined function of that name, in .dynsym or .symtab. O(size of the tables)."""
        for section in self._sections:
            if section.kind not in (_SHT_DYNSYM, _SHT_SYMTAB) or section.link >= len(self._sections):
                continue
            wanted = set(_occurrences(self._bytes(self._sections[section.link]), name.encode() + b"\0"))
            table = self._bytes(section) if wanted else b""
            for at, info, _other, index, value, size in _SYMBOL.iter_unpack(table[: len(table) // 24 * 24]):
                if at in wanted and index and info & 15 in (_STT_FUNC, _STT_GNU_IFUNC):
                    return Symbol(name, self.offset_of(value), size)
        return None

    def offset_of(self, address: int) -> int:
        """Where the byte at a virtual address stands in the file. Raises ElfError when it stands nowhere."""
        for kind, _flags, offset, start, _physical, size, _memory, _align in self._segments:
            if kind == _PT_LOAD and start <= address < start + size and address - start + offset < len(self.data):
                return address - start + offset
        raise ElfError(f"no segment has the address {address:#x}")

    def build_id(self) -> str:
        """The GNU build id in hexadecimal; empty when there is none."""
        for kind, _flags, offset, _start, _physical, size, _memory, _align in self._segments:
            if kind == _PT_NOTE:
                for note, description in _notes(self._part(offset, size)):
                    if note == (_NT_GNU_BUILD_ID, b"GNU\0"):
                        return description.hex()
        return ""


def _occurrences(text: bytes, part: bytes) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def _notes(data: bytes) -> Iterator[tuple[tuple[int, bytes], bytes]]:
    at = 0
    while at + _NOTE.size <= len(data):
        name_size, size, kind = _NOTE.unpack_from(data, at)
        name = at + _NOTE.size
        description = name + (name_size + 3 & -4)
        yield (kind, data[name : name + name_size]), data[description : description + size]
        at = description + (size + 3 & -4)
