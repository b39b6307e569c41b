"""The scripts that install what is needed, over stand-ins for a system's commands."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.tiers import REPOSITORY

pytestmark = pytest.mark.program

USED = ("bash", "env", "dirname", "grep", "chmod", "rm", "ls")


class System:
    """A system whose commands are what is written here; ``apt-get`` notes how it is called."""

    def __init__(self, directory: Path) -> None:
        self.commands = directory / "bin"
        self.commands.mkdir()
        self.notes = directory / "notes"
        for name in USED:
            (self.commands / name).symlink_to(str(shutil.which(name)))
        self.command("apt-get", f'echo "$@" >>{self.notes}')

    def command(self, name: str, script: str) -> None:
        path = self.commands / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def packages(self, *names: str) -> None:
        cases = "".join(f"{name}) version=1.0 ;; " for name in names)
        self.command("apt-cache", f'version="(none)"; case $2 in {cases} esac; echo "  Candidate: $version"')

    def run(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [REPOSITORY / "tools" / script, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": str(self.commands), **environment},
        )

    @property
    def installed(self) -> list[str]:
        return self.notes.read_text().splitlines() if self.notes.exists() else []


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


@pytest.mark.root
class TestInstalling:
    def test_what_this_system_has_is_installed_for_tests_and_what_it_has_not_is_named(self, system: System) -> None:
        system.command("id", "echo 0")
        system.packages("nginx-light", "openssl", "curl", "iproute2", "linux-tools-generic")
        done = system.run("setup-system", "test")
        assert done.returncode == 0, done.stderr
        assert "no package chromium: the tests that need it say so and are skipped." in done.stderr
        refreshed, *rest = system.installed
        assert refreshed.startswith("update")
        (line,) = rest
        assert line.split()[-5:] == ["nginx-light", "openssl", "curl", "iproute2", "linux-tools-generic"]

    def test_a_purpose_that_is_no_test_needs_all(self, system: System) -> None:
        system.command("id", "echo 0")
        system.packages("openssl", "curl")
        done = system.run("setup-system", "demo")
        assert done.returncode == 69
        assert done.stderr.splitlines()[-1] == "This system has no package nginx-light, which is needed for demo."


def test_without_root_the_packages_are_named(system: System) -> None:
    system.command("id", "echo 1000")
    for purpose, code in (("console", 69), ("test", 0)):
        done = system.run("setup-system", purpose)
        assert done.returncode == code
        assert done.stderr.startswith(f"Missing for {purpose}: ")
        assert "(as root: apt-get install " in done.stderr
    assert system.installed == []


@pytest.mark.parametrize("named", [True, False])
def test_a_python_that_is_too_old_is_one_sentence(system: System, tmp_path: Path, named: bool) -> None:
    system.command("python3", '[ "$1" = --version ] && { echo Python 3.10.12; exit; }; exit 1')
    done = system.run("setup-venv", str(tmp_path / "venv"), **({"PYTHON": "python3"} if named else {}))
    assert done.returncode == 69
    assert done.stderr.startswith("Python 3.11 or newer is needed; python3 is Python 3.10.12. Install one ")
    assert done.stderr.count("\n") == 1


def test_a_python_that_is_not_there_is_one_sentence(system: System, tmp_path: Path) -> None:
    done = system.run("setup-venv", str(tmp_path / "venv"), PYTHON="/nonexistent/python")
    assert done.returncode == 69
    assert done.stderr.startswith("Python 3.11 or newer is needed; /nonexistent/python is not there. ")
    assert done.stderr.count("\n") == 1
