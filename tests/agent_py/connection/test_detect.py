from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_py.connection.detect import HELD, LATE_READS, Detection, Verdict, protocol
from agent_py.connection.layer import IGNORE


@pytest.mark.parametrize(
    ("first", "verdict"),
    [
        (b"GET / HTTP/1.1\r\n", Verdict.HTTP1),
        (b"\r\n\nPROPFIND / HTTP/1.1\r\n", Verdict.HTTP1),
        (b"X-METHOD a", Verdict.HTTP1),
        (b"get /", Verdict.HTTP1),
        (b"G", Verdict.MORE),
        (b"\r\n", Verdict.MORE),
        (b"PRI", Verdict.MORE),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Verdict.OTHER),
        (b"\x16", Verdict.MORE),
        (b"\x16\x03\x01", Verdict.TLS),
        (b"\x16\x03\x7f", Verdict.TLS),
        (b"\x16\x02\x01", Verdict.OTHER),
        (b"\x17\x03\x03", Verdict.TLS_LATE),
        (b"HTTP/1.1 200 OK", Verdict.CLIENT),
        (b"SSH-2.0-x\r\n", Verdict.OTHER),
        (b"\x00\x00", Verdict.OTHER),
        (b"A" * 40, Verdict.MORE),
        (b"A" * 40 + b" /", Verdict.HTTP1),
        (b"_X /", Verdict.HTTP1),
        (b"A" * 40 + b"\x00", Verdict.OTHER),
        (b" /", Verdict.OTHER),
    ],
)
def test_protocol(first: bytes, verdict: Verdict) -> None:
    assert protocol(first) is verdict


@given(
    st.sampled_from(
        [b"GET /a HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"PRI * HTTP/2.0\r\n\r\n", b"HTTP/1.1 2"]
    ),
    st.data(),
)
def test_split_anywhere_gives_the_same_verdict(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(1, len(data) - 1))
    first, second = protocol(data[:at]), protocol(data)
    if second in (Verdict.HTTP1, Verdict.TLS):
        assert first in (second, Verdict.MORE)


def chosen(*reads: bytes, late: bool = False) -> list[Verdict]:
    verdicts: list[Verdict] = []

    def choose(verdict: Verdict, joined: bool) -> object:
        verdicts.append(verdict)
        return IGNORE

    detection = Detection(choose, late=late)  # type: ignore[arg-type]
    for read in reads:
        detection.data(0, read, 0)
    return verdicts


def test_it_chooses_once() -> None:
    assert chosen(b"G", b"E", b"T /", b"\x16\x03\x01") == [Verdict.HTTP1]


def test_undecided_bytes_are_bounded() -> None:
    assert chosen(*[b"\n"] * (HELD + 5)) == [Verdict.HTTP1]


def test_a_late_connection_is_asked_a_bounded_number_of_times() -> None:
    assert chosen(*[b"\x01"] * LATE_READS, late=True) == []
    assert chosen(*[b"\x01"] * (LATE_READS + 1), late=True) == [Verdict.OTHER]
