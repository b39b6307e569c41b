"""Aggregation put together, in the running event loop: the export of hits and the reading of summaries."""

from __future__ import annotations

import asyncio

from prometheus_client import REGISTRY, CollectorRegistry

from aggregation_py.config import AggregationConfig
from aggregation_py.export.cloud import Cloud, context
from aggregation_py.export.exporter import Exporter
from aggregation_py.export.metrics import Metrics
from common_py import logging
from common_py.contracts import Hit, Summary
from common_py.stream import CountedStream

SUMMARIES = 1000
LOOK_SECONDS = 0.05


async def serve(
    config: AggregationConfig,
    hits: CountedStream[Hit],
    summaries: CountedStream[Summary],
    stop: asyncio.Event,
    *,
    registry: CollectorRegistry = REGISTRY,
) -> None:
    """Export until ``stop`` is set, then what still waits within the configured grace. Raises UserError.

    Set ``stop`` when nothing writes to the streams any more: what comes later is not sent.
    """
    api = config.api
    tls = context(api.caFile, api.caVerify) if api.useSSL else None
    cloud = Cloud(api.url, api.token(), tls, config.answer_seconds)
    if not api.caVerify:
        logging.get("export").warning("the cloud's certificate is not verified", setting="api.caVerify")
    metrics = Metrics(hits, summaries, registry)
    exporter = Exporter(
        hits, cloud, metrics, batch_hits=config.export_batch_hits, batch_bytes=config.export_batch_bytes
    )
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(exporter.run()), tasks.create_task(read_summaries(summaries, metrics))]
        await stop.wait()
        await emptied(hits, config.grace_seconds)
        for task in running:
            task.cancel()
    metrics.shutdown.inc(len(hits))
    cloud.close()


async def read_summaries(summaries: CountedStream[Summary], metrics: Metrics) -> None:
    """Keep the stream of summaries moving; what learns from them reads here."""
    while True:
        read = await summaries.read(SUMMARIES)
        metrics.summaries.inc(len(read))
        await summaries.acknowledge(len(read))


async def emptied(stream: CountedStream[Hit], seconds: float) -> None:
    """Wait until the stream is empty, at most ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            while len(stream):
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        logging.get("export").error("hits were still waiting for the cloud at the end", hits=len(stream))
