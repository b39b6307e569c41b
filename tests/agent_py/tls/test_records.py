from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent_py.tls.records import HEADER, LONGEST, Event, Record, RecordReader, Unseen


def record(kind: int, fragment: bytes) -> bytes:
    return bytes([kind, 3, 3]) + len(fragment).to_bytes(2) + fragment


def shown(events: list[Event]) -> list[tuple[object, ...]]:
    return [
        (event.type, event.fragment, event.length, event.lost) if isinstance(event, Record) else ("unseen", event.lost)
        for event in events
    ]


def read(reader: RecordReader, *parts: bytes) -> list[tuple[object, ...]]:
    return shown([event for part in parts for event in reader.data(part, 0)])


records = st.lists(st.builds(record, st.sampled_from([20, 21, 22, 23]), st.binary(max_size=60)), min_size=1, max_size=6)


@given(records, st.data())
def test_split_anywhere(parts: list[bytes], draw: st.DataObject) -> None:
    data = b"".join(parts)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=10)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if a < b]
    expected = [(part[0], part[HEADER:], len(part) - HEADER, False) for part in parts]
    assert read(RecordReader(), data) == expected
    assert read(RecordReader(), *pieces) == expected
    assert read(RecordReader(), *[data[at : at + 1] for at in range(len(data))]) == expected


def test_a_record_cut_by_design_and_the_next_one() -> None:
    reader = RecordReader()
    assert read(reader, record(23, b"x" * 50)[:25]) == []
    assert shown(reader.unseen(30, -1, 0)) == [(23, b"x" * 20, 50, False)]
    assert read(reader, record(23, b"next")) == [(23, b"next", 4, False)]


def test_bytes_lost_inside_a_record_leave_the_rest_out() -> None:
    reader = RecordReader()
    data = record(23, b"abcdefghij")
    read(reader, data[:8])
    assert shown(reader.unseen(3, 1, 0)) == [(23, b"abc", 10, True)]
    assert read(reader, data[11:] + record(23, b"next")) == [(23, b"next", 4, False)]


def test_hidden_records_are_told_and_the_next_one_is_found() -> None:
    reader = RecordReader()
    assert shown(reader.unseen(100, 2, 0)) == [("unseen", 2)]
    assert read(reader, b"middle of a record", record(23, b"a")) == [(23, b"a", 1, False)]


def test_what_is_no_record_is_told_once() -> None:
    reader = RecordReader()
    assert read(reader, b"\x17\x03\x03\xff\xff" + b"x" * 10, b"junk!", b"more junk") == [("unseen", 0)]
    assert read(reader, record(21, b"ok")) == [(21, b"ok", 2, False)]


@given(st.lists(st.one_of(st.binary(min_size=1, max_size=40), st.integers(1, 70000)), max_size=20))
def test_any_input_is_bounded(moves: list[bytes | int]) -> None:
    reader = RecordReader()
    for move in moves:
        events = reader.data(move, 0) if isinstance(move, bytes) else reader.unseen(move, 1, 0)
        assert all(isinstance(event, (Record, Unseen)) for event in events)
        assert len(reader._held) <= HEADER + LONGEST
