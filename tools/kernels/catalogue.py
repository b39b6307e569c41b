"""What is fetched: the kernels, the guest's packages, the Python distributions, and where it is kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Kernel:
    """A series of Debian's cloud kernels: the newest one that the suites' metapackage names."""

    series: str
    suites: tuple[str, ...]


METAPACKAGE = "linux-image-cloud-amd64"
KERNELS = (
    Kernel("5.10", ("bullseye-security",)),
    Kernel("6.1", ("bookworm", "bookworm-security")),
    Kernel("6.12", ("bookworm-backports",)),
)

ROOT_SUITES = ("bookworm", "bookworm-security")
ROOT_PYTHON = (3, 11)
"""The suite's Python: the virtual environment's compiled modules must be for the same."""
ROOT_PACKAGES = (
    "busybox-static",  # the shell and all small commands
    "util-linux",  # unshare, setpriv, prlimit
    "iproute2",
    "python3",
    "libbpf1",
    "bpftool",
    "nginx-light",
    "openssl",
    "curl",
)
PROJECT = "oob-api-security"
DISTRIBUTIONS = (PROJECT, "pytest", "pytest-timeout", "hypothesis")
"""Copied from the virtual environment with all that they need, but for the project itself."""

CONTENT = ("agent_py", "common_py", "demo", "tests", "tools/kernels", "pyproject.toml")
"""What the guest gets of the repository, compiled BPF objects included."""


def cache() -> Path:
    """Where packages, kernels and images are kept: ``$XDG_CACHE_HOME/oob-kernels``, made when missing."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    directory = Path(base) / "oob-kernels"
    directory.mkdir(parents=True, exist_ok=True)
    return directory
