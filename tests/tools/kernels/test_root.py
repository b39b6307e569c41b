"""The guests' root, as far as no package is needed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from common_py.errors import UserError
from tools.kernels import root
from tools.kernels.catalogue import PROJECT


def test_distributions_come_with_all_that_they_need() -> None:
    names = [distribution.name.lower() for distribution in root.closure(("pytest-timeout",))]
    assert {"pytest", "pytest-timeout", "pluggy", "iniconfig"} <= set(names)
    assert names == sorted(set(names))
    assert "argcomplete" not in names, "of an extra that nobody asked for"


def test_extras_that_were_asked_for_come_too() -> None:
    assert "httptools" not in {distribution.name for distribution in root.closure(("uvicorn",))}
    assert "httptools" in {distribution.name for distribution in root.closure(("uvicorn[standard]",))}
    names = {distribution.name for distribution in root.closure((PROJECT,))}
    assert {"msgspec", "structlog", "httptools"} <= names
    assert PROJECT not in names


def test_what_packages_scripts_would_have_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "bin").mkdir()
    root.furnish(tmp_path)
    root.furnish(tmp_path)
    assert (tmp_path / "bin" / "sh").readlink() == Path("busybox")
    assert (tmp_path / "etc" / "passwd").read_text().startswith("root:x:0:0:")
    assert (tmp_path / "proc").is_dir()


def test_another_python_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 13, 1))
    with pytest.raises(UserError, match=r"^The guests have Python 3\.11, and the virtual environment has 3\.13\."):
        root.make(tmp_path)


def test_a_root_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    assert root.cached(tmp_path) is None
    (tmp_path / f"root-{root._digest(root.closure(root.DISTRIBUTIONS))}").mkdir()
    assert root.cached(tmp_path) == root.make(tmp_path)
