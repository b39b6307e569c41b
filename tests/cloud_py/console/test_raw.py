from __future__ import annotations

import unicodedata
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_py.console import raw
from common_py.contracts import Request


def marked(data: bytes, payload: str) -> list[bytes]:
    return [data[start:end] for start, end in raw.locate(raw.layers(data), payload)]


@pytest.mark.parametrize(
    ("data", "payload", "found"),
    [
        (b"GET /etc/passwd HTTP/1.1", "/etc/passwd", [b"/etc/passwd"]),
        (b"a=%3Cscript%3e", "<script>", [b"%3Cscript%3e"]),
        (b"a=1+UNION%20SELECT", "1 UNION SELECT", [b"1+UNION%20SELECT"]),
        (b"a=%253Cb%253E", "<b>", [b"%253Cb%253E"]),
        (b"x y x", "x", [b"x", b"x"]),
        (b"literal %41 and A", "A", [b"A"]),
        (b"a\x00b", r"a\x00b", [b"a\x00b"]),
        (b"a%0d%0ab", r"a\r\nb", [b"a%0d%0ab"]),
        ("é".encode(), "é", ["é".encode()]),
        (rb"a\nb", r"a\nb", [rb"a\nb"]),
        (b"nothing here", "payload", []),
        (b"", "x", []),
        (b"x", "", []),
        (b"%4", "%4", [b"%4"]),
    ],
)
def test_payloads_are_found_as_they_were_sent(data: bytes, payload: str, found: list[bytes]):
    assert marked(data, payload) == found


@given(st.text("abc <>'\"+/é\u202e", min_size=1, max_size=12), st.sampled_from([quote, quote_plus]), st.integers(0, 3))
def test_any_encoded_payload_is_found(payload: str, encode, rounds: int):
    text = payload
    for _ in range(rounds):
        text = encode(text, safe="")
    data = b"head~" + text.encode() + b"~tail"
    assert text.encode() in marked(data, payload)


@given(st.binary(max_size=200), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=4))
def test_every_byte_is_shown_once_and_nothing_unprintable(data: bytes, spans: list[tuple[int, int]]):
    spans = [(min(span), max(span)) for span in spans]
    text = "".join(piece.text for piece in raw.pieces(data, spans))
    for character in text:
        assert character == "\n" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    if data.isascii() and data.decode().isprintable():
        assert text == data.decode()


@pytest.mark.parametrize(
    ("byte", "shown"),
    [
        (b"\0", "\u2400"),
        (b"\r", "\u240d"),
        (b"\x1b", "\u241b"),
        (b"\x7f", "\u2421"),
        (b"\xff", r"\xff"),
        ("\u202e".encode(), r"\u{202e}"),
        ("\u200b".encode(), r"\u{200b}"),
        ("\u2028".encode(), r"\u{2028}"),
        ("\U000e0041".encode(), r"\u{e0041}"),
    ],
)
def test_what_cannot_be_seen_is_made_visible(byte: bytes, shown: str):
    assert raw.pieces(b"a" + byte + b"b") == [raw.Piece("a"), raw.Piece(shown, control=True), raw.Piece("b")]


def test_a_request_is_written_as_http_and_cut():
    request = Request(b"POST", b"/a?b", headers=[(b"Host", b"x"), (b"A", b"")], body=b"body")
    assert raw.serialise(request) == b"POST /a?b HTTP/1.1\nHost: x\nA: \n\nbody"
    request.trailers = [(b"X-Sum", b"1"), (b"B", b"2")]
    assert raw.serialise(request) == b"POST /a?b HTTP/1.1\nHost: x\nA: \n\nbody\n\nX-Sum: 1\nB: 2"
    assert sum(len(piece.text) for piece in raw.pieces(b"a" * (raw.SHOWN + 5))) == raw.SHOWN


def test_hostile_sizes_cost_little():
    data = b"%25" * (raw.SHOWN // 3)
    layers = raw.layers(data)
    assert len(layers) <= raw.ROUNDS + 1
    for length in (1, 100, 1000):
        assert raw.locate(layers, "%" * length + "b") == []
