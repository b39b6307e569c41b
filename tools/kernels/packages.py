"""Debian packages of any suite, without touching this machine's apt: a configuration, lists and a cache of our own.

The archive's address is the one that this machine's apt uses for its own release, so a mirror stays a mirror. Packages
are checked against Debian's keyring, as apt does it, and unpacked without their scripts.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from common_py.errors import UNAVAILABLE, UserError

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SECURITY = "-security"
_CONFIGURATION = """\
Dir::Etc::sourcelist "{0}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{0}/state";
Dir::State::status "{0}/state/status";
Dir::Cache "{0}/cache";
APT::Architecture "amd64";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
"""


class Archive:
    """Some suites of Debian's archive, their lists fetched anew. An address is none of this project's business."""

    def __init__(self, suites: Sequence[str], directory: Path) -> None:
        self._environment = {**os.environ, "APT_CONFIG": str(directory / "apt.conf"), "LC_ALL": "C"}
        self._downloads = directory / "cache" / "archives"
        for part in (self._downloads / "partial", directory / "state" / "lists" / "partial"):
            part.mkdir(parents=True, exist_ok=True)
        for stale in self._downloads.glob("*.deb"):
            stale.unlink()
        (directory / "state" / "status").touch()
        (directory / "apt.conf").write_text(_CONFIGURATION.format(directory), encoding="utf-8")
        (directory / "sources.list").write_text(sources(suites, addresses()), encoding="utf-8")
        self._run("apt-get", "update", "-qq")

    def _run(self, *command: str) -> str:
        return run(command, self._environment)

    def dependencies(self, package: str) -> list[str]:
        """Names of the packages that the newest version of ``package`` depends on."""
        lines = self._run("apt-cache", "depends", "--important", package).splitlines()
        return [line.split()[1] for line in lines if line.split()[0] == "Depends:"]

    def download(self, *names: str) -> list[Path]:
        """These packages alone, without what they need."""
        run(("apt-get", "download", "-qq", *names), self._environment, self._downloads)
        return sorted(self._downloads.glob("*.deb"))

    def closure(self, *names: str) -> list[Path]:
        """These packages and all that they need, as on a machine that has none."""
        self._run("apt-get", "install", "-qq", "-y", "--download-only", *names)
        return sorted(self._downloads.glob("*.deb"))


def run(command: Sequence[str], environment: dict[str, str] | None = None, directory: Path | None = None) -> str:
    """What a command prints. Raises UserError with its complaint when it fails or is not there."""
    try:
        result = subprocess.run(
            command,
            env=environment,
            cwd=directory,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=True,
        )
    except FileNotFoundError as error:
        raise UserError(f"{command[0]} is not installed.", "Run: make kernel-test", exit_code=UNAVAILABLE) from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["it says nothing"]
        raise UserError(f"{' '.join(command[:2])} failed: {lines[-1]}", exit_code=UNAVAILABLE) from error
    return result.stdout


def unpack(packages: Iterable[Path], directory: Path) -> None:
    """The files of packages; no script of theirs runs."""
    directory.mkdir(parents=True, exist_ok=True)
    for package in packages:
        run(("dpkg-deb", "-x", str(package), str(directory)))


def version(package: Path) -> str:
    """The Debian version of a package file."""
    return run(("dpkg-deb", "-f", str(package), "Version")).strip()


def addresses() -> dict[str, str]:
    """Release → address of Debian's own archives that this machine's apt knows, for its own release."""
    found = _known()
    if not found:
        run(("apt-get", "update", "-qq"))
        found = _known()
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    if codename not in found or codename + _SECURITY not in found or not _KEYRING.is_file():
        raise UserError(
            "The apt of this machine knows no archive of Debian.",
            "The kernel tests take their kernels from there: run them on Debian.",
            exit_code=UNAVAILABLE,
        )
    return {"": found[codename], _SECURITY: found[codename + _SECURITY]}


def _known() -> dict[str, str]:
    lines = run(("apt-get", "indextargets", "--format", "$(ORIGIN) $(RELEASE) $(REPO_URI)")).splitlines()
    return {fields[1]: fields[2] for line in lines if len(fields := line.split()) == 3 and fields[0] == "Debian"}


def sources(suites: Iterable[str], archives: dict[str, str]) -> str:
    """A sources.list; security suites are in an archive of their own."""
    return "".join(
        f"deb [signed-by={_KEYRING}] {archives[_SECURITY if suite.endswith(_SECURITY) else '']} {suite} main\n"
        for suite in suites
    )
