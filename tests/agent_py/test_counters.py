from __future__ import annotations

import re
from pathlib import Path

from agent_py import counters as module
from agent_py.counters import BLOCK_BYTES, GAUGES, REGISTRY, Counter, Counters, Gauge

PACKAGE = Path(module.__file__).parent


def test_every_counter_is_defined_once() -> None:
    assert set(REGISTRY) == set(Counter)
    names = [(definition.name, definition.labels) for definition in REGISTRY.values()]
    assert len(set(names)) == len(names)


def test_every_counter_is_counted_somewhere() -> None:
    sources = (path.read_text() for path in PACKAGE.rglob("*.py") if path.name != "counters.py")
    counted = set(re.findall(r"\bCounter\.([A-Z_]+)\b", "\n".join(sources)))
    assert {counter.name for counter in Counter} == counted


def test_gauges_have_a_help_and_a_slot_of_their_own() -> None:
    assert set(GAUGES) == set(Gauge)
    assert not set(Gauge) & {int(counter) for counter in Counter}
    counters = Counters()
    for gauge in Gauge:
        counters.set(gauge, 7)
    assert set(counters.snapshot().values()) == {0}
    assert [counters[gauge] for gauge in Gauge] == [7] * len(Gauge)


def test_losses_carry_their_cause() -> None:
    for counter, definition in REGISTRY.items():
        if counter.name.startswith("LOST_"):
            assert dict(definition.labels)["cause"] == counter.name[5:].lower()


def test_counters_live_in_the_given_block() -> None:
    block = bytearray(BLOCK_BYTES)
    counters = Counters(memoryview(block))
    counters.add(Counter.EXCHANGES)
    counters.add(Counter.KEYS, 1 << 40)
    again = Counters(memoryview(block)).snapshot()
    assert (again[Counter.EXCHANGES], again[Counter.KEYS], again[Counter.CHUNKS]) == (1, 1 << 40, 0)
