"""Sums over CPUs."""

from __future__ import annotations

from struct import pack

import pytest

from agent_py.loader.counters import NAMES, total


def test_sums_the_blocks_of_all_cpus() -> None:
    one = pack(f"<{len(NAMES)}Q", *range(len(NAMES)))
    two = pack(f"<{len(NAMES)}Q", *[1000] * len(NAMES))
    summed = total(one + two)
    assert list(summed) == list(NAMES)
    assert list(summed.values()) == [1000 + slot for slot in range(len(NAMES))]


def test_names_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_a_part_of_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="no whole number"):
        total(bytes(8 * len(NAMES) - 1))
