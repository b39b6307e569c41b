"""The first root of a guest: drivers of its disks, busybox, and a script that mounts the disks and goes on there.

The archive is cpio's "newc" format (Linux, Documentation/driver-api/early-userspace/buffer-format.rst), uncompressed:
the guest would spend more time on decompression than the host on reading. Modules are named with all that they need,
in the order of loading, as their own ``depends=`` entries tell (section .modinfo): no depmod is asked.
"""

from __future__ import annotations

import lzma
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

DRIVERS = ("virtio_pci", "virtio_blk")
"""Disks of the guest. Debian's kernels have ext4 and the serial console built in."""

_DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")
_TRAILER = "TRAILER!!!"


def archive(entries: Mapping[str, tuple[int, bytes]]) -> bytes:
    """A cpio archive. ``entries``: path without a leading slash → (mode with its file type, content)."""
    parts = [_entry(number, name, *entry) for number, (name, entry) in enumerate(entries.items(), 1)]
    return b"".join([*parts, _entry(0, _TRAILER, 0, b"")])


def _entry(number: int, name: str, mode: int, content: bytes) -> bytes:
    # inode, mode, uid, gid, nlink, mtime, filesize, dev (2), rdev (2), namesize with its NUL, check
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name.encode() + b"\0") + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def modules(directory: Path, wanted: Iterable[str] = DRIVERS) -> dict[str, bytes]:
    """Name → ELF file, uncompressed, of the wanted modules and all that they need, in the order of loading.

    ``directory``: a kernel's /lib/modules/VERSION. A name without a file is built into the kernel.
    """
    files = {path.name.partition(".ko")[0].replace("-", "_"): path for path in directory.rglob("*.ko*")}
    return dict(_closure(files, wanted, set()))


def _closure(files: Mapping[str, Path], wanted: Iterable[str], done: set[str]) -> Iterator[tuple[str, bytes]]:
    for name in wanted:
        if name in done or name not in files:
            continue
        done.add(name)
        content = _uncompressed(files[name])
        found = _DEPENDS.search(content)
        needs = found[1].decode().replace("-", "_").split(",") if found else []
        yield from _closure(files, needs, done)
        yield name, content


def _uncompressed(path: Path) -> bytes:
    content = path.read_bytes()
    return lzma.decompress(content) if path.suffix == ".xz" else content


def build(init: str, busybox: bytes, drivers: Mapping[str, bytes]) -> bytes:
    """The whole archive; ``init`` is a script for busybox's shell, which loads the drivers in /modules/order."""
    directories = ("bin", "dev", "proc", "sys", "root", "modules")
    entries = dict.fromkeys(directories, (stat.S_IFDIR | 0o755, b""))
    entries["bin/busybox"] = (stat.S_IFREG | 0o755, busybox)
    entries["bin/sh"] = (stat.S_IFLNK | 0o777, b"busybox")
    entries["init"] = (stat.S_IFREG | 0o755, init.encode())
    for name, content in drivers.items():
        entries[f"modules/{name}.ko"] = (stat.S_IFREG | 0o644, content)
    entries["modules/order"] = (stat.S_IFREG | 0o644, "".join(f"{name}\n" for name in drivers).encode())
    return archive(entries)
