import base64
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_py.points import codecs
from processing_py.points.budget import Budget, Limits


def decoded(value):
    budget = Budget(len(value), Limits())
    return [
        result
        for decoder in codecs.DECODERS
        if decoder.trigger(value)
        for _, result in decoder.decode(value, budget)
        if result != value
    ]


PAYLOAD = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    "encoded",
    [
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "&#60;script&#x3e;alert(1)&#60;/script&#62;",
        r"\u003cscript\u003ealert(1)\x3c/script\76",
        base64.b64encode(PAYLOAD.encode()).decode(),
        base64.urlsafe_b64encode(PAYLOAD.encode()).decode().rstrip("="),
        PAYLOAD.encode().hex(),
        "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
        "＜script＞alert(1)＜/script＞",
        base64.b64encode(gzip.compress(PAYLOAD.encode(), mtime=0)).decode(),
        base64.b64encode(zlib.compress(PAYLOAD.encode())).decode(),
    ],
)
def test_each_encoding_is_undone(encoded):
    assert PAYLOAD in decoded(encoded)


def test_token_parts_are_decoded():
    part = base64.urlsafe_b64encode(b'{"user":"x\' or 1=1"}').decode().rstrip("=")
    assert '{"user":"x\' or 1=1"}' in decoded(f"Bearer eyJhbGciOiJub25lIn0.{part}.")


@pytest.mark.parametrize("value", ["hello world", "QWERTYUIOPASDFGH", "deadbeef", "50% off & more", "2024-01-31", ""])
def test_ordinary_values_are_left_alone(value):
    assert all(not text.isascii() or not text.isprintable() for text in decoded(value))


@given(st.binary(max_size=200))
def test_base64_round_trip(data):
    assert codecs.from_base64(base64.b64encode(data).decode()) == data
    assert codecs.from_base64(base64.urlsafe_b64encode(data).decode().rstrip("=")) == data


@given(st.text(max_size=200))
def test_no_decoder_fails(value):
    decoded(value)


def test_a_bomb_is_cut_and_recorded():
    bomb = zlib.compress(b"\0" * (16 << 20))
    budget = Budget(len(bomb), Limits(inflated=1 << 20))
    result = codecs.inflate(bomb, budget)
    assert result is not None
    assert len(result) <= (1 << 20) + (1 << 16)
    assert budget.bomb == "gzip"


def test_parts_that_are_small_alone_are_a_bomb_together():
    part = zlib.compress(b"\0" * (1 << 20))
    budget = Budget(len(part), Limits(inflated=5 << 19))
    results = [codecs.inflate(part, budget) for _ in range(100)]
    assert budget.bomb == "gzip"
    assert [result is None for result in results] == [False] * 3 + [True] * 97
    assert budget.inflated <= (5 << 19) + (1 << 16)
