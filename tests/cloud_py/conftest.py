from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cloud_py import app
from cloud_py.api.hub import Hub
from cloud_py.metrics import Metrics
from cloud_py.services import Services
from cloud_py.store.database import connect
from cloud_py.store.store import Store
from cloud_py.tokens import Token, Tokens, digest
from tests.cloud_py.samples import ADMINISTRATOR_TOKEN, NODE_TOKEN, SECOND, START


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    store = Store(
        connect(f"sqlite:///{tmp_path / 'cloud.sqlite3'}"), gap=3600 * SECOND, max_hits=10_000, max_age=10**6 * SECOND
    )
    tokens = Tokens(
        [Token("node", "node", digest(NODE_TOKEN)), Token("people", "administrator", digest(ADMINISTRATOR_TOKEN))]
    )
    yield Services(store, tokens, Hub(2, 3), Metrics(), body_bytes=100_000, clock=lambda: START)
    store.close()


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    """Without a token."""
    with TestClient(app.build(services), raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


@pytest.fixture
def node(client: TestClient) -> dict[str, str]:
    return {"X-WallarmApi-Token": NODE_TOKEN}


@pytest.fixture
def administrator(client: TestClient) -> dict[str, str]:
    return {"X-WallarmApi-Token": ADMINISTRATOR_TOKEN}
