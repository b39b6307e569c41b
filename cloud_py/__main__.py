"""``python -m cloud_py --config FILE``: the cloud as a program."""

from __future__ import annotations

import sys
from pathlib import Path

from cloud_py import app, config, server
from cloud_py.api.hub import Hub
from cloud_py.metrics import Metrics
from cloud_py.services import Services
from cloud_py.store.database import connect
from cloud_py.store.store import Store
from common_py import logging, process, program
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


def main() -> None:
    """Run the cloud."""
    parser = program.options("Cloud: stores attacks, serves the API and the console.")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="see cloud-config.schema.json")
    options = parser.parse_args()
    if options.parent is not None:
        process.die_with_parent(options.parent)
    try:
        settings = config.load(options.config)
        logging.configure("cloud", settings.log_level)
        serve(settings)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
