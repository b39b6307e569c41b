"""The exporter's decisions, with a destination that answers by a script: nothing lost, nothing sent for nothing."""

from __future__ import annotations

import asyncio
import threading

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from aggregation_py.export import exporter as module
from aggregation_py.export.cloud import Outcome, Verdict
from aggregation_py.export.exporter import Exporter, batches
from aggregation_py.export.metrics import Metrics
from common_py.contracts import Finding, Hit, Summary
from common_py.retry import Backoff
from common_py.stream import MemoryStream
from tests.support.exchanges import exchange

TAKEN = Outcome(Verdict.TAKEN)
REFUSED = Outcome(Verdict.REFUSED, reason="400")
LATER = Outcome(Verdict.LATER, reason="503")


class Destination:
    """Answers by ``script``, then takes everything; refuses any batch that holds one of ``poison``."""

    def __init__(self, script: list[Outcome] | None = None, poison: frozenset[str] = frozenset()) -> None:
        self.script = script or []
        self.poison = poison
        self.posts: list[list[str]] = []
        self.taken: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def post(self, hits: list[bytes]) -> Outcome:
        ids = [msgspec.json.decode(item, type=Hit).id for item in hits]
        self.posts.append(ids)
        self.gate.wait(20)
        outcome = self.script.pop(0) if self.script else REFUSED if self.poison.intersection(ids) else TAKEN
        if outcome.verdict is Verdict.TAKEN:
            self.taken += ids
        return outcome


class Bench:
    """An exporter with its stream and metrics."""

    def __init__(self, destination: Destination, limit: int = 1000, backoff: Backoff | None = None) -> None:
        self.registry = CollectorRegistry()
        self.now = 0.0
        self.hits: MemoryStream[Hit] = MemoryStream(limit)
        summaries: MemoryStream[Summary] = MemoryStream(10)
        self.exporter = Exporter(
            self.hits,
            destination,
            Metrics(self.hits, summaries, self.registry, lambda: self.now),
            batch_hits=4,
            batch_bytes=1 << 20,
            backoff=backoff or Backoff(0.0, 0.0),
            random=lambda: 1.0,
        )

    def value(self, name: str) -> float:
        return self.registry.get_sample_value(f"wallarm_{name}") or 0.0

    async def drain(self) -> None:
        running = asyncio.create_task(self.exporter.run())
        while len(self.hits):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running])


def hit(number: int) -> Hit:
    return Hit(str(number), "ptrav", "URI_value", [Finding("ptrav", [["uri"]], "x")], "a", "/", exchange(number))


def export(destination: Destination, count: int, backoff: Backoff | None = None) -> Bench:
    async def main() -> Bench:
        bench = Bench(destination, backoff=backoff)
        await bench.hits.add([hit(number) for number in range(count)])
        await bench.drain()
        return bench

    return asyncio.run(main())


def test_hits_go_in_order_in_bounded_batches() -> None:
    destination = Destination()
    bench = export(destination, 10)
    assert destination.taken == [str(number) for number in range(10)]
    assert [len(post) for post in destination.posts] == [4, 4, 2]
    assert bench.value("export_hits_total") == 10
    assert bench.value("export_delay") == 0


def test_failures_are_tried_again_until_the_cloud_takes_them() -> None:
    destination = Destination([LATER] * 5)
    bench = export(destination, 3)
    assert destination.posts == [["0", "1", "2"]] * 6
    assert bench.value("api_errors") == 5
    assert bench.value("export_hits_total") == 3


def test_one_bad_hit_does_not_take_its_neighbours_with_it() -> None:
    destination = Destination(poison=frozenset({"2"}))
    bench = export(destination, 4)
    assert destination.taken == ["0", "1", "3"]
    assert bench.value("export_rejected_total") == 1
    assert bench.value("export_hits_total") == 3
    assert len(destination.posts) <= 7


def test_pauses_grow_and_retry_after_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def record(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr(module.asyncio, "sleep", record)
    asked = [None, None, 9.0, None, 1e9, 0.0]
    script = [LATER if seconds is None else Outcome(Verdict.LATER, seconds) for seconds in asked]
    export(Destination(script), 1, Backoff(1.0, 100.0))
    assert [pause for pause in pauses if pause] == [1.0, 2.0, 9.0 + 4.0, 8.0, module.RETRY_AFTER_LIMIT + 16.0, 32.0]


def test_nothing_is_acknowledged_before_it_is_taken_and_drops_are_counted() -> None:
    destination = Destination()
    destination.gate.clear()

    async def main() -> Bench:
        bench = Bench(destination, limit=6)
        await bench.hits.add([hit(number) for number in range(4)])
        running = asyncio.create_task(bench.exporter.run())
        while not destination.posts:
            await asyncio.sleep(0.001)
        assert len(bench.hits) == 4
        await bench.hits.add([hit(number) for number in range(4, 9)])
        assert len(bench.hits) == 6
        destination.gate.set()
        while len(bench.hits):
            await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.wait([running])
        return bench

    bench = asyncio.run(main())
    assert destination.taken == ["0", "1", "2", "3", "7", "8"]
    assert bench.value("export_drops") == 3
    assert bench.value("export_drops_flag") == 1


def test_the_delay_grows_while_the_cloud_is_away() -> None:
    destination = Destination()
    destination.gate.clear()

    async def main() -> list[float]:
        bench = Bench(destination)
        await bench.hits.add([hit(0), hit(1)])
        running = asyncio.create_task(bench.exporter.run())
        while not destination.posts:
            await asyncio.sleep(0.001)
        delays = []
        for waited in (1.0, 400.0):
            bench.now = hit(0).exchange.start / 1e9 + waited
            delays.append(bench.value("export_delay"))
        destination.gate.set()
        while len(bench.hits):
            await asyncio.sleep(0.001)
        delays.append(bench.value("export_delay"))
        running.cancel()
        await asyncio.wait([running])
        return delays

    assert asyncio.run(main()) == pytest.approx([1.0, 400.0, 0.0])


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=30), st.integers(10, 80))
def test_batches_keep_order_and_size(hits: list[bytes], limit: int) -> None:
    cut = batches(hits, limit)
    assert [item for batch in cut for item in batch] == hits
    for batch in cut:
        assert len(batch) == 1 or len(b"[" + b",".join(batch) + b"]") <= limit
