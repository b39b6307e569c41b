"""Host mode's selection: which processes are mirrored now, and which libraries therefore have a key probe.

Each ``look`` compares /proc with what is known. Only new process ids are read, young ones again (a process changes its
name when it executes a program) and old ones now and then, so a look is cheap on a quiet machine however many processes
it has. Children of selected processes are selected by the kernel side at the moment of the fork; a look finds them a
moment later, for their libraries. What ended processes left in the kernel's table of descriptors is swept; a library
that nobody uses any more loses its probe.

The product itself is not mirrored, whatever its programs are called: its requests hold those that it has seen, so an
attack would be found again in them, without end.

What cannot be done at the start ends the agent with a sentence. Later on it is a warning and tried again: processes may
end between any two steps here, and one library, or a full table, must not end the mirroring of everything else.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from agent_py.config import AgentConfig
from agent_py.discover import libraries, processes
from agent_py.discover.libraries import Contents, KeyTarget
from agent_py.discover.processes import Process
from agent_py.loader.protocol import Attachment, Loader
from common_py.errors import NO_INPUT, UserError
from common_py.logging import get

log = get(__name__)

YOUNG_LOOKS = 5
"""A process is read again in this many looks after it was first seen."""
OLD_LOOKS = 10
"""Then once in so many looks: a script may wait long before it executes the server."""
SWEEP_LOOKS = 30
"""After so many looks the kernel's table is swept though no known process ended: others came and went in between."""
Identity = tuple[int, int]


@dataclass(slots=True)
class Mirrored:
    """A selected process and the libraries it uses."""

    process: Process
    libraries: set[Identity]
    looks: int = 0
    unread: list[str] = field(default_factory=list)
    """What could not be read of it at the last look, and is tried again."""


def has_ended(pid: int) -> bool:
    """Whether no process has this id, but for one that is only waited for."""
    return processes.read(pid) is None


class Mirroring:
    """Keeps the loader's selection in step with the processes of this host."""

    def __init__(self, config: AgentConfig, loader: Loader, product: int | None = None) -> None:
        """``product``: the process that started all programs of the product; None: this one."""
        self._product = os.getpid() if product is None else product
        self._names = tuple(config.mirror_processes)
        self._pids = frozenset(config.mirror_pids)
        self._tls = config.tls_enabled
        self._loader = loader
        self._ages: dict[int, int] = {}
        self.processes: dict[int, Mirrored] = {}
        self.libraries: dict[Identity, Attachment] = {}
        self._contents = Contents()
        self._looks = 0
        self._forgot = False
        self._started = False

    def start(self) -> None:
        """Select what is to be mirrored. Raises UserError for a name or id without a process and a refused probe."""
        self.look()
        self._insist()
        self._started = True

    def look(self) -> None:
        """Compare /proc with what is known, and act on the difference."""
        present = {int(name) for name in os.listdir("/proc") if name.isdigit()}
        for mirrored in list(self.processes.values()):
            self._recheck(mirrored.process)
        self._ages = {pid: self._ages.get(pid, 0) + 1 for pid in present}
        for pid, age in sorted(self._ages.items()):
            # By their ids, so that those that were all there at the start are not all read in the same look.
            if age <= YOUNG_LOOKS or (age + pid) % OLD_LOOKS == 0:
                self._read(pid)
        if self._tls:
            self._probe_young()
        self._looks += 1
        if self._forgot or self._looks % SWEEP_LOOKS == 0:
            self._forgot = False
            self._loader.sweep(has_ended)

    def _recheck(self, known: Process) -> None:
        """Forget a process that has ended, also when its id belongs to another one by now."""
        process = processes.read(known.pid)
        if process is None or process.start != known.start:
            self._forget(known.pid)
            self._ages.pop(known.pid, None)

    def _read(self, pid: int) -> None:
        if pid in self.processes or pid == os.getpid():
            return
        process = processes.read(pid)
        if process is not None and self._wanted(process) and self._select(process):
            self.processes[pid] = Mirrored(process, set())
            log.info("mirroring a process", pid=pid, name=process.name)

    def _select(self, process: Process) -> bool:
        try:
            self._loader.select_process(process.pid)
        except UserError as error:
            if not self._started:
                raise
            log.warning("a process is not mirrored", pid=process.pid, name=process.name, reason=str(error))
            return False
        return True

    def _wanted(self, process: Process) -> bool:
        if process.pid in self._pids:
            return True
        called = any(processes.is_called(process, name) for name in self._names)
        return (called or process.parent in self.processes) and not self._is_own(process)

    def _is_own(self, process: Process) -> bool:
        """Whether it is the product's: started by it, or by what it started, and not by what was asked for by id."""
        one: Process | None = process
        while one is not None and one.pid not in self._pids:
            if one.pid == self._product:
                return True
            one = processes.read(one.parent)
        return False

    def _forget(self, pid: int) -> None:
        gone = self.processes.pop(pid, None)
        if gone is None:
            return
        self._forgot = True
        self._loader.deselect_process(pid)
        log.info("a mirrored process ended", pid=pid, name=gone.process.name)
        used = {identity for mirrored in self.processes.values() for identity in mirrored.libraries}
        for identity in gone.libraries - used:
            self.libraries.pop(identity).close()

    def _probe_young(self) -> None:
        """Libraries may be loaded some time after the start, so a process is asked more than once, then rarely."""
        for mirrored in self.processes.values():
            mirrored.looks += 1
            if mirrored.looks <= YOUNG_LOOKS or mirrored.looks % 30 == 0 or mirrored.unread:
                self._probe(mirrored)

    def _probe(self, mirrored: Mirrored) -> None:
        view = libraries.view(mirrored.process.pid, contents=self._contents)
        for reason in view.again:
            if reason not in mirrored.unread:
                log.warning("a library cannot be read", pid=mirrored.process.pid, reason=reason)
        mirrored.unread = view.again
        if mirrored.looks == YOUNG_LOOKS and not view.targets:
            log.info("TLS of a process is not visible", pid=mirrored.process.pid, reason=view.reason)
        for target in view.targets:
            if target.identity in self.libraries or self._attach(mirrored.process, target):
                mirrored.libraries.add(target.identity)

    def _attach(self, process: Process, target: KeyTarget) -> bool:
        try:
            self._probe_file(target)
        except UserError as error:
            if not self._started and processes.read(process.pid) is not None:
                raise
            log.warning("TLS of a process is not visible", pid=process.pid, reason=str(error))
            return False
        return True

    def _probe_file(self, target: KeyTarget) -> None:
        self.libraries[target.identity] = self._loader.attach_keys(target.file.opened, target.offset)
        log.info(
            "reading TLS keys of a library",
            path=target.file.path,
            version=target.version,
            instruction=target.point.mnemonic,
            emulated=target.point.emulated,
        )

    def _insist(self) -> None:
        missing = [str(pid) for pid in sorted(self._pids) if pid not in self.processes]
        if missing:
            raise UserError(
                f"There is no process {', '.join(missing)}.", "Process ids are shown by: ps -e.", exit_code=NO_INPUT
            )
        found = [mirrored.process for mirrored in self.processes.values()]
        absent = [name for name in self._names if not any(processes.is_called(one, name) for one in found)]
        if absent:
            raise UserError(
                f"No process is called {', '.join(absent)}.",
                "Start it first, or look its name up with: ps -e.",
                exit_code=NO_INPUT,
            )
