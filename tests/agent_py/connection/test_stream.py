from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent_py.chunk import Chunk, Flag, Kind
from agent_py.connection.stream import Stream
from tests.support.chunks import Wire
from tests.support.layers import Events


def told(*chunks: Chunk, direction: int = 0) -> list[tuple[object, ...]]:
    events, stream = Events(), Stream(direction)
    for chunk in chunks:
        stream.receive(chunk, events)
    return events.told


def test_a_cut_chunk_is_data_and_a_hole() -> None:
    wire = Wire()
    assert told(wire.write(b"head", cut=100), wire.write(b"x"), direction=1) == [
        ("data", 1, b"head"), ("hole", 1, 100), ("data", 1, b"x"),
    ]  # fmt: skip


def test_unreadable_bytes_are_a_gap() -> None:
    assert told(Wire().fault(0, b"", 10)) == [("gap", 0, 10, 0)]


def test_lost_chunks_are_a_gap_with_their_number() -> None:
    wire = Wire()
    first = wire.read(b"ab")
    wire.lose(0, 5)
    wire.lose(0, 6)
    assert told(first, wire.read(b"c")) == [("data", 0, b"ab"), ("gap", 0, 11, 2), ("data", 0, b"c")]


def test_bytes_told_twice_are_dropped() -> None:
    chunk = Wire().read(b"abcdef")
    again = Chunk(
        *[*[getattr(chunk, name) for name in Chunk.__struct_fields__[:2]], 4, 4, 4], 0, 0, 0, 0, 0, 2, 0, 0, b"efgh"
    )
    assert told(chunk, again, chunk) == [("data", 0, b"abcdef"), ("data", 0, b"gh")]


def test_more_captured_than_moved_is_cut_to_what_moved() -> None:
    chunk = Chunk(1, 0, 0, 2, 4, 0, 0, 0, 0, 0, Kind.DATA, 0, 0, b"abcd")
    assert told(chunk) == [("data", 0, b"ab")]


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 60), st.integers(0, 60), st.sampled_from([0, Flag.CUT]))))
def test_bytes_told_add_up_to_the_offset(moves: list[tuple[int, int, int, int]]) -> None:
    events, stream = Events(), Stream(0)
    for offset, size, captured, flags in moves:
        payload = bytes(captured)
        stream.receive(Chunk(1, 0, offset, size, captured, 0, 0, 0, 0, 0, Kind.DATA, 0, flags, payload), events)
    total = sum(len(event[2]) if event[0] == "data" else event[2] for event in events.told)  # type: ignore[arg-type]
    assert total == stream.offset
