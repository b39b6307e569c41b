"""A kernel out of its package: what QEMU boots."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools.kernels import initramfs
from tools.kernels.catalogue import METAPACKAGE, Kernel
from tools.kernels.packages import Archive, unpack, version

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Unpacked:
    """An unpacked kernel package: ``boot/vmlinuz-*``, ``lib/modules/*``, ``version``."""

    directory: Path

    @property
    def version(self) -> str:
        """The package's Debian version."""
        return (self.directory / "version").read_text(encoding="utf-8")

    @property
    def image(self) -> Path:
        """The compressed kernel."""
        (path,) = (self.directory / "boot").glob("vmlinuz-*")
        return path

    @property
    def modules(self) -> Path:
        """The directory of its modules."""
        (path,) = (self.directory / "lib" / "modules").iterdir()
        return path

    def initramfs(self, busybox: bytes) -> bytes:
        """The first root for this kernel."""
        init = (_HERE / "init.sh").read_text(encoding="utf-8")
        return initramfs.build(init, busybox, initramfs.modules(self.modules))


def cached(kernel: Kernel, cache: Path) -> Unpacked | None:
    """The kernel when it is in the cache."""
    directory = cache / f"kernel-{kernel.series}"
    return Unpacked(directory) if directory.exists() else None


def fetch(kernel: Kernel, cache: Path) -> Unpacked:
    """The kernel out of the cache, else the newest of its suites. Raises UserError when it cannot be had."""
    directory = cache / f"kernel-{kernel.series}"
    if not directory.exists():
        archive = Archive(kernel.suites, cache / "apt" / kernel.series)
        (package,) = archive.download(*archive.dependencies(METAPACKAGE))
        with tempfile.TemporaryDirectory(dir=cache) as working:
            tree = Path(working) / "kernel"
            unpack([package], tree)
            (tree / "version").write_text(version(package), encoding="utf-8")
            shutil.rmtree(tree / "usr", ignore_errors=True)
            tree.rename(directory)
    return Unpacked(directory)
