"""Frames: any cut of the bytes gives the same frames."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from processing_py.node.frames import FrameReader, frame


@given(payloads=st.lists(st.binary(max_size=40), max_size=12), cuts=st.lists(st.integers(0, 400), max_size=20))
def test_split_anywhere(payloads: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frame(payload) for payload in payloads)
    marks = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    reader = FrameReader()
    frames = [got for start, end in itertools.pairwise(marks) for got in reader.feed(stream[start:end])]
    assert frames == payloads


def test_byte_by_byte() -> None:
    reader = FrameReader()
    stream = frame(b"ab", b"c") + frame() + frame(b"x" * 300)
    frames = [got for byte in stream for got in reader.feed(bytes([byte]))]
    assert frames == [b"abc", b"", b"x" * 300]


def test_the_pieces_of_a_large_frame_are_joined_once() -> None:
    stream = frame(b"x" * (1 << 20))
    reader = FrameReader()
    reader.feed(stream[:4])
    for start in range(4, len(stream) - 1, 64):
        assert reader.feed(stream[start : min(start + 64, len(stream) - 1)]) == []
    assert len(reader._pieces) > 16_000
    assert reader.feed(stream[-1:]) == [b"x" * (1 << 20)]
