"""The test tiers: what each needs, and whether this machine can run it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.kernels import catalogue, machine, root
from tools.kernels import kernel as kernels

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Missing:
    """Why a tier cannot run. ``machine``: a fact of this machine (no root, no BTF), not something to install."""

    reason: str
    machine: bool


@dataclass(frozen=True)
class Tier:
    """A pytest marker expression and what it needs."""

    name: str
    expression: str
    missing: Callable[[], Missing | None]
    processes: int = 0
    """Test processes; 0: none but pytest's own, for tests that use the kernel's one set of probes."""
    named: bool = False
    """Takes minutes: runs only when it is asked for by its name."""


def nothing() -> Missing | None:
    """A tier that runs everywhere."""
    return None


def root_user() -> Missing | None:
    """Root, which gives itself up or installs."""
    return Missing("it needs root", machine=True) if os.geteuid() != 0 else None


def kernel() -> Missing | None:
    """Root, BTF and the compiled BPF objects."""
    if os.geteuid() != 0:
        return Missing("it needs root to load BPF programs", machine=True)
    if not Path("/sys/kernel/btf/vmlinux").exists():
        return Missing("this kernel has no BTF (/sys/kernel/btf/vmlinux)", machine=True)
    if not list((REPOSITORY / "agent_py" / "bpf").glob("*.bpf.o")):
        return Missing("the BPF objects are not compiled: run make bpf", machine=False)
    return programs("nginx", "openssl", "curl")


def machines() -> Missing | None:
    """QEMU, and the kernels and the root in the cache."""
    missing = programs(machine.QEMU)
    if missing is None:
        cache = catalogue.cache()
        absent = [f"Linux {one.series}" for one in catalogue.KERNELS if kernels.cached(one, cache) is None]
        absent += [] if root.cached(cache) else ["the guests' root"]
        if absent:
            missing = Missing(f"not in the cache: {', '.join(absent)}; run make kernel-test", machine=False)
    return missing


def browser() -> Missing | None:
    """Chromium and the console's page scripts."""
    if not (REPOSITORY / "cloud_py" / "console" / "static" / "vendor").is_dir():
        return Missing("the page scripts are not there: run make console", machine=False)
    return programs("/usr/bin/chromium")


def programs(*names: str) -> Missing | None:
    """Commands on the PATH."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    absent = [name for name in names if shutil.which(name, path=path) is None]
    return Missing(f"not installed: {', '.join(absent)}", machine=False) if absent else None


NEEDS: dict[str, Callable[[], Missing | None]] = {
    "root": root_user,
    "live": kernel,
    "page": browser,
    "kernel": machines,
}
"""What a marker needs, in whatever tier its tests are."""

TIERS = (
    Tier("unit", "not live and not page and not program and not kernel", nothing, processes=2),
    Tier("program", "program and not live and not page", nothing, processes=2),
    Tier("live", "live and not page", kernel),
    Tier("page", "page", browser),
    Tier("kernel", "kernel", machines, named=True),
)
