from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.tls import write_certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_certificates(tmp_path_factory.mktemp("certificates"))
