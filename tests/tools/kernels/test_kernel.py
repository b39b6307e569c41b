"""An unpacked kernel package."""

from __future__ import annotations

from pathlib import Path

from tools.kernels import kernel
from tools.kernels.catalogue import KERNELS


def test_a_kernel_out_of_the_cache(tmp_path: Path) -> None:
    assert kernel.cached(KERNELS[0], tmp_path) is None
    tree = tmp_path / f"kernel-{KERNELS[0].series}"
    driver = tree / "lib" / "modules" / "5.10.0-1" / "kernel" / "virtio_blk.ko"
    driver.parent.mkdir(parents=True)
    driver.write_bytes(b"\x7fELF the driver")
    (tree / "boot").mkdir()
    (tree / "boot" / "vmlinuz-5.10.0-1").touch()
    (tree / "boot" / "config-5.10.0-1").touch()
    (tree / "version").write_text("5.10.9-1")
    found = kernel.fetch(KERNELS[0], tmp_path)
    assert found == kernel.cached(KERNELS[0], tmp_path)
    assert found.version == "5.10.9-1"
    assert found.image.name == "vmlinuz-5.10.0-1"
    first = found.initramfs(b"\x7fELF busybox")
    assert b"the driver" in first
    assert b"switch_root" in first, "init.sh"
