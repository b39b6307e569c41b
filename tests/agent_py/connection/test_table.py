from __future__ import annotations

from agent_py.connection.connection import Connection, announced, unannounced
from agent_py.connection.table import ConnectionTable
from agent_py.counters import Counter, Counters
from tests.support.chunks import Wire
from tests.support.layers import Events


def connection(number: int, time: int) -> tuple[Connection, Events]:
    made = announced(Wire(number, time - 1000).open())
    events = Events()
    made.layer = events
    return made, events


def table(counters: Counters, limit: int = 10) -> ConnectionTable:
    return ConnectionTable(limit, idle_timeout=1000, response_timeout=100, counters=counters)


def test_the_connection_idle_longest_is_evicted() -> None:
    counters = Counters()
    connections = table(counters, limit=2)
    (first, told_first), (second, told_second), (third, _) = (connection(number, 1000 + number) for number in (1, 2, 3))
    connections.add(first, 1)
    connections.add(second, 2)
    connections.touch(1)
    connections.add(third, 3)
    assert (told_first.told, told_second.told) == ([], [("close",)])
    assert connections.get(2) is None
    assert len(connections) == 2
    assert counters[Counter.LOST_EVICTED] == 1


def test_expiry_tells_once_and_forgets_later() -> None:
    connections = table(Counters())
    made, events = connection(1, 1000)
    connections.add(made, 1000)
    connections.expire(1099)
    assert events.told == []
    connections.expire(1100)
    connections.expire(1200)
    assert events.told == [("expire",)]
    connections.expire(2000)
    assert events.told == [("expire",), ("close",)]
    assert len(connections) == 0


def test_removing_what_is_not_there() -> None:
    assert table(Counters()).remove(7, 0) is False


def test_an_unannounced_connection_has_unknown_ends() -> None:
    made = unannounced(Wire(5).read(b"x"))
    assert (made.peer.address, made.late, made.where.mount_namespace) == ("", False, 4026531840)
