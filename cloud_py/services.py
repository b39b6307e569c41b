"""What the handlers work with, put together once at the start."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from cloud_py.api.hub import Hub
from cloud_py.metrics import Metrics
from cloud_py.store.store import Store
from cloud_py.tokens import Tokens


@dataclass(slots=True)
class Services:
    """Store, tokens, event hub, metrics and limits of one running cloud."""

    store: Store
    tokens: Tokens
    hub: Hub
    metrics: Metrics
    body_bytes: int = 16 << 20
    session_hours: int = 12
    secure: bool = False
    """Served over TLS: cookies are marked Secure."""
    clock: Callable[[], int] = field(default=time.time_ns)


def services(connection: HTTPConnection) -> Services:
    """The services of the application that serves this connection."""
    found = connection.app.state.services
    assert isinstance(found, Services)
    return found
