"""Jobs and replies."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_py.node.messages import Reply, decode_reply, encode_reply, exchanges_in, job, read_job


@given(batch=st.binary(max_size=60), skip=st.lists(st.integers(0, 1 << 31), max_size=10))
def test_a_job_is_read_as_it_was_written(batch: bytes, skip: list[int]) -> None:
    read, left_out = read_job(b"".join(job(batch, skip)))
    assert bytes(read) == batch
    assert left_out == frozenset(skip)


def test_a_reply_survives_the_pipe() -> None:
    reply = Reply(taken=3, lost=1, overlimits=1, seconds=0.25, error="")
    assert decode_reply(encode_reply(reply)) == reply


@pytest.mark.parametrize("count", [0, 15, 16, 65_535, 65_536])
def test_the_header_tells_how_many_exchanges_there_are(count: int) -> None:
    assert exchanges_in(msgspec.msgpack.encode([None] * count)) == count


@pytest.mark.parametrize("batch", [b"", b"\xc0", b"\x81", b"\xdc"])
def test_what_is_no_array_has_none(batch: bytes) -> None:
    assert exchanges_in(batch) == 0
