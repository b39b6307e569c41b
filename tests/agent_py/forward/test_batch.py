"""Batches: sizes, age, and the array that they are on the wire."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_py.forward.batch import HEADER_LIMIT, BatchLimits, array_header, frame

SIZES = st.lists(st.integers(1, 300), max_size=80)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 65_535, 65_536])
def test_a_frame_is_one_msgpack_array_of_its_items(count: int) -> None:
    items = [msgspec.msgpack.encode(number) for number in range(count)]
    assert msgspec.msgpack.decode(frame(items)) == list(range(count))
    assert len(array_header(count)) <= HEADER_LIMIT


@given(sizes=SIZES, exchanges=st.integers(1, 20), limit=st.integers(50, 1000))
def test_a_batch_is_the_longest_prefix_within_both_limits(sizes: list[int], exchanges: int, limit: int) -> None:
    taken = BatchLimits(exchanges, limit, 1.0).take(sizes)

    def fits(count: int) -> bool:
        return count <= exchanges and sum(sizes[:count]) + HEADER_LIMIT <= limit

    assert taken <= len(sizes)
    if sizes:
        assert taken >= 1
        assert taken == 1 or fits(taken)
        assert taken == len(sizes) or not fits(taken + 1)


@given(sizes=SIZES, limit=st.integers(50, 1000))
def test_taking_again_and_again_empties_the_queue_in_order(sizes: list[int], limit: int) -> None:
    limits, rest, seen = BatchLimits(7, limit, 1.0), list(sizes), []
    while rest:
        count = limits.take(rest)
        seen += rest[:count]
        rest = rest[count:]
    assert seen == sizes


def test_a_batch_is_due_when_full_or_old() -> None:
    limits = BatchLimits(exchanges=10, bytes=1000, age=0.05)
    assert limits.due(1, 10, since=5.0, now=5.0) == pytest.approx(0.05)
    assert limits.due(1, 10, since=5.0, now=5.03) == pytest.approx(0.02)
    assert limits.due(1, 10, since=5.0, now=5.06) == 0.0
    assert limits.due(10, 10, since=5.0, now=5.0) == 0.0
    assert limits.due(1, 1000, since=5.0, now=5.0) == 0.0
