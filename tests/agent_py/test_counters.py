from __future__ import annotations

from agent_py.counters import BLOCK_BYTES, REGISTRY, Counter, Counters


def test_every_counter_is_defined_once() -> None:
    assert set(REGISTRY) == set(Counter)
    names = [(definition.name, definition.labels) for definition in REGISTRY.values()]
    assert len(set(names)) == len(names)


def test_losses_carry_their_cause() -> None:
    for counter, definition in REGISTRY.items():
        if counter.name.startswith("LOST_"):
            assert dict(definition.labels)["cause"] == counter.name[5:].lower()


def test_counters_live_in_the_given_block() -> None:
    block = bytearray(BLOCK_BYTES)
    counters = Counters(memoryview(block))
    counters.add(Counter.EXCHANGES)
    counters.add(Counter.CHUNK_BYTES, 1 << 40)
    again = Counters(memoryview(block)).snapshot()
    assert (again[Counter.EXCHANGES], again[Counter.CHUNK_BYTES], again[Counter.CHUNKS]) == (1, 1 << 40, 0)
