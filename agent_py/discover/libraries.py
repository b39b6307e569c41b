"""Where a process's TLS secrets can be captured: its libcrypto, or its executable when that has OpenSSL inside.

A file is known by device and inode: one probe serves all processes that map it, and an upgraded library is another
file. Files are opened through /proc/PID/root, as the process sees them, or through map_files when the path is no
longer the mapped file (deleted, replaced).

What a file holds is found once: ``Contents`` remembers it by the file's ``Identity`` (device, inode, size, time of the
last change), for the last ``FILES`` files. A file that cannot be read, or changes meanwhile, is not remembered.
"""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent_py.discover import probe_point
from agent_py.discover.elf import EM_X86_64, ChangedError, Elf, ElfError, Identity
from agent_py.discover.probe_point import ProbePoint

KEY_FUNCTION = "EVP_KDF_derive"
"""OpenSSL 3: each key derivation of a TLS handshake passes it (providers are called behind it)."""

_LIBRARY = re.compile(r"lib(crypto|ssl)[-.]")
_VERSION = re.compile(rb"OpenSSL (\d+\.\d+\.\d+[a-z]?)[ -]")
_BORING = re.compile(rb"BoringSSL")
_DELETED = " (deleted)"
FILES = 1024
"""Files whose content is remembered."""


@dataclass(frozen=True, slots=True)
class MappedFile:
    """An executable mapping. ``opened`` is a path by which this process reaches the very file."""

    path: str
    """As the process sees it."""
    opened: str
    identity: Identity


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
        return self.file.identity.device, self.file.identity.inode


@dataclass(frozen=True, slots=True)
class TlsView:
    """What can be seen of a process's TLS. Without targets ``reason`` says why, for people."""

    targets: list[KeyTarget] = field(default_factory=list)
    reason: str = ""
    again: list[str] = field(default_factory=list)
    """Sentences about files that could not be read this time, or changed meanwhile: look again."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a file has of TLS."""

    point: ProbePoint | None
    """The place for a probe; None when the file has no ``KEY_FUNCTION``."""
    offset: int = 0
    """Of the place, in the file."""
    version: str = ""
    """OpenSSL's."""
    build_id: str = ""
    inside: str = ""
    """What an executable without ``KEY_FUNCTION`` has in its place."""


class Contents:
    """The contents of files by their identity; the one not asked for the longest is forgotten first."""

    def __init__(self, limit: int = FILES) -> None:
        self._limit = limit
        self._known: OrderedDict[Identity, Content | str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, file: MappedFile) -> Content:
        """What ``file`` holds. Raises ElfError for good reasons, ChangedError and OSError for passing ones."""
        known = self._known.get(file.identity)
        if known is None:
            known = self._known[file.identity] = _read(file)
            if len(self._known) > self._limit:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(file.identity)
        if isinstance(known, str):
            raise ElfError(known)
        return known


def _read(file: MappedFile) -> Content | str:
    """What a file holds, or why that cannot be told. Raises ChangedError and OSError."""
    found: Content | str
    try:
        with Elf(file.opened) as elf:
            if elf.identity != file.identity:
                raise ChangedError("it changed before it was read")
            try:
                found = _content(elf)
            except ElfError as error:
                # Whatever seems to be wrong with a file that changes is not its fault.
                found = str(error)
            elf.check_unchanged()
    except ChangedError:
        raise
    except ElfError as error:
        found = str(error)
    return found


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
            yield MappedFile(path.removesuffix(_DELETED), opened, Identity.of(status))


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


def view(pid: int, proc: Path = Path("/proc"), contents: Contents | None = None) -> TlsView:
    """Where the TLS secrets of a process can be captured, or why not; ``contents`` spares reading known files again."""
    executable = _executable(pid, proc)
    contents = Contents() if contents is None else contents
    found = TlsView()
    reasons = []
    for file in mapped_files(pid, proc):
        if not _LIBRARY.search(os.path.basename(file.path)) and file.path != executable:
            continue
        try:
            content = contents.of(file)
        except (OSError, ChangedError) as error:
            found.again.append(f"{file.path} cannot be read now: {error}.")
        except ElfError as error:
            reasons.append(f"{file.path} cannot be read: {error}.")
        else:
            if content.point is not None:
                found.targets.append(KeyTarget(file, content.offset, content.point, content.version, content.build_id))
            else:
                reasons.append(_why_not(file, content))
    if found.targets:
        return found
    told = " ".join(filter(None, [*reasons, *found.again]))
    return replace(found, reason=told or "The process maps no libcrypto, and its executable exports none.")


def _executable(pid: int, proc: Path) -> str:
    try:
        return os.readlink(proc / str(pid) / "exe").removesuffix(_DELETED)
    except OSError:
        return ""


def _content(elf: Elf) -> Content:
    symbol = elf.function(KEY_FUNCTION)
    match = elf.search(_VERSION)
    version = match.group(1).decode("ascii") if match else ""
    if symbol is None:
        return Content(None, version=version, inside=_inside(elf))
    point = ProbePoint(0, "", emulated=False)
    if elf.machine == EM_X86_64:
        size = min(symbol.size or probe_point.WINDOW, probe_point.FUNCTION_LIMIT)
        point = probe_point.choose(elf.part(symbol.offset, size))
    return Content(point, symbol.offset + point.offset, version, elf.build_id())


def _inside(elf: Elf) -> str:
    if ".go.buildinfo" in elf.section_names():
        return "is a Go program"
    return "has BoringSSL inside" if elf.search(_BORING) else ""


def _why_not(file: MappedFile, content: Content) -> str:
    """A sentence why a file without ``KEY_FUNCTION`` shows nothing; empty when nothing speaks of TLS in it."""
    name = os.path.basename(file.path)
    if name.startswith("libssl"):
        return ""
    if _LIBRARY.search(name):
        version = f"OpenSSL {content.version}" if content.version else "of an unknown version"
        return f"{file.path} is {version}, which has no {KEY_FUNCTION}: OpenSSL 3 is needed."
    return f"{file.path} {content.inside}, whose TLS is not visible." if content.inside else ""
