"""Records on the wire: round trips, and neighbours of another version."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_py.contracts import (
    Endpoint,
    Exchange,
    Finding,
    Hit,
    Request,
    Response,
    Tls,
    Where,
    decode_exchanges,
    encode,
)
from tests.support.exchanges import exchange

PORTS = st.integers(0, 65535)
ENDPOINTS = st.builds(Endpoint, st.sampled_from(["192.0.2.1", "2001:db8::1", ""]), PORTS)
HEADERS = st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=20)), max_size=5)
SIZES = st.integers(0, 1 << 40)
REQUESTS = st.builds(
    Request,
    method=st.binary(min_size=1, max_size=8),
    target=st.binary(max_size=40),
    version=st.sampled_from(["1.0", "1.1", "2"]),
    headers=HEADERS,
    body=st.binary(max_size=40),
    body_size=SIZES,
    trailers=HEADERS,
)
EXCHANGES = st.builds(
    Exchange,
    id=st.text("0123456789abcdef", min_size=32, max_size=32),
    start=st.integers(0, 1 << 62),
    duration=st.integers(0, 1 << 62),
    client=ENDPOINTS,
    peer=ENDPOINTS,
    server=ENDPOINTS,
    request=REQUESTS,
    response=st.builds(Response, status=st.integers(0, 999), headers=HEADERS, body_size=SIZES),
    where=st.builds(Where, process=st.text(max_size=8), pid=st.integers(0, 1 << 22)),
    tls=st.none() | st.builds(Tls, st.sampled_from(["1.2", "1.3"]), st.just("TLS_AES_128_GCM_SHA256")),
    incomplete=st.lists(st.sampled_from(["request_gap", "response_missing"]), max_size=2),
)


@given(st.lists(EXCHANGES, max_size=4))
def test_a_batch_survives_msgpack(batch: list[Exchange]) -> None:
    assert decode_exchanges(encode(batch)) == batch


@given(EXCHANGES)
def test_a_hit_survives_json_with_every_byte(item: Exchange) -> None:
    hit = Hit("1", "sqli", "GET_id_value", [Finding("sqli", [["get", "id"], ["array", 0]], "x", 0.5)], "a", "/", item)
    assert msgspec.json.decode(msgspec.json.encode(hit), type=Hit) == hit


def test_fields_of_a_newer_neighbour_are_ignored() -> None:
    raw = msgspec.to_builtins(exchange(1), builtin_types=(bytes,)) | {"added_later": {"x": 1}}
    assert decode_exchanges(msgspec.msgpack.encode([raw])) == [exchange(1)]


@pytest.mark.parametrize(
    "wrong", [{"id": 1}, {"request": {"method": b"GET"}}, {"client": {"address": "a", "port": "b"}}]
)
def test_a_wrong_shape_is_refused(wrong: dict[str, object]) -> None:
    raw = msgspec.to_builtins(exchange(1), builtin_types=(bytes,)) | wrong
    with pytest.raises(msgspec.ValidationError):
        decode_exchanges(msgspec.msgpack.encode([raw]))


@given(st.binary(max_size=60))
def test_garbage_is_refused_as_such(data: bytes) -> None:
    try:
        decoded = decode_exchanges(data)
    except msgspec.DecodeError:
        return
    assert decoded == []
