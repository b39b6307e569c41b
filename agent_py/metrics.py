"""Prometheus exposition of the agent: the workers' counter blocks and the kernel's counters, read when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from agent_py.counters import GAUGES as BLOCK_GAUGES
from agent_py.counters import REGISTRY, Counter, Counters

PREFIX = "wallarm_oob_agent_"


class AgentCollector(Collector):
    """Collects from ``blocks`` (one per worker), ``kernel`` (name → value) and ``gauges`` (name → value)."""

    def __init__(
        self,
        blocks: Callable[[], Sequence[Counters]],
        kernel: Callable[[], Mapping[str, int]],
        gauges: Callable[[], Mapping[str, float]],
    ) -> None:
        self._blocks = blocks
        self._kernel = kernel
        self._gauges = gauges

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """All metric families, the sum over the workers."""
        yield from self._from_blocks()
        blocks = self._blocks()
        for slot, text in BLOCK_GAUGES.items():
            yield GaugeMetricFamily(PREFIX + slot.name.lower(), text, value=sum(block[slot] for block in blocks))
        kernel = CounterMetricFamily(PREFIX + "kernel", "Counters of the BPF programs, by name.", labels=["counter"])
        for name, count in sorted(self._kernel().items()):
            kernel.add_metric([name], count)
        yield kernel
        for name, gauge in sorted(self._gauges().items()):
            yield GaugeMetricFamily(PREFIX + name, GAUGES[name], value=gauge)

    def _from_blocks(self) -> Iterable[CounterMetricFamily]:
        families: dict[str, CounterMetricFamily] = {}
        blocks = self._blocks()
        for counter in Counter:
            definition = REGISTRY[counter]
            family = families.get(definition.name)
            if family is None:
                labels = [name for name, _value in definition.labels]
                text = "What was lost, by cause." if labels else definition.help
                family = CounterMetricFamily(PREFIX + definition.name.removesuffix("_total"), text, labels=labels)
                families[definition.name] = family
            family.add_metric([value for _name, value in definition.labels], sum(block[counter] for block in blocks))
        yield from families.values()


GAUGES = {
    "workers": "Worker processes that run.",
    "worker_restarts": "Workers that were started again since the agent started.",
    "mirrored_processes": "Processes that are mirrored now.",
    "tls_libraries": "libcrypto files with a key probe.",
}
"""Every gauge and its help."""
