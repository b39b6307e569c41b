"""Makes small ELF files for the tests, without a compiler."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import pack

TEXT_OFFSET, TEXT_ADDRESS = 0x200, 0x401000


@dataclass
class Image:
    """A shared object with one text segment, one symbol table and optional notes."""

    text: bytes = b"\x90" * 64
    symbols: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Name → (offset in the text, size); an offset of -1 makes the symbol undefined."""
    build_id: bytes = b""
    rest: bytes = b""
    """Appended, for strings that the tests look for."""
    machine: int = 62
    sections: tuple[str, ...] = ()

    def build(self) -> bytes:
        names = b"\0" + b"".join(name.encode() + b"\0" for name in self.symbols)
        table = pack("<IBBHQQ", 0, 0, 0, 0, 0, 0)
        for name, (at, size) in self.symbols.items():
            value, index = (TEXT_ADDRESS + at, 1) if at >= 0 else (0, 0)
            table += pack("<IBBHQQ", names.index(b"\0" + name.encode() + b"\0") + 1, 0x12, 0, index, value, size)
        note = pack("<III", 4, len(self.build_id), 3) + b"GNU\0" + self.build_id if self.build_id else b""
        titles = b"\0" + b"".join(name.encode() + b"\0" for name in self.sections)
        body = self.text
        places = []
        for part in (names, table, note, titles):
            places.append(TEXT_OFFSET + len(body))
            body += part
        body += self.rest
        names_at, table_at, note_at, titles_at = places
        sections = [pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)]
        sections.append(pack("<IIQQQQIIQQ", 0, 11, 0, 0, table_at, len(table), 2, 0, 8, 24))
        sections.append(pack("<IIQQQQIIQQ", 0, 3, 0, 0, names_at, len(names), 0, 0, 1, 0))
        sections.append(pack("<IIQQQQIIQQ", 0, 3, 0, 0, titles_at, len(titles), 0, 0, 1, 0))
        for name in self.sections:
            start = titles.index(b"\0" + name.encode()) + 1
            sections.append(pack("<IIQQQQIIQQ", start, 1, 0, 0, 0, 0, 0, 0, 1, 0))
        segments = pack("<IIQQQQQQ", 1, 5, TEXT_OFFSET, TEXT_ADDRESS, TEXT_ADDRESS, len(self.text), len(self.text), 16)
        segments += pack("<IIQQQQQQ", 4, 4, note_at, 0, 0, len(note), len(note), 4)
        header = pack(
            "<16sHHIQQQIHHHHHH",
            b"\x7fELF\x02\x01\x01",
            3,
            self.machine,
            1,
            0,
            64,
            TEXT_OFFSET + len(body),
            0,
            64,
            56,
            2,
            64,
            len(sections),
            3,
        )
        return (header + segments).ljust(TEXT_OFFSET, b"\0") + body + b"".join(sections)
