from prometheus_client import CollectorRegistry, generate_latest

from agent_py.counters import REGISTRY, Counter, Counters, Gauge
from agent_py.metrics import AgentCollector


def exposition(*blocks: Counters) -> str:
    registry = CollectorRegistry()
    registry.register(AgentCollector(lambda: blocks, lambda: {"opened": 7}, lambda: {"workers": 2}))
    return generate_latest(registry).decode()


def test_blocks_of_all_workers_are_summed() -> None:
    first, second = Counters(), Counters()
    first.add(Counter.EXCHANGES, 3)
    second.add(Counter.EXCHANGES, 4)
    second.add(Counter.LOST_GAP, 5)
    for block, held in ((first, 1000), (second, 30)):
        block.set(Gauge.CONNECTION_BYTES, 99)
        block.set(Gauge.CONNECTION_BYTES, held)
    text = exposition(first, second)
    assert "wallarm_oob_agent_exchanges_total 7.0" in text
    assert 'wallarm_oob_agent_losses_total{cause="gap",unit="exchanges"} 5.0' in text
    assert 'wallarm_oob_agent_kernel_total{counter="opened"} 7.0' in text
    assert "wallarm_oob_agent_workers 2.0" in text
    assert "wallarm_oob_agent_connection_bytes 1030.0" in text


def test_every_counter_is_defined_and_shown() -> None:
    assert set(REGISTRY) == set(Counter)
    block = Counters()
    for counter in Counter:
        block.add(counter, 1000 + counter)
    text = exposition(block)
    assert all(f" {1000 + counter}.0\n" in text for counter in Counter)
