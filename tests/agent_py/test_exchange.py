from __future__ import annotations

import pytest

from agent_py.connection.connection import announced
from agent_py.counters import Counter, Counters
from agent_py.exchange import Assembler
from agent_py.http.messages import RequestMessage, ResponseMessage
from common_py.contracts import Exchange, Request, Response, Tls, decode_exchanges, encode
from tests.support.chunks import OFFSET, PREFIX, Wire


def assembled(answer: ResponseMessage | None, **state: object) -> tuple[Exchange, Counters]:
    counters = Counters()
    assembler = Assembler(PREFIX, OFFSET, counters)
    connection = announced(Wire().open())
    for name, value in state.items():
        setattr(connection, name, value)
    assembler.emit(connection, RequestMessage(Request(b"GET", b"/"), 500, 10), answer)
    return assembler.out[0], counters


def test_times_and_ids() -> None:
    exchange, _ = assembled(ResponseMessage(Response(200), 750))
    assert (exchange.start, exchange.duration) == (OFFSET + 500, 250)
    assert exchange.id == PREFIX + f"{1:016x}"
    assert len(exchange.id) == 32


def test_a_clock_that_went_back_gives_no_negative_duration() -> None:
    assert assembled(ResponseMessage(Response(200), 100))[0].duration == 0


def test_what_is_missing_has_names() -> None:
    missing, counters = assembled(None)
    assert (missing.response.status, missing.incomplete) == (0, ["response_missing"])
    assert counters[Counter.LOST_RESPONSE_MISSING] == 1
    assert assembled(ResponseMessage(Response(200), 1, cut=True))[0].incomplete == ["response_head_cut"]
    assert assembled(ResponseMessage(Response(200), 1), unauthenticated=True)[0].incomplete == ["unauthenticated"]


def test_tls_is_counted_and_shown() -> None:
    tls = Tls("1.3", "TLS_AES_128_GCM_SHA256")
    exchange, counters = assembled(ResponseMessage(Response(200), 1), tls=tls)
    assert exchange.tls == tls
    assert (counters[Counter.EXCHANGES], counters[Counter.EXCHANGES_TLS]) == (1, 1)


def test_it_survives_the_wire() -> None:
    exchange, _ = assembled(ResponseMessage(Response(200, [(b"A", b"\xff")]), 1))
    assert decode_exchanges(encode([exchange])) == [exchange]


@pytest.mark.parametrize("prefix", ["", "0" * 15, "G" * 16, "A" * 16])
def test_the_prefix_is_checked(prefix: str) -> None:
    with pytest.raises(ValueError, match="16 lower-case"):
        Assembler(prefix, 0, Counters())
