"""The capture in the running kernel.

Goals: whatever happens to this process, nothing stays behind in the kernel; nothing is selected until somebody says
so; each failure is one sentence that tells what to do.

The three objects share the maps of the first. Everything in the kernel hangs on descriptors that this process holds
(tracepoints, perf events of the key probes, objects): there are no pins, so even SIGKILL takes all probes away.
Children must not inherit any of them but the rings and the sleepers' map.

Counters are asked for by another thread (the metrics) while this one closes: a lock keeps them from objects that are
gone, and what was counted last stays to be told.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from struct import Struct
from threading import Lock

from agent_py.loader import bpf_syscall, perf, programs
from agent_py.loader.bpf_syscall import MapType
from agent_py.loader.counters import BLOCK_BYTES, NAMES, total
from agent_py.loader.libbpf import PERMISSION_HINT, Object
from common_py.errors import NO_PERMISSION, UNAVAILABLE, USAGE, UserError

OBJECTS = Path(__file__).resolve().parent.parent / "bpf"
MAX_RINGS = 64
MAX_EGRESS = 8192

_SETTINGS = Struct("<IIII")
"""``struct settings`` (bpf/maps.h): by_process, pid_namespace, egress_bytes, ring_count."""
_CONNECTION_KEY = Struct("<Ii")
_U32 = Struct("<I")
_U16 = Struct("<H")
_YES = b"\1"
_SHARED = ("workloads", "processes", "ports", "connections", "threads", "scratches", "counts", "rings", "sleepers")
_INITIAL_PID_NAMESPACE = 0xEFFFFFFC
"""PROC_PID_INIT_INO (include/linux/proc_ns.h)."""
_BTF = Path("/sys/kernel/btf/vmlinux")


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """Sizes and limits of the capture."""

    rings: int = 1
    """Ring buffers, one per worker, 1…64."""
    ring_bytes: int = 16 << 20
    """Size of each ring: a power of two, a multiple of the page size."""
    egress_bytes: int = 2048
    """Bytes that are copied from the start of each write operation, 0…8192."""
    by_process: bool = False
    """Select by process (host mode) instead of by mount namespace."""
    connections: int = 65536
    """Descriptors that can be known at a time."""
    threads: int = 16384
    """Threads of captured processes that can be known at a time."""


@dataclass(frozen=True, slots=True)
class RingMap:
    """A ring's map: what a worker needs to open it (``agent_py.ring.Ring``)."""

    fd: int
    size: int


class KeyProbe:
    """A probe on one file's ``EVP_KDF_derive``."""

    def __init__(self, event: int) -> None:
        self._event: int | None = event

    def close(self) -> None:
        """Remove the probe; twice does no harm."""
        if self._event is not None:
            os.close(self._event)
            self._event = None


