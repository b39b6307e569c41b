"""The processing node put together: HTTPS intake, worker pool, health endpoints, in the running event loop.

``serve`` takes the streams as arguments, so host mode puts aggregation behind them in the same process and a cluster a
stream server; the node does not know.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence

from prometheus_client import REGISTRY, CollectorRegistry
from starlette.applications import Starlette

from common_py import health, logging
from common_py.ledger import Ledger
from common_py.server import bound, listen, write_address
from common_py.server import serve as serve_application
from processing_py.config import ProcessingConfig
from processing_py.node.intake import HitSink, Intake, SummarySink
from processing_py.node.metrics import Metrics
from processing_py.node.pool import Pool

WORKER = (sys.executable, "-m", "processing_py.node.worker")


async def serve(
    config: ProcessingConfig,
    hits: HitSink,
    summaries: SummarySink,
    stop: asyncio.Event,
    *,
    worker: Sequence[str] = WORKER,
    registry: CollectorRegistry = REGISTRY,
    checks: health.Checks = dict,
    ledger: Ledger | None = None,
) -> None:
    """Run the node until ``stop`` is set, then finish what is in flight within the configured grace.

    ``checks`` adds reasons for not being ready to the node's own. Without a ``ledger`` the books end with the process.
    Raises UserError for unusable files or addresses.
    """
    tls, token = config.tls.context(), config.agent_token()
    metrics, books = Metrics(registry), ledger or Ledger()
    metrics.inherited(books)
    pool = Pool(
        worker,
        ["--node", config.node, "--log-level", config.log_level],
        metrics,
        processes=config.processes,
        in_flight=config.batches_in_flight,
        seconds=config.batch_seconds_limit,
    )

    def problems() -> dict[str, str]:
        return checks() | ({} if pool.pids else {"workers": "no detection process is ready"})

    intake = Intake(pool, hits, summaries, metrics, books.exchanges, limit=config.batch_bytes_limit, token=token)
    with (
        contextlib.closing(listen(config.health_probe_host, config.health_probe_port)) as probes,
        contextlib.closing(listen(config.listen_host, config.listen_port)) as listener,
    ):
        write_address(config.health_address_file, bound(probes))
        probing = Starlette(routes=list(health.routes(problems, registry)))
        application = intake.application(problems)
        ended = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve_application(probing, probes, ended, grace=1))
            running = [
                tasks.create_task(pool.run()),
                tasks.create_task(announce(pool, config, bound(listener))),
            ]
            await serve_application(application, listener, stop, tls=tls, grace=config.grace_seconds)
            for task in running:
                task.cancel()
            ended.set()


async def announce(pool: Pool, config: ProcessingConfig, address: str) -> None:
    """Write the address file once every worker is ready."""
    await pool.wait_ready()
    write_address(config.address_file, address)
    logging.get("node").info("ready", address=address, workers=config.processes)
