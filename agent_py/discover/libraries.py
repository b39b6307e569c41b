"""Where a process's TLS secrets can be captured: its libcrypto, or its executable when that has OpenSSL inside.

A file is known by device and inode: one probe serves all processes that map it, and an upgraded library is another
file. Files are opened through /proc/PID/root, as the process sees them, or through map_files when the path is no
longer the mapped file (deleted, replaced).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agent_py.discover import probe_point
from agent_py.discover.elf import EM_X86_64, Elf, ElfError
from agent_py.discover.probe_point import ProbePoint

KEY_FUNCTION = "EVP_KDF_derive"
"""OpenSSL 3: each key derivation of a TLS handshake passes it (providers are called behind it)."""

_LIBRARY = re.compile(r"lib(crypto|ssl)[-.]")
_VERSION = re.compile(rb"OpenSSL (\d+\.\d+\.\d+[a-z]?)[ -]")
_DELETED = " (deleted)"


@dataclass(frozen=True, slots=True)
class MappedFile:
    """An executable mapping. ``opened`` is a path by which this process reaches the very file."""

    path: str
    """As the process sees it."""
    opened: str
    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class KeyTarget:
    """A file and the place in it where secrets pass."""

    file: MappedFile
    offset: int
    """In the file: what ``Loader.attach_keys`` takes."""
    point: ProbePoint
    version: str
    """OpenSSL's, "" when the file does not tell."""
    build_id: str

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        return self.file.device, self.file.inode


@dataclass(frozen=True, slots=True)
class TlsView:
    """What can be seen of a process's TLS. Without targets ``reason`` says why, for people."""

    targets: list[KeyTarget] = field(default_factory=list)
    reason: str = ""


def mapped_files(pid: int, proc: Path = Path("/proc")) -> Iterator[MappedFile]:
    """Files of which the process executes something, each once. Nothing when it has ended."""
    seen: set[tuple[str, str]] = set()
    try:
        lines = (proc / str(pid) / "maps").read_text("utf-8", "surrogateescape").splitlines()
    except (OSError, ProcessLookupError):
        return
    for line in lines:
        columns = line.split(maxsplit=5)
        if len(columns) < 6 or "x" not in columns[1] or not columns[5].startswith("/"):
            continue
        addresses, device, inode, path = columns[0], columns[3], columns[4], columns[5]
        if (device, inode) in seen:
            continue
        seen.add((device, inode))
        found = _opened(proc / str(pid), addresses, path, int(inode))
        if found is not None:
            opened, status = found
            yield MappedFile(path.removesuffix(_DELETED), opened, status.st_dev, status.st_ino)


def _opened(directory: Path, addresses: str, path: str, inode: int) -> tuple[str, os.stat_result] | None:
    # Overlay file systems show another device in maps than in stat: the inode decides.
    through_root = f"{directory}/root{path}"
    status = _status(through_root)
    if status is not None and status.st_ino == inode:
        return through_root, status
    through_map = f"{directory}/map_files/{addresses}"
    status = _status(through_map)
    return None if status is None else (through_map, status)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def view(pid: int, proc: Path = Path("/proc")) -> TlsView:
    """Where the TLS secrets of a process can be captured, or why not."""
    executable = _executable(pid, proc)
    targets, reasons = [], []
    for file in mapped_files(pid, proc):
        if not _LIBRARY.search(os.path.basename(file.path)) and file.path != executable:
            continue
        found = inspect(file)
        if isinstance(found, KeyTarget):
            targets.append(found)
        elif found:
            reasons.append(found)
    if targets:
        return TlsView(targets)
    return TlsView(reason=" ".join(reasons) or "The process maps no libcrypto, and its executable exports none.")


def _executable(pid: int, proc: Path) -> str:
    try:
        return os.readlink(proc / str(pid) / "exe").removesuffix(_DELETED)
    except OSError:
        return ""


def inspect(file: MappedFile) -> KeyTarget | str:
    """The place in a file, or a sentence why there is none; an empty one when nothing speaks of TLS in it."""
    try:
        with Elf(file.opened) as elf:
            symbol = elf.function(KEY_FUNCTION)
            if symbol is None:
                return _why_not(file, elf)
            match = _VERSION.search(elf.data)
            if elf.machine == EM_X86_64:
                end = symbol.offset + min(symbol.size or probe_point.WINDOW, probe_point.FUNCTION_LIMIT)
                point = probe_point.choose(elf.data[symbol.offset : end])
            else:
                point = ProbePoint(0, "", emulated=False)
            version = match.group(1).decode("ascii") if match else ""
            return KeyTarget(file, symbol.offset + point.offset, point, version, elf.build_id())
    except (OSError, ElfError) as error:
        return f"{file.path} cannot be read: {error}."


def _why_not(file: MappedFile, elf: Elf) -> str:
    name = os.path.basename(file.path)
    if name.startswith("libssl"):
        return ""
    match = _VERSION.search(elf.data)
    if _LIBRARY.search(name):
        version = f"OpenSSL {match.group(1).decode('ascii')}" if match else "of an unknown version"
        return f"{file.path} is {version}, which has no {KEY_FUNCTION}: OpenSSL 3 is needed."
    if ".go.buildinfo" in elf.section_names():
        return f"{file.path} is a Go program, whose TLS is not visible."
    if elf.data.find(b"BoringSSL") >= 0:
        return f"{file.path} has BoringSSL inside, whose TLS is not visible."
    return ""
