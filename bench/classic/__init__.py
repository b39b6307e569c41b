"""The classic SSL_read/SSL_write probe, attached as its users do, to measure what it costs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from struct import pack
from types import TracebackType

from agent_py.discover import libraries
from agent_py.discover.elf import Elf
from agent_py.loader import bpf_syscall, perf
from agent_py.loader.libbpf import Object
from common_py.errors import UNAVAILABLE, UserError

_RETURNS = {"SSL_read": "ssl_read_return", "SSL_write": "ssl_write_return"}
RING_BYTES = 16 << 20


class ClassicProbe:
    """Entry and return probes on the libssl of the processes, for as long as the context lasts."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = list(pids)
        self._object = Object(Path(__file__).with_name("classic.bpf.o"))
        self._events: list[int] = []

    def __enter__(self) -> ClassicProbe:
        self._object.load()
        for pid in self._pids:
            bpf_syscall.update(self._object.map_fd("processes"), pack("<I", pid), b"\1")
        library = self._library()
        with Elf(library) as elf:
            for function, program in _RETURNS.items():
                symbol = elf.function(function)
                if symbol is None:
                    raise UserError(f"{library} has no {function}.", exit_code=UNAVAILABLE)
                self._attach(library, symbol.offset, "ssl_entry", at_return=False)
                self._attach(library, symbol.offset, program, at_return=True)
        return self

    def _attach(self, library: str, offset: int, program: str, *, at_return: bool) -> None:
        program_fd = self._object.program_fd(program)
        self._events.append(perf.attach_uprobe(library, offset, program_fd, at_return=at_return))

    def _library(self) -> str:
        for file in libraries.mapped_files(self._pids[0]):
            if os.path.basename(file.path).startswith("libssl"):
                return file.opened
        raise UserError(f"Process {self._pids[0]} maps no libssl.", exit_code=UNAVAILABLE)

    @property
    def ring_fd(self) -> int:
        """The ring of ``RING_BYTES`` with the records, for ``agent_py.ring.Ring`` or the bench's own reader."""
        return self._object.map_fd("records")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._events:
            os.close(self._events.pop())
        self._object.close()
