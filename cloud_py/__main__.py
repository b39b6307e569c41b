"""``python -m cloud_py --config FILE``: the cloud as a program."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from cloud_py import config, server
from cloud_py.api.hub import Hub
from cloud_py.metrics import Metrics
from cloud_py.services import Services
from cloud_py.store.database import connect, unusable
from cloud_py.store.store import Store
from common_py import program
from common_py.errors import UserError

NAME = "cloud"
SECOND = 1_000_000_000


def open_store(settings: config.CloudConfig) -> Store:
    """The store of the configuration. Raises UserError, also for a database that is damaged."""
    engine = connect(settings.database.url)
    try:
        return Store(
            engine,
            gap=settings.attacks.idle_gap * SECOND,
            max_hits=settings.retention.hits,
            max_age=settings.retention.days * 86_400 * SECOND,
            max_bytes=settings.retention.bytes,
            free_bytes=settings.retention.free_bytes,
        )
    except sa.exc.DatabaseError as error:
        engine.dispose()
        raise unusable(engine.url, error) from error


@contextlib.contextmanager
def open_services(settings: config.CloudConfig) -> Iterator[Services]:
    """What the endpoints work with; the store is open until the block ends. Raises UserError."""
    tokens = config.read_tokens(settings.tokens)
    with contextlib.closing(open_store(settings)) as store:
        yield Services(
            store=store,
            tokens=tokens,
            hub=Hub(settings.limits.event_clients, settings.limits.event_queue),
            metrics=Metrics(),
            body_bytes=settings.limits.body_bytes,
            session_hours=settings.session_hours,
            secure=bool(settings.tls.certificate),
        )


def main() -> None:
    """Run the cloud."""
    parser = program.options("Cloud: stores attacks, serves the API and the console.")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="see cloud-config.schema.json")
    options = parser.parse_args()
    try:
        settings = config.load(options.config)

        async def work(stop: asyncio.Event) -> None:
            with open_services(settings) as services:
                await server.serve(services, settings, stop)

        program.run(NAME, options.parent, settings.log_level, work)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
