"""The ASGI application: API, console, health, put behind one set of headers and counters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware

from cloud_py import console
from cloud_py.api import routes
from cloud_py.api.errors import HANDLERS
from cloud_py.middleware import Counting, SecurityHeaders
from cloud_py.services import Services
from common_py import health, logging

WATCH = 5.0
"""Seconds between two looks at the database and its disk."""

_log = logging.get("cloud")


def build(services: Services, retention_interval: float = 60.0) -> Starlette:
    """The application over ``services``; the retention runs every ``retention_interval`` seconds while it serves."""

    problems: dict[str, str] = {}

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(_retain(services, retention_interval)),
            asyncio.create_task(_watch(services, problems)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    services.metrics.hits.set_function(lambda: services.store.hits)
    services.metrics.store_bytes.set_function(lambda: services.store.size)
    services.metrics.event_clients.set_function(lambda: len(services.hub))
    app = Starlette(
        routes=[*health.routes(lambda: problems, services.metrics.registry), *routes.routes(), *console.routes()],
        middleware=[Middleware(SecurityHeaders), Middleware(Counting, metrics=services.metrics)],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.services = services
    return app


async def _retain(services: Services, interval: float) -> None:
    counted = dict.fromkeys(services.store.removed, 0)
    nodes = 0
    while True:
        try:
            await run_in_threadpool(services.store.retain, services.clock())
        except sa.exc.SQLAlchemyError as error:
            services.metrics.retention_failures.inc()
            _log.error("retention failed", type=type(error).__name__)
        for cause, number in dict(services.store.removed).items():
            services.metrics.hits_removed.labels(cause).inc(number - counted[cause])
            counted[cause] = number
        services.metrics.nodes_removed.inc(services.store.nodes_removed - nodes)
        nodes = services.store.nodes_removed
        await asyncio.sleep(interval)


async def _watch(services: Services, problems: dict[str, str]) -> None:
    """Keep ``problems`` true: readiness answers at once, also while a database hangs."""
    while True:
        found = await run_in_threadpool(_look, services)
        if ("disk" in found) != ("disk" in problems):
            _log.warning(found.get("disk", "The database's disk has room again: hits are taken."))
        problems.clear()
        problems.update(found)
        await asyncio.sleep(WATCH)


def _look(services: Services) -> dict[str, str]:
    reasons = {"database": services.store.check(), "disk": services.store.shortage()}
    return {name: reason for name, reason in reasons.items() if reason}
