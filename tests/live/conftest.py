"""A real nginx for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.nginx import Nginx


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    # nginx's workers run as another user: the way to their files has to be open.
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(folder.stat().st_mode | 0o111)
    directory = tmp_path / "nginx"
    directory.mkdir()
    with Nginx(directory, workers=2) as server:
        yield server
