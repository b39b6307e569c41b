"""The private apt: where suites come from, and what goes wrong."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path

import pytest

from common_py.errors import UserError
from tools.kernels import packages

TARGETS = """\
Debian bookworm http://mirror.test/debian/
Debian bookworm-security http://mirror.test/security/
Docker bookworm http://other.test/debian/
nodistro http://other.test/
"""


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """apt knows the archives from its second call on, when its lists were fetched."""
    calls: list[Sequence[str]] = []

    def run(command: Sequence[str], *_rest: object) -> str:
        calls.append(command)
        return TARGETS if ["update" in call for call in calls].count(True) else ""

    monkeypatch.setattr(packages, "run", run)
    monkeypatch.setattr(packages, "_KEYRING", Path(__file__))
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"VERSION_CODENAME": "bookworm"})
    return calls


def test_suites_come_from_the_archives_that_apt_knows(known: list[Sequence[str]]) -> None:
    lines = packages.sources(("bookworm-backports", "bullseye-security"), packages.addresses()).splitlines()
    assert [line.split()[2:] for line in lines] == [
        ["http://mirror.test/debian/", "bookworm-backports", "main"],
        ["http://mirror.test/security/", "bullseye-security", "main"],
    ]
    assert all("signed-by=" in line for line in lines)
    assert [call[1] for call in known] == ["indextargets", "update", "indextargets"]


@pytest.mark.usefixtures("known")
def test_another_system_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"VERSION_CODENAME": "jammy"})
    with pytest.raises(UserError, match="knows no archive of Debian"):
        packages.addresses()


def test_a_command_that_fails_is_one_sentence() -> None:
    with pytest.raises(UserError, match=r"^sh -c failed: no such thing"):
        packages.run(("sh", "-c", "echo first >&2; echo no such thing >&2; exit 3"))
    with pytest.raises(UserError, match=r"^no-such-program is not installed"):
        packages.run(("no-such-program",))
    assert packages.run(("sh", "-c", "echo $0; pwd", "name"), directory=Path("/")) == "name\n/\n"
