"""A guest: boots a kernel, runs pytest in it, hands the report back.

One processor, emulated in one thread: the tests are about what the kernel accepts and does, not about time. The disks
are the root (a snapshot: nothing is written back), a tar archive of the repository, and an empty one that takes the
report. The console tells the rest, and what it told is part of every failure.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from common_py.errors import UNAVAILABLE, UserError
from tools.kernels.catalogue import CONTENT, REPOSITORY
from tools.kernels.kernel import Unpacked
from tools.kernels.root import Root

QEMU = "qemu-system-x86_64"
MACHINE = "q35"
"""On its older default, "pc", QEMU 7.2 ended half of the boots of Linux 6.12 in a panic while ACPI started. Here six
of six came up, but later one in ten or more hung before the first process: the emulator's failure, told as one."""
CPU = "max,la57=off,cx16=off"
"""Everything that QEMU emulates, but no five-level page tables: with them QEMU 7.2 and Linux 6.12 end in a double fault
before the first process. And no cmpxchg16b, which its allocator uses: a later double fault stood right behind one."""
MEMORY_MIB = 1536
REPORT_BYTES = 4 << 20
SECONDS = 600
"""After which a guest is ended; one takes two minutes on a slow machine."""
_ARGUMENTS = "arguments"
_RELEASE = re.compile(r"^guest: kernel (\S+)", re.MULTILINE)
_VERIFIED = re.compile(r"^guest: verified (\d+) instructions", re.MULTILINE)
_LOADED = re.compile(r"^guest: loaded in ([\d.]+) s", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Run:
    """What a guest told."""

    console: str
    report: bytes
    """pytest's JUnit report, empty when the guest did not get that far."""
    seconds: float
    """From power on to power off."""

    @property
    def release(self) -> str:
        """``uname -r``, empty when the guest did not boot."""
        found = _RELEASE.search(self.console)
        return found[1] if found else ""

    @property
    def load_seconds(self) -> float | None:
        """How long verifying and attaching took; None: it failed, the console says why."""
        found = _LOADED.search(self.console)
        return float(found[1]) if found else None

    @property
    def verified(self) -> int:
        """Instructions that the verifier went through for the hardest program; 0: the kernel does not tell."""
        found = _VERIFIED.search(self.console)
        return int(found[1]) if found else 0


def run(kernel: Unpacked, root: Root, arguments: Sequence[str]) -> Run:
    """Boot, run ``pytest arguments``, power off. A guest that hangs is ended, and its console is what is left."""
    with tempfile.TemporaryDirectory() as working:
        first, repository, report = (Path(working) / name for name in ("initramfs", "repository", "report"))
        first.write_bytes(kernel.initramfs(root.busybox))
        pack(REPOSITORY, repository, arguments)
        with report.open("wb") as file:
            file.truncate(REPORT_BYTES)
        began = time.monotonic()
        console = _boot(command(kernel.image, first, (root.image, repository, report)))
        return Run(console, report.read_bytes().rstrip(b"\0"), time.monotonic() - began)


def command(kernel: Path, first: Path, disks: tuple[Path, Path, Path]) -> list[str]:
    """QEMU's arguments. ``disks``: root, repository, report."""
    options = ("snapshot=on", "readonly=on", "cache=writeback")
    drives = [f"file={disk},format=raw,if=virtio,{option}" for disk, option in zip(disks, options, strict=True)]
    return [
        *(QEMU, "-machine", MACHINE, "-accel", "tcg,thread=single", "-cpu", CPU, "-smp", "1", "-m", str(MEMORY_MIB)),
        *("-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"),
        *("-kernel", str(kernel), "-initrd", str(first), "-append", "console=ttyS0 quiet panic=-1"),
        *(part for drive in drives for part in ("-drive", drive)),
    ]


def _boot(arguments: list[str]) -> str:
    if shutil.which(arguments[0]) is None:
        raise UserError(f"{arguments[0]} is not installed.", "Run: make kernel-test", exit_code=UNAVAILABLE)
    with subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            output, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            output = process.communicate()[0] + f"\nEnded: it took longer than {SECONDS} s.\n".encode()
    return output.decode("utf-8", "replace").replace("\r\n", "\n")


def pack(repository: Path, path: Path, arguments: Sequence[str]) -> None:
    """A tar archive of what the tests need, and pytest's arguments, one a line."""
    with tarfile.open(path, "w") as archive:
        for file in _files(repository):
            archive.add(file, file.relative_to(repository), recursive=False)
        lines = "".join(f"{argument}\n" for argument in arguments).encode()
        member = tarfile.TarInfo(_ARGUMENTS)
        member.size = len(lines)
        archive.addfile(member, io.BytesIO(lines))


def _files(repository: Path) -> Iterator[Path]:
    for name in CONTENT:
        content = repository / name
        found = sorted(content.rglob("*")) if content.is_dir() else [content]
        yield from (path for path in found if path.is_file() and path.suffix != ".pyc")
