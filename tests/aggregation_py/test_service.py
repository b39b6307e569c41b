"""Aggregation as a whole: a cloud that goes away and comes back, and the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry

from aggregation_py.config import AggregationConfig, ApiConfig
from aggregation_py.service import serve
from common_py.contracts import Finding, Hit, Summary
from common_py.stream import MemoryStream
from processing_py.hits import summary
from tests.support.exchanges import exchange
from tests.support.scripted import Answer, Scripted


def settings(port: int, directory: Path, grace: float) -> AggregationConfig:
    token = directory / "token"
    token.write_text("node-token")
    api = ApiConfig(
        host="127.0.0.1", port=port, useSSL=False, caVerify=True, caFile="", tokenFile=str(token), tokenEnv="T"
    )
    return AggregationConfig(
        api=api,
        stream_hits=100,
        stream_summaries=100,
        export_batch_hits=5,
        export_batch_bytes=1 << 20,
        answer_seconds=10,
        grace_seconds=grace,
        log_level="error",
    )


def hit(number: int) -> Hit:
    return Hit(str(number), "ptrav", "URI_value", [Finding("ptrav", [["uri"]], "x")], "a", "/", exchange(number))


def run(config: AggregationConfig) -> CollectorRegistry:
    registry = CollectorRegistry()

    async def main() -> None:
        hits: MemoryStream[Hit] = MemoryStream(100)
        summaries: MemoryStream[Summary] = MemoryStream(100)
        stop = asyncio.Event()
        running = asyncio.create_task(serve(config, hits, summaries, stop, registry=registry))
        await hits.add([hit(number) for number in range(12)])
        await summaries.add([summary(exchange(number), []) for number in range(7)])
        stop.set()
        await running

    asyncio.run(main())
    return registry


def test_what_waits_at_the_end_is_still_sent(tmp_path: Path) -> None:
    with Scripted([Answer(503, {"Retry-After": "0"}), Answer(0)]) as cloud:
        registry = run(settings(cloud.port, tmp_path, grace=20))
    arrived = [item.id for body in cloud.taken() for item in msgspec.json.decode(body, type=list[Hit])]
    assert arrived == [str(number) for number in range(12)]
    assert registry.get_sample_value("wallarm_export_hits_total") == 12
    assert registry.get_sample_value("wallarm_api_errors") == 2
    assert registry.get_sample_value("wallarm_summaries_total") == 7


def test_what_cannot_be_sent_before_the_end_is_counted(tmp_path: Path) -> None:
    with Scripted() as cloud:
        port = cloud.port
    registry = run(settings(port, tmp_path, grace=0.1))
    assert registry.get_sample_value("wallarm_export_shutdown_total") == 12
    assert registry.get_sample_value("wallarm_export_hits_total") == 0
