"""The stream in memory: bounded, ordered, counted."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from common_py.stream import CountedStream, MemoryStream


def test_entries_come_in_order_and_stay_until_acknowledged() -> None:
    async def main() -> None:
        stream: CountedStream[int] = MemoryStream(10)
        await stream.add([1, 2, 3])
        assert await stream.read(2) == [1, 2]
        assert len(stream) == 3
        await stream.acknowledge(2)
        assert len(stream) == 1
        assert await stream.read(5) == [3]

    asyncio.run(main())


def test_the_oldest_unread_give_way() -> None:
    async def main() -> None:
        stream: MemoryStream[int] = MemoryStream(3)
        await stream.add([1, 2])
        assert await stream.read(1) == [1]
        await stream.add([3, 4, 5])
        assert stream.dropped == 2
        assert await stream.read(9) == [4, 5]

    asyncio.run(main())


def test_a_reader_waits_for_the_first_entry() -> None:
    async def main() -> None:
        stream: MemoryStream[str] = MemoryStream(3)
        reading = asyncio.create_task(stream.read(5))
        await asyncio.sleep(0)
        assert not reading.done()
        await stream.add([])
        await asyncio.sleep(0)
        assert not reading.done()
        await stream.add(["a"])
        assert await reading == ["a"]

    asyncio.run(main())


Step = tuple[str, int]
STEPS = st.lists(st.tuples(st.sampled_from(["add", "read", "acknowledge"]), st.integers(0, 6)), max_size=40)


@given(STEPS)
def test_added_is_read_dropped_or_held(steps: list[Step]) -> None:
    async def main() -> None:
        stream: MemoryStream[int] = MemoryStream(5)
        added = acknowledged = unacknowledged = 0
        read: list[int] = []
        for what, count in steps:
            if what == "add":
                await stream.add(list(range(added, added + count)))
                added += count
            elif what == "read" and len(stream) > unacknowledged and count:
                entries = await stream.read(count)
                read += entries
                unacknowledged += len(entries)
            elif what == "acknowledge":
                done = min(count, unacknowledged)
                await stream.acknowledge(count)
                acknowledged, unacknowledged = acknowledged + done, unacknowledged - done
            assert added == acknowledged + stream.dropped + len(stream)
            assert len(stream) <= 5
        assert read == sorted(set(read))

    asyncio.run(main())
