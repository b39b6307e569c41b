from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud_py.samples import Cloud, running_cloud
from tests.console.browser import Console, open_console


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with running_cloud(tmp_path) as cloud:
        yield cloud


@pytest.fixture
def console(cloud: Cloud) -> Iterator[Console]:
    """Logged in, on the page Attacks, without any attack."""
    with open_console(cloud.address) as console:
        yield console
