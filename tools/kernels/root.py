"""The guests' root: an ext4 image of Debian packages and of the virtual environment's Python distributions.

Packages are only unpacked, so what their scripts would make is made here: accounts, and the shell's name. The image is
named by what it is made of; when that changes it is made again in the former one's place. Guests write to a snapshot.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from common_py.errors import UNAVAILABLE, UserError
from tools.kernels.catalogue import DISTRIBUTIONS, PROJECT, ROOT_PACKAGES, ROOT_PYTHON, ROOT_SUITES
from tools.kernels.packages import Archive, run, unpack

IMAGE_BYTES = 1 << 30
"""Size of the file system; the file is sparse."""
LIBRARIES = "usr/local/lib/distributions"
_FILES = {
    "etc/passwd": "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\n",
    "etc/group": "root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
}
_MOUNT_POINTS = ("dev", "proc", "sys", "run", "tmp", "root", "repository")


@dataclass(frozen=True, slots=True)
class Root:
    """A directory of the cache: the image, and the image's busybox, which the initramfs needs too."""

    directory: Path

    @property
    def image(self) -> Path:
        """The ext4 file system."""
        return self.directory / "image"

    @property
    def busybox(self) -> bytes:
        """A static program."""
        return (self.directory / "busybox").read_bytes()


def cached(cache: Path) -> Root | None:
    """The root when it is in the cache."""
    root = Root(cache / f"root-{_digest(closure(DISTRIBUTIONS))}")
    return root if root.directory.exists() else None


def make(cache: Path) -> Root:
    """The root, made when it is not in the cache yet. Raises UserError when its parts cannot be had."""
    distributions = closure(DISTRIBUTIONS)
    root = Root(cache / f"root-{_digest(distributions)}")
    if not root.directory.exists():
        _check_python()
        packages = Archive(ROOT_SUITES, cache / "apt" / "root").closure(*ROOT_PACKAGES)
        for outdated in cache.glob("root-*"):
            shutil.rmtree(outdated)
        with tempfile.TemporaryDirectory(dir=cache) as working:
            tree = Path(working) / "root"
            unpack(packages, tree)
            furnish(tree)
            for distribution in distributions:
                _copy(distribution, tree / LIBRARIES)
            made = Path(working) / "made"
            made.mkdir()
            shutil.copy(tree / "bin" / "busybox", made)
            _make_image(tree, made / "image")
            made.rename(root.directory)
    return root


def _digest(distributions: Iterable[importlib.metadata.Distribution]) -> str:
    parts = [*ROOT_SUITES, *ROOT_PACKAGES, *(f"{one.name} {one.version}" for one in distributions)]
    parts.append(Path(__file__).read_text(encoding="utf-8"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _check_python() -> None:
    if sys.version_info[:2] != ROOT_PYTHON:
        have, need = (".".join(map(str, version)) for version in (sys.version_info[:2], ROOT_PYTHON))
        raise UserError(
            f"The guests have Python {need}, and the virtual environment has {have}.",
            f"Make it with: make setup PYTHON=python{need}",
            exit_code=UNAVAILABLE,
        )


def closure(names: Iterable[str]) -> list[importlib.metadata.Distribution]:
    """Installed distributions with all that they need, by name; without the project, whose files the guest has."""
    found: dict[str, importlib.metadata.Distribution] = {}
    wanted = [Requirement(name) for name in names]
    seen: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        if str(requirement) not in seen:
            seen.add(str(requirement))
            distribution = importlib.metadata.distribution(requirement.name)
            found[canonicalize_name(requirement.name)] = distribution
            wanted += _needs(distribution, requirement.extras)
    found.pop(PROJECT, None)
    return [found[name] for name in sorted(found)]


def _needs(distribution: importlib.metadata.Distribution, extras: Iterable[str]) -> Iterator[Requirement]:
    for requirement in map(Requirement, distribution.requires or []):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def _copy(distribution: importlib.metadata.Distribution, target: Path) -> None:
    """A distribution's modules and metadata, without the commands beside them."""
    for file in distribution.files or []:
        if ".." not in file.parts and file.suffix != ".pyc":
            destination = target / file
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(str(file.locate())), destination)


def furnish(tree: Path) -> None:
    """What packages' scripts and a boot would have made."""
    for name in _MOUNT_POINTS:
        (tree / name).mkdir(exist_ok=True)
    for name, content in _FILES.items():
        (tree / name).write_text(content, encoding="utf-8")
    shell = tree / "bin" / "sh"
    if not shell.is_symlink():
        shell.symlink_to("busybox")


def _make_image(tree: Path, path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    run(("/sbin/mkfs.ext4", "-q", "-d", str(tree), str(path)))
