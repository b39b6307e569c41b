"""``python -m cloud_py --config FILE``: the cloud as a program."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cloud_py import app, config, server
from cloud_py.api.hub import Hub
from cloud_py.metrics import Metrics
from cloud_py.services import Services
from cloud_py.store.database import connect
from cloud_py.store.store import Store
from common_py import logging, process
from common_py.errors import UserError

SECOND = 1_000_000_000


def serve(settings: config.CloudConfig) -> None:
    """Open the store and serve until a signal. Raises UserError."""
    tokens = config.read_tokens(settings.tokens)
    store = Store(
        connect(settings.database.url),
        gap=settings.attacks.idle_gap * SECOND,
        max_hits=settings.retention.hits,
        max_age=settings.retention.days * 86_400 * SECOND,
    )
    services = Services(
        store=store,
        tokens=tokens,
        hub=Hub(settings.limits.event_clients, settings.limits.event_queue),
        metrics=Metrics(),
        body_bytes=settings.limits.body_bytes,
        session_hours=settings.session_hours,
        secure=bool(settings.tls.certificate),
    )
    try:
        server.run(app.build(services, settings.retention.interval), services.hub, settings)
    finally:
        store.close()


@click.command()
@click.option("--config", "path", type=click.Path(path_type=Path), required=True, help="Configuration file (YAML).")
@click.option("--parent", type=int, help="Process id of the supervisor: end when it ends.")
def main(path: Path, parent: int | None) -> None:
    """Store attacks, serve the API and the console."""
    if parent is not None:
        process.die_with_parent(parent)
    try:
        settings = config.load(path)
        logging.configure("cloud", settings.log_level)
        serve(settings)
    except UserError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
