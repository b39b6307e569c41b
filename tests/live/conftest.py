"""A real nginx for each test that asks for one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.nginx import Nginx


@pytest.fixture
def nginx() -> Iterator[Nginx]:
    # Not below pytest's own folder: nginx's workers are another user, for whom each start of pytest closes that folder.
    with tempfile.TemporaryDirectory(prefix="oob-nginx-") as directory, Nginx(Path(directory), workers=2) as server:
        yield server