class LiveLoader:
    """Loads and attaches all programs. Raises UserError when that is not possible here."""

    def __init__(self, settings: LiveSettings, objects: Path = OBJECTS) -> None:
        _check(settings)
        _raise_memory_lock()
        self._settings = settings
        self._objects: list[Object] = []
        self._descriptors: list[int] = []
        self._probes: list[KeyProbe] = []
        self.rings: list[RingMap] = []
        self._loaded = False
        self._lock = Lock()
        self._counted = dict.fromkeys(NAMES, 0)
        try:
            self._load(objects)
            self._loaded = True
            self._make_rings()
            self._attach()
        except BaseException:
            self.close()
            raise

    def _load(self, directory: Path) -> None:
        settings = self._settings
        constants = _SETTINGS.pack(settings.by_process, _pid_namespace(), settings.egress_bytes, settings.rings)
        for name in programs.TYPED_TRACEPOINTS:
            loading = Object(directory / name)
            self._objects.append(loading)
            loading.set_constants(constants)
            if loading is self._capture:
                loading.set_entries("connections", settings.connections)
                loading.set_entries("threads", settings.threads)
            else:
                for shared in _SHARED:
                    loading.use_map(shared, self._capture.map_fd(shared))
            loading.load()

    @property
    def _capture(self) -> Object:
        return self._objects[0]

    def _make_rings(self) -> None:
        size = self._settings.ring_bytes
        for index in range(self._settings.rings):
            fd = self._hold(
                f"a ring of {size} bytes", bpf_syscall.create_map, MapType.RINGBUF, 0, 0, size, f"ring{index}"
            )
            self.rings.append(RingMap(fd, size))
            bpf_syscall.update(self._capture.map_fd("rings"), _U32.pack(index), _U32.pack(fd))

    def _attach(self) -> None:
        tracefs = perf.Tracefs()
        try:
            for call, program in programs.CLOSING_CALLS.items():
                self._attach_call(tracefs, call, program)
        finally:
            tracefs.close()
        for loaded, names in zip(self._objects, programs.TYPED_TRACEPOINTS.values(), strict=True):
            for program in names:
                self._hold(f"the program {program}", bpf_syscall.attach_tracepoint, loaded.program_fd(program))

    def _attach_call(self, tracefs: perf.Tracefs, call: str, program: str) -> None:
        identifier = tracefs.identifier(f"syscalls/sys_enter_{call}")
        if identifier is not None:
            self._hold(f"the program {program}", perf.attach_tracepoint, identifier, self._capture.program_fd(program))
        elif call not in programs.OPTIONAL_CALLS:
            raise UserError(
                f"This kernel has no tracepoint for the call {call}.",
                "It needs CONFIG_FTRACE_SYSCALLS.",
                exit_code=UNAVAILABLE,
            )

    def _hold(self, what: str, make: Callable[..., int], *arguments: object) -> int:
        try:
            descriptor = make(*arguments)
        except OSError as error:
            permitted = error.errno not in (errno.EPERM, errno.EACCES)
            raise UserError(
                f"The kernel refuses {what}: {error.strerror}.",
                "" if permitted else PERMISSION_HINT,
                exit_code=UNAVAILABLE if permitted else NO_PERMISSION,
            ) from error
        self._descriptors.append(descriptor)
        return descriptor

    @property
    def sleepers_fd(self) -> int:
        """Descriptor of the map in which consumers say that they sleep (``agent_py.ring.Sleepers``)."""
        return self._capture.map_fd("sleepers")

    def select_process(self, pid: int) -> None:
        """See ``Loader.select_process``."""
        self._select("processes", _U32.pack(pid))

    def deselect_process(self, pid: int) -> None:
        """See ``Loader.deselect_process``."""
        bpf_syscall.delete(self._capture.map_fd("processes"), _U32.pack(pid))

    def select_workload(self, mount_namespace: int) -> None:
        """See ``Loader.select_workload``."""
        self._select("workloads", _U32.pack(mount_namespace))

    def deselect_workload(self, mount_namespace: int) -> None:
        """See ``Loader.deselect_workload``."""
        bpf_syscall.delete(self._capture.map_fd("workloads"), _U32.pack(mount_namespace))

    def select_port(self, port: int) -> None:
        """See ``Loader.select_port``. Connections that are known already stay as they are."""
        if not 0 < port < 65536:
            raise UserError(f"Port {port} is not between 1 and 65535.", exit_code=USAGE)
        self._select("ports", _U16.pack(port))
        self._select("ports", _U16.pack(0))

    def _select(self, table: str, key: bytes) -> None:
        try:
            bpf_syscall.update(self._capture.map_fd(table), key, _YES)
        except OSError as error:
            raise UserError(f"The kernel's table of {table} is full.", exit_code=UNAVAILABLE) from error

    def attach_keys(self, path: str, offset: int) -> KeyProbe:
        """See ``Loader.attach_keys``. Raises UserError when the kernel refuses the probe."""
        try:
            event = perf.attach_uprobe(path, offset, self._objects[2].program_fd(programs.KEY_PROGRAM))
        except OSError as error:
            raise UserError(
                f"The kernel refuses a probe at {path}+{offset:#x}: {error.strerror}.",
                "The file must be mapped executable and its file system must allow uprobes.",
                exit_code=UNAVAILABLE,
            ) from error
        probe = KeyProbe(event)
        self._probes.append(probe)
        return probe

    def counters(self) -> dict[str, int]:
        """See ``Loader.counters``. After the end: what there was at the end."""
        with self._lock:
            self._count()
            return dict(self._counted)

    def _count(self) -> None:
        if self._objects and self._loaded:
            size = BLOCK_BYTES * bpf_syscall.possible_cpus()
            self._counted = total(bpf_syscall.lookup(self._capture.map_fd("counts"), _U32.pack(0), size) or b"")

    def sweep(self, ended: Callable[[int], bool]) -> int:
        """See ``Loader.sweep``. Linear in the table's size."""
        table = self._capture.map_fd("connections")
        # The kernel starts again when the key it stands on is removed meanwhile: a bound for a busy table.
        every = set(islice(bpf_syscall.keys(table, _CONNECTION_KEY.size), 2 * self._settings.connections))
        gone = {tgid for tgid in {_CONNECTION_KEY.unpack(key)[0] for key in every} if ended(tgid)}
        return sum(bpf_syscall.delete(table, key) for key in every if _CONNECTION_KEY.unpack(key)[0] in gone)

    def close(self) -> None:
        """See ``Loader.close``; twice does no harm."""
        for probe in self._probes:
            probe.close()
        # The kernel waits for running programs at each of them: together is faster than one after the other.
        if self._descriptors:
            with ThreadPoolExecutor(len(self._descriptors)) as pool:
                list(pool.map(os.close, self._descriptors))
        self._descriptors.clear()
        with self._lock:
            self._count()
            while self._objects:
                self._objects.pop().close()
        self.rings.clear()


def _check(settings: LiveSettings) -> None:
    page = resource.getpagesize()
    if not _BTF.exists():
        raise UserError(
            "This kernel tells no types (BTF).",
            "It needs CONFIG_DEBUG_INFO_BTF, Linux 5.10 or newer.",
            exit_code=UNAVAILABLE,
        )
    if not 1 <= settings.rings <= MAX_RINGS:
        raise UserError(f"rings must be 1 to {MAX_RINGS}, it is {settings.rings}.", exit_code=USAGE)
    if settings.ring_bytes < page or settings.ring_bytes & (settings.ring_bytes - 1):
        raise UserError(f"ring_bytes must be a power of two from {page}, it is {settings.ring_bytes}.", exit_code=USAGE)
    if not 0 <= settings.egress_bytes <= MAX_EGRESS:
        raise UserError(f"egress_bytes must be 0 to {MAX_EGRESS}, it is {settings.egress_bytes}.", exit_code=USAGE)


def _pid_namespace() -> int:
    """Inode of this process's pid namespace, 0 for the initial one: there tgids need no translation."""
    inode = os.stat("/proc/self/ns/pid").st_ino
    return 0 if inode == _INITIAL_PID_NAMESPACE else inode


def _raise_memory_lock() -> None:
    """Below 5.11 maps count as locked memory. Without CAP_SYS_RESOURCE this fails, and newer kernels do not need it."""
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (ValueError, OSError):
        return
