"""Archives and the order of modules."""

from __future__ import annotations

import lzma
import stat
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tools.kernels.initramfs import archive, build, modules

NAMES = st.text("abc/.", min_size=1, max_size=20)


def parse(data: bytes) -> dict[str, tuple[int, bytes]]:
    """Read a "newc" archive as the kernel does: fixed header, name and content padded to four bytes each."""
    found, at = {}, 0
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        name_end = at + 110 + fields[11]
        name = data[at + 110 : name_end - 1].decode()
        assert data[name_end - 1] == 0
        start = -(-name_end // 4) * 4
        at = -(-(start + fields[6]) // 4) * 4
        if name == "TRAILER!!!":
            assert at == len(data)
            return found
        found[name] = (fields[1], data[start : start + fields[6]])


@given(st.dictionaries(NAMES, st.tuples(st.integers(0, 0o177777), st.binary(max_size=20)), max_size=5))
def test_what_is_put_in_comes_out(entries: dict[str, tuple[int, bytes]]) -> None:
    assert parse(archive(entries)) == entries


def module(directory: Path, name: str, needs: str, *, packed: bool = False) -> None:
    content = b"\x7fELF\0license=GPL\0depends=" + needs.encode() + b"\0name=x\0"
    path = directory / "kernel" / f"{name}.ko{'.xz' if packed else ''}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(lzma.compress(content) if packed else content)


def test_modules_come_after_those_that_they_need(tmp_path: Path) -> None:
    module(tmp_path, "virtio_blk", "virtio,virtio_ring")
    module(tmp_path, "virtio", "")
    module(tmp_path, "virtio_ring", "virtio", packed=True)
    module(tmp_path, "virtio-pci", "virtio_ring,built_in")
    module(tmp_path, "other", "")
    found = modules(tmp_path, ("virtio_pci", "virtio_blk"))
    assert list(found) == ["virtio", "virtio_ring", "virtio_pci", "virtio_blk"]
    assert all(content.startswith(b"\x7fELF") for content in found.values())


def test_drivers_that_are_built_in_need_no_file(tmp_path: Path) -> None:
    assert modules(tmp_path) == {}


def test_the_first_root_has_what_it_needs_to_go_on() -> None:
    entries = parse(build("#!/bin/sh\n", b"\x7fELF", {"virtio": b"1", "virtio_blk": b"2"}))
    assert entries["init"] == (stat.S_IFREG | 0o755, b"#!/bin/sh\n")
    assert entries["bin/sh"] == (stat.S_IFLNK | 0o777, b"busybox")
    assert entries["modules/order"][1] == b"virtio\nvirtio_blk\n"
    assert entries["modules/virtio_blk.ko"][1] == b"2"
    assert {name for name, (mode, _) in entries.items() if stat.S_ISDIR(mode)} >= {"dev", "proc", "sys", "root"}
