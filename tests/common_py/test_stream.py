"""The streams: bounded, ordered, counted, and kept over a kill."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_py import ledger
from common_py.spool import Spool
from common_py.stream import CountedStream, KeptStream, MemoryStream


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


def test_those_that_leave_are_told() -> None:
    async def main() -> None:
        left: list[int] = []
        stream: MemoryStream[int] = MemoryStream(3, left.extend)
        await stream.add([1, 2, 3, 4])
        assert left == [1]
        await stream.read(2)
        await stream.acknowledge(1)
        assert left == [1, 2]
        assert stream.held() == [3, 4]

    asyncio.run(main())


class Life:
    """One node's stream over a spool and books in a directory; making the next one is a kill of this one."""

    def __init__(self, directory: Path, limit: int, spool_bytes: int = 1 << 20) -> None:
        self.spool: Spool[int] = Spool(directory / "spool", int, spool_bytes)
        before = ledger.read(directory / "ledger")
        self.found = self.spool.read()
        self.books = ledger.begin(directory / "ledger", before, hits_kept=len(self.found))
        self.stream: KeptStream[int] = KeptStream(limit, self.books.hits, self.spool)

    async def begin(self) -> CountedStream[int]:
        await self.stream.restore(self.found)
        return self.stream

    def kill(self) -> None:
        # Only what a kill would do, too: the lock on the file goes.
        self.spool.close()


def test_what_was_not_acknowledged_comes_again_after_a_kill(tmp_path: Path) -> None:
    async def main() -> None:
        life = Life(tmp_path, 10)
        stream = await life.begin()
        await stream.add([1, 2, 3])
        await stream.add([4])
        assert await stream.read(2) == [1, 2]
        await stream.acknowledge(1)
        life.kill()
        life = Life(tmp_path, 10)
        stream = await life.begin()
        assert len(stream) == life.books.hits.held == 3
        assert await stream.read(9) == [2, 3, 4]
        await stream.acknowledge(3)
        life.kill()
        life = Life(tmp_path, 10)
        assert (life.found, life.books.hits.killed) == ([], 0)
        life.kill()

    asyncio.run(main())


def test_what_is_pushed_out_is_counted_by_the_stream_and_does_not_come_again(tmp_path: Path) -> None:
    async def main() -> None:
        life = Life(tmp_path, 3)
        stream = await life.begin()
        await stream.add([1, 2])
        assert await stream.read(1) == [1]
        await stream.add([3, 4, 5])
        assert (stream.dropped, len(stream), life.books.hits.held) == (2, 3, 3)
        life.kill()
        # The next node may hold fewer.
        life = Life(tmp_path, 2)
        stream = await life.begin()
        assert (stream.dropped, life.books.hits.held, life.books.hits.killed) == (1, 2, 0)
        assert await stream.read(9) == [4, 5]
        life.kill()

    asyncio.run(main())


def test_what_was_in_memory_alone_is_counted_exactly(tmp_path: Path) -> None:
    async def main() -> None:
        life = Life(tmp_path, 100, spool_bytes=5)
        stream = await life.begin()
        await stream.add(list(range(8)))
        assert await stream.read(2) == [0, 1]
        await stream.acknowledge(2)
        life.kill()
        life = Life(tmp_path, 100)
        assert [entry for _, entry in life.found] == [2, 3, 4]
        assert (life.books.hits.killed, life.books.hits.held) == (3, 3)
        life.kill()

    asyncio.run(main())


def test_a_stream_without_a_spool_counts_all_and_a_clean_end_none(tmp_path: Path) -> None:
    async def main() -> None:
        books = ledger.begin(tmp_path / "ledger", ledger.nothing(), hits_kept=0)
        stream: KeptStream[int] = KeptStream(10, books.summaries)
        await stream.add([1, 2, 3])
        assert ledger.begin(tmp_path / "next", ledger.read(tmp_path / "ledger"), hits_kept=0).summaries.killed == 3
        await stream.read(1)
        assert stream.close() == 3
        assert books.summaries.held == 0

    asyncio.run(main())


@settings(deadline=None, max_examples=40)  # each example opens files
@given(STEPS, st.integers(0, 12))
def test_given_is_settled_kept_or_killed(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], spool_bytes: int
) -> None:
    directory = tmp_path_factory.mktemp("life")

    async def main() -> None:
        life = Life(directory, 5, spool_bytes)
        stream = await life.begin()
        added = acknowledged = 0
        for what, count in steps:
            if what == "add":
                await stream.add(list(range(count)))
                added += count
            elif what == "read" and count and life.stream._memory._waiting:
                await stream.read(count)
            elif what == "acknowledge":
                before = len(stream)
                await stream.acknowledge(count)
                acknowledged += before - len(stream)
            assert life.books.hits.held == len(stream)
        life.kill()
        after = Life(directory, 5)
        assert added == acknowledged + stream.dropped + len(after.found) + after.books.hits.killed
        after.kill()

    asyncio.run(main())
