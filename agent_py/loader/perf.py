"""perf_event_open(2): tracepoints and uprobes that run a BPF program for as long as their descriptor is open.

Held by descriptors alone: when the process ends, however it ends, the kernel takes the probes away. Tracepoint ids
come from tracefs, which is opened as a detached mount when it is mounted nowhere: nobody else sees that mount.
"""

from __future__ import annotations

import ctypes
import os
import platform
from fcntl import ioctl
from pathlib import Path
from struct import Struct

from common_py.errors import UNAVAILABLE, UserError

_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
_FSCONFIG_CMD_CREATE = 6
_CLOEXEC = 1
_PERF_TYPE_TRACEPOINT = 2
_PERF_FLAG_FD_CLOEXEC = 8
_PERF_EVENT_IOC_ENABLE = 0x2400
_PERF_EVENT_IOC_SET_BPF = 0x40042408
_ATTRIBUTES = Struct("<IIQQQQQIIQQ40x")
"""type, size, config, sample period, sample type, read format, flags, wakeup, bp_type, config1, config2."""

_UPROBE_TYPE = Path("/sys/bus/event_source/devices/uprobe/type")
_TRACEFS = (Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing"))
_libc = ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: int | bytes | None) -> int:
    result: int = _libc.syscall(
        ctypes.c_long(number), *(ctypes.c_long(value) if isinstance(value, int) else value for value in arguments)
    )
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


class Tracefs:
    """The directory of tracepoints, wherever it is."""

    def __init__(self) -> None:
        self._directory = self._open()

    @staticmethod
    def _open() -> int:
        for path in _TRACEFS:
            if (path / "events").is_dir():
                return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            context = _call(_FSOPEN, b"tracefs", _CLOEXEC)
            try:
                _call(_FSCONFIG, context, _FSCONFIG_CMD_CREATE, None, None, 0)
                return _call(_FSMOUNT, context, _CLOEXEC, 0)
            finally:
                os.close(context)
        except OSError as error:
            raise UserError(
                f"tracefs is not mounted and cannot be opened: {error.strerror}.",
                "Mount it with: mount -t tracefs tracefs /sys/kernel/tracing",
                exit_code=UNAVAILABLE,
            ) from error

    def identifier(self, tracepoint: str) -> int | None:
        """The id of ``category/name``; None when this kernel lacks it."""
        try:
            descriptor = os.open(f"events/{tracepoint}/id", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._directory)
        except FileNotFoundError:
            return None
        with open(descriptor, encoding="ascii") as file:
            return int(file.read())

    def close(self) -> None:
        """Close the directory."""
        os.close(self._directory)


def _open_event(kind: int, config: int, config1: int, config2: int) -> int:
    packed = _ATTRIBUTES.pack(kind, _ATTRIBUTES.size, config, 0, 0, 0, 0, 0, 0, config1, config2)
    number = _PERF_EVENT_OPEN[platform.machine()]
    return _call(number, packed, -1, 0, -1, _PERF_FLAG_FD_CLOEXEC)


def _run(event: int, program_fd: int) -> int:
    try:
        ioctl(event, _PERF_EVENT_IOC_SET_BPF, program_fd)
        ioctl(event, _PERF_EVENT_IOC_ENABLE, 0)
    except OSError:
        os.close(event)
        raise
    return event


def attach_tracepoint(identifier: int, program_fd: int) -> int:
    """Run a program at a tracepoint, on all CPUs; the descriptor that holds it. Raises OSError."""
    return _run(_open_event(_PERF_TYPE_TRACEPOINT, identifier, 0, 0), program_fd)


def attach_uprobe(path: str, offset: int, program_fd: int, *, at_return: bool = False) -> int:
    """Run a program when any process executes the instruction at ``offset`` of the file.

    ``at_return`` (a function's entry is needed then): when the function returns. The capture makes no use of it.

    Returns the descriptor that holds the probe. Raises OSError; UserError when the kernel has no uprobes.
    """
    try:
        kind = int(_UPROBE_TYPE.read_text(encoding="ascii"))
    except OSError as error:
        raise UserError(
            "This kernel has no uprobes, so TLS cannot be captured.", "It needs CONFIG_UPROBES.", exit_code=UNAVAILABLE
        ) from error
    text = ctypes.create_string_buffer(os.fsencode(path))
    return _run(_open_event(kind, at_return, ctypes.addressof(text), offset), program_fd)
