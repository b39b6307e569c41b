"""The queue's bounds and its books: put = sent + queue_full + rejected + shutdown, whatever happens."""

from __future__ import annotations

import threading

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent_py.counters import Counter, Counters
from agent_py.forward.batch import BatchLimits
from agent_py.forward.queue import Lease, Queue, QueueLimits

NOW = BatchLimits(exchanges=4, bytes=100, age=0.0)
ENDS = (Counter.EXCHANGES_SENT, Counter.LOST_QUEUE_FULL, Counter.LOST_REJECTED, Counter.LOST_SHUTDOWN)


def taken(queue: Queue) -> Lease:
    lease = queue.take(NOW)
    assert lease is not None
    return lease


def test_the_oldest_give_way_and_are_counted() -> None:
    counters = Counters()
    queue = Queue(QueueLimits(3, 1000), counters)
    queue.put([b"1", b"2"])
    queue.put([b"3", b"4", b"5"])
    assert taken(queue).items == [b"3", b"4", b"5"]
    assert counters[Counter.LOST_QUEUE_FULL] == 2


def test_bytes_are_a_bound_of_their_own() -> None:
    counters = Counters()
    queue = Queue(QueueLimits(100, 10), counters)
    queue.put([b"aaaa", b"bbbb", b"cccc"])
    assert (len(queue), queue.size, counters[Counter.LOST_QUEUE_FULL]) == (2, 8, 1)
    queue.put([b"x" * 11])
    assert (len(queue), queue.size, counters[Counter.LOST_QUEUE_FULL]) == (0, 0, 4)


def test_what_was_not_taken_is_the_oldest_again() -> None:
    counters = Counters()
    queue = Queue(QueueLimits(4, 1000), counters)
    queue.put([b"1", b"2"])
    lease = taken(queue)
    queue.put([b"3", b"4"])
    queue.restore(lease)
    queue.put([b"5"])
    assert taken(queue).items == [b"2", b"3", b"4", b"5"]
    assert counters[Counter.BATCH_RETRIES] == 1


def test_a_lease_on_the_wire_is_not_pushed_out() -> None:
    counters = Counters()
    queue = Queue(QueueLimits(2, 1000), counters)
    queue.put([b"1", b"2"])
    lease = taken(queue)
    queue.put([b"3"])
    assert counters[Counter.LOST_QUEUE_FULL] == 1
    queue.sent(lease)
    assert counters[Counter.EXCHANGES_SENT] == 2
    assert len(queue) == 0


def test_a_settlement_after_the_end_changes_nothing() -> None:
    counters = Counters()
    queue = Queue(QueueLimits(), counters)
    queue.put([b"1"])
    lease = taken(queue)
    queue.close()
    queue.sent(lease)
    queue.put([b"2"])
    assert counters[Counter.LOST_SHUTDOWN] == 2
    assert counters[Counter.EXCHANGES_SENT] == 0
    assert queue.take(NOW) is None


def test_a_partial_batch_waits_for_its_age() -> None:
    clock = [10.0]
    queue = Queue(QueueLimits(), Counters(), clock=lambda: clock[0])
    queue.put([b"1"])
    got: list[Lease | None] = []
    reader = threading.Thread(target=lambda: got.append(queue.take(BatchLimits(2, 1000, age=1e6))))
    reader.start()
    queue.put([b"2"])
    reader.join(10)
    assert not reader.is_alive()
    assert got[0] is not None
    assert got[0].items == [b"1", b"2"]


@pytest.mark.parametrize("end", [Queue.flush, Queue.close])
def test_an_idle_reader_is_released_at_the_end(end: object) -> None:
    queue = Queue(QueueLimits(), Counters())
    got: list[Lease | None] = []
    reader = threading.Thread(target=lambda: got.append(queue.take(NOW)))
    reader.start()
    assert callable(end)
    end(queue)
    reader.join(10)
    assert got == [None]


class Books(RuleBasedStateMachine):
    """Any order of operations keeps the bounds and the books."""

    def __init__(self) -> None:
        super().__init__()
        self.counters = Counters()
        self.queue = Queue(QueueLimits(6, 60), self.counters)
        self.put_count = 0
        self.leases: list[Lease] = []

    @rule(items=st.lists(st.binary(min_size=1, max_size=20), max_size=8))
    def put(self, items: list[bytes]) -> None:
        self.queue.put(items)
        self.put_count += len(items)

    @rule()
    def take(self) -> None:
        if len(self.queue) > sum(len(lease.items) for lease in self.leases):
            self.leases.append(taken(self.queue))

    @rule(index=st.integers(0, 5), how=st.sampled_from([Queue.sent, Queue.rejected, Queue.restore]))
    def settle(self, index: int, how: object) -> None:
        assert callable(how)
        if index < len(self.leases):
            lease = self.leases.pop(index)
            how(self.queue, lease)
            how(self.queue, lease)

    @invariant()
    def bounded(self) -> None:
        assert len(self.queue) <= 6
        assert self.queue.size <= 60

    @invariant()
    def balanced(self) -> None:
        assert self.put_count == len(self.queue) + sum(self.counters[end] for end in ENDS)

    def teardown(self) -> None:
        self.queue.close()
        assert self.put_count == sum(self.counters[end] for end in ENDS)


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=40, deadline=None)
