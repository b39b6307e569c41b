"""``oobctl doctor``: what this machine can do, one line a check, each with a hint."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from agent_py.discover import libraries, processes
from agent_py.loader.libbpf import library
from agent_py.loader.live import OBJECTS
from agent_py.loader.programs import CAPTURE, KEYS, LIFETIME
from common_py.errors import UserError

MINIMUM_KERNEL = (5, 10)
CAPABILITIES = {"CAP_SYS_ADMIN": 21, "CAP_SYS_PTRACE": 19, "CAP_DAC_READ_SEARCH": 2, "CAP_BPF": 39, "CAP_PERFMON": 38}
"""include/uapi/linux/capability.h."""


@dataclass(frozen=True)
class Result:
    """One line. ``ok`` None: worth knowing, no obstacle."""

    name: str
    ok: bool | None
    text: str
    hint: str = ""
    """What to do when it is not ok."""
    detail: str = ""
    """A second line, for those who want to know more."""


def kernel() -> Result:
    """The kernel's version."""
    release = platform.release()
    numbers = tuple(int(part) for part in release.split("-")[0].split(".")[:2])
    return Result("kernel", numbers >= MINIMUM_KERNEL, f"Linux {release}", "Linux 5.10 or newer is needed.")


def architecture() -> Result:
    """The processor."""
    machine = platform.machine()
    return Result("processor", machine == "x86_64", machine, "Only x86_64 is supported.")


def btf() -> Result:
    """Type information of the running kernel."""
    present = Path("/sys/kernel/btf/vmlinux").exists()
    text = "/sys/kernel/btf/vmlinux" + ("" if present else " is not there")
    return Result(
        "BTF", present, text, "A kernel with CONFIG_DEBUG_INFO_BTF is needed; distributions' kernels have it."
    )


def capabilities() -> Result:
    """What this process may do."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff"))
    mask = int(line.split()[1], 16)
    missing = [name for name, bit in CAPABILITIES.items() if not mask >> bit & 1]
    text = f"missing {', '.join(missing)}" if missing else "all that capture needs"
    return Result("capabilities", not missing, text, "Run as root, for example with sudo.")


def tracefs() -> Result:
    """Where tracepoints have their ids."""
    mounted = (Path("/sys/kernel/tracing") / "events" / "syscalls").is_dir()
    text = "mounted at /sys/kernel/tracing" if mounted else "not mounted; the agent mounts it privately"
    return Result("tracefs", True if mounted else None, text)


def bpffs() -> Result:
    """Nothing is pinned, so a missing BPF file system is no obstacle."""
    mounted = any(line.split()[2] == "bpf" for line in Path("/proc/self/mounts").read_text().splitlines())
    return Result(
        "bpffs", True if mounted else None, "mounted" if mounted else "not mounted, not needed: nothing is pinned"
    )


def libbpf() -> Result:
    """The loading library."""
    try:
        version = getattr(library().functions, "libbpf_version_string", None)
    except UserError as error:
        return Result("libbpf", False, error.message, error.hint)
    if version is None:
        return Result("libbpf", True, "older than 0.6")
    version.restype = ctypes.c_char_p
    return Result("libbpf", True, version().decode("ascii"))


def objects() -> Result:
    """The compiled BPF programs."""
    missing = [name for name in (CAPTURE, LIFETIME, KEYS) if not (OBJECTS / name).exists()]
    text = f"not compiled: {', '.join(missing)}" if missing else "compiled"
    return Result("BPF objects", not missing, text, "Run: make bpf.")


CHECKS: tuple[Callable[[], Result], ...] = (
    kernel, architecture, btf, capabilities, tracefs, bpffs, libbpf, objects,
)  # fmt: skip
"""Every check of the machine, in the order in which one depends on the other."""


def targets(names: tuple[str, ...], pids: tuple[int, ...]) -> Iterator[Result]:
    """One line for processes that are alike: the TLS library that they use, or the reason why there is none."""
    called, given = processes.named(names), [found for pid in pids if (found := processes.read(pid)) is not None]
    absent = [f"called {name}" for name in names if not any(processes.is_called(one, name) for one in called)]
    absent += [f"with the id {pid}" for pid in pids if pid not in {one.pid for one in given}]
    if absent:
        yield Result("target", False, f"no process {', '.join(absent)}", "Start it first, or look it up with: ps -e.")
    alike: dict[tuple[str, bool | None, str, str], list[int]] = {}
    for process in {one.pid: one for one in (*called, *given)}.values():
        ok, text, detail = visibility(process.pid)
        alike.setdefault((process.name, ok, text, detail), []).append(process.pid)
    for (name, ok, text, detail), pids_alike in alike.items():
        more = f" +{len(pids_alike) - 1}" if len(pids_alike) > 1 else ""
        yield Result(f"{name}[{pids_alike[0]}{more}]", ok, text, detail=detail)


def visibility(pid: int) -> tuple[bool | None, str, str]:
    """How the TLS of one process is seen: ``Result``'s ok, text and detail."""
    if not os.access(f"/proc/{pid}/exe", os.R_OK):
        hint = "" if os.geteuid() == 0 else " Run as root."
        return None, f"TLS cannot be checked: its files may not be read.{hint}", ""
    view = libraries.view(pid)
    if not view.targets:
        return None, "plaintext is visible, TLS is not", view.reason
    found = view.targets[0]
    price = "emulated: cheap" if found.point.emulated else "single-stepped: about 20 µs a key"
    detail = f"{found.file.path}, probe on {found.point.mnemonic} at +{found.point.offset} ({price})"
    return True, f"TLS is visible, OpenSSL {found.version or 'of unknown version'}", detail


@click.command(short_help="Check this machine, and processes' TLS.")
@click.option(
    "--process", "names", multiple=True, metavar="NAME", help="Also check processes of this name; repeatable."
)
@click.option(
    "--pid", "pids", multiple=True, type=click.IntRange(1), metavar="PID", help="Also check this process; repeatable."
)
def doctor(names: tuple[str, ...], pids: tuple[int, ...]) -> None:
    """Check whether this machine can capture, and what of a process's TLS is visible.

    Exit code 1 when capture is not possible.
    """
    if not sys.platform.startswith("linux"):
        raise UserError("Capture needs Linux.", "Recordings can be replayed elsewhere: oobctl run --replay FILE.")
    results = [check() for check in CHECKS]
    if names or pids:
        results += targets(names, pids)
    width = max(len(result.name) for result in results)
    for result in results:
        click.echo(line(result, width))
    sys.exit(any(result.ok is False for result in results))


def line(result: Result, width: int) -> str:
    """``✔ name  text``, its detail, and, where something is in the way, the hint."""
    mark, color = {True: ("✔", "green"), False: ("✘", "red"), None: ("•", "yellow")}[result.ok]
    more = [result.detail] if result.detail else []
    if result.ok is False and result.hint:
        more.append(f"→ {result.hint}")
    below = "".join(f"\n  {'':{width}}  {text}" for text in more)
    return f"{click.style(mark, fg=color)} {result.name:{width}}  {result.text}{below}"


def obstacle() -> str | None:
    """Why capture is not possible here, in a sentence; None when it is."""
    for result in (check() for check in CHECKS):
        if result.ok is False:
            return f"{result.name}: {result.text}. {result.hint}"
    if os.geteuid() != 0:
        return "capabilities: not root. Run as root."
    return None
