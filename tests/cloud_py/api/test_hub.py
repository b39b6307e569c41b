from __future__ import annotations

import asyncio

from cloud_py.api.hub import Hub


def test_events_come_in_order_to_everyone():
    async def play() -> None:
        hub = Hub(2, 10)
        first, second = hub.join(), hub.join()
        assert first is not None
        assert second is not None
        for event in (b"1", b"2"):
            assert hub.publish(event) == 0
        for listener in (first, second):
            assert [await listener.next(1), await listener.next(1)] == [b"1", b"2"]
        assert await first.next(0.01) is None

    asyncio.run(play())


def test_a_slow_listener_is_dropped_and_the_others_go_on():
    async def play() -> None:
        hub = Hub(2, 2)
        slow, quick = hub.join(), hub.join()
        assert slow is not None
        assert quick is not None
        dropped = 0
        for number in range(5):
            dropped += hub.publish(b"%d" % number)
            assert await quick.next(1) == b"%d" % number
        assert dropped == 1
        assert slow.dropped.is_set()
        assert not quick.dropped.is_set()
        assert len(hub) == 1

    asyncio.run(play())


def test_the_number_of_listeners_is_bounded_and_a_leaver_makes_room():
    hub = Hub(1, 1)
    first = hub.join()
    assert first is not None
    assert hub.join() is None
    hub.leave(first)
    assert hub.join() is not None
    hub.close()
    assert hub.join() is None
