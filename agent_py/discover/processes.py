"""Processes of this node as /proc shows them. One that ends while it is looked at is as if it had not been there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
COMM_BYTES = 15
"""Longer names are cut by the kernel."""
HIDDEN = "***"

_ENDED = "ZX"
"""States (proc(5)) of what has ended and is only waited for."""
_TCP_LISTEN = "0A"
_SECRET_NAME = re.compile(r"pass(word|wd|phrase)?|secret|token|api-?_?key|private|credential|auth", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class Process:
    """A thread group. ``start`` tells two of the same pid apart."""

    pid: int
    name: str
    """/proc/PID/comm."""
    executable: str
    """Path in the process's own mount namespace; empty for kernel threads and when it may not be read."""
    parent: int
    start: int
    """Clock ticks since boot."""
    mount_namespace: int
    """Inode; 0 when it may not be read."""
    command: tuple[str, ...]
    """The command line without secrets."""


def read(pid: int) -> Process | None:
    """One process; None when there is none (any more)."""
    directory = PROC / str(pid)
    try:
        name = (directory / "comm").read_text("utf-8", "replace").rstrip("\n")
        # The name may hold spaces and parentheses: the fields are counted from the last one.
        fields = (directory / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        arguments = (directory / "cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] in _ENDED:
        return None
    return Process(
        pid,
        name,
        _link(directory / "exe"),
        int(fields[1]),
        int(fields[19]),
        _inode(_link(directory / "ns/mnt")),
        tuple(without_secrets(arguments)),
    )


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _inode(link: str) -> int:
    """``mnt:[4026531841]`` → 4026531841."""
    digits = link.rpartition("[")[2].rstrip("]")
    return int(digits) if digits.isdigit() else 0


def every() -> Iterator[Process]:
    """All processes that can be seen, by pid."""
    for pid in sorted(int(name) for name in os.listdir(PROC) if name.isdigit()):
        process = read(pid)
        if process is not None:
            yield process


def is_called(process: Process, name: str) -> bool:
    """Whether the process's name (cut as the kernel does) or its executable's file name is ``name``."""
    return process.name == name[:COMM_BYTES] or os.path.basename(process.executable) == name


def named(names: Iterable[str]) -> list[Process]:
    """All processes with one of the names."""
    wanted = list(names)
    return [process for process in every() if any(is_called(process, name) for name in wanted)]


def listening(port: int) -> list[Process]:
    """Processes that hold a socket listening on TCP ``port``, in whatever network namespace. O(descriptors)."""
    inodes: dict[str, set[str]] = {}
    found = []
    for process in every():
        directory = PROC / str(process.pid)
        namespace = _link(directory / "ns/net")
        if namespace not in inodes:
            inodes[namespace] = _listening_inodes(directory / "net", port)
        if inodes[namespace] and _holds(directory / "fd", inodes[namespace]):
            found.append(process)
    return found


def _listening_inodes(directory: Path, port: int) -> set[str]:
    """Socket inodes; the table's columns: slot, local, remote, state, …, inode (Documentation proc_net_tcp)."""
    found = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (directory / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for columns in map(str.split, lines):
            if columns[3] == _TCP_LISTEN and int(columns[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{columns[9]}]")
    return found


def _holds(directory: Path, links: set[str]) -> bool:
    try:
        return any(_link(directory / name) in links for name in os.listdir(directory))
    except OSError:
        return False


def without_secrets(arguments: Iterable[str]) -> Iterator[str]:
    """Arguments with values hidden where an option's name says that they are secret, and user names in URLs."""
    hide = False
    for argument in arguments:
        name, equals, _value = argument.partition("=")
        if hide and not argument.startswith("-"):
            yield HIDDEN
            hide = False
        elif equals and _SECRET_NAME.search(name):
            yield f"{name}={HIDDEN}"
        else:
            hide = argument.startswith("-") and _SECRET_NAME.search(argument) is not None
            yield _USER_INFO.sub(f"{HIDDEN}@", argument)
