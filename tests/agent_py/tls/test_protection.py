from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_py.tls.protection import Tls13Opener, tls12_opener
from agent_py.tls.records import Record
from agent_py.tls.schedule import RecordKeys
from agent_py.tls.suites import TLS12_SUITES, TLS13_SUITES, Mode
from tests.support.tls import aead, sealed13

PLAIN = b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n" + bytes(100)


@pytest.mark.parametrize("code", TLS13_SUITES)
def test_tls13_whole_padded_and_cut(code: int) -> None:
    suite = TLS13_SUITES[code]
    keys = RecordKeys(bytes(range(suite.key_size)), b"i" * 12)
    opener = Tls13Opener(suite, keys)
    whole = sealed13(suite, keys, 7, PLAIN + b"\x17")
    assert opener.open(whole, 7) == (23, PLAIN)
    assert opener.open(whole, 8) is None
    assert opener.open(sealed13(suite, keys, 0, b"pad\x16\0\0\0"), 0) == (22, b"pad")
    assert opener.open(sealed13(suite, keys, 0, b"\0\0\0"), 0) is None
    for size in (0, 1, 20, len(PLAIN), len(whole.fragment) - 1):
        cut = Record(whole.header, whole.fragment[:size], whole.length, 0)
        assert opener.open_cut(cut, 7) == PLAIN[:size]
    assert opener.plain_size(whole) == len(PLAIN)


@pytest.mark.parametrize("code", [code for code, suite in TLS12_SUITES.items() if suite.mode is not Mode.CBC])
def test_tls12_whole_and_cut(code: int) -> None:
    suite = TLS12_SUITES[code]
    chacha = suite.mode is Mode.CHACHA20_POLY1305
    keys = RecordKeys(bytes(range(suite.key_size)), b"i" * (12 if chacha else 4))
    explicit = b"" if chacha else b"explicit"
    nonce = (int.from_bytes(keys.iv) ^ 5).to_bytes(12) if chacha else keys.iv + explicit
    associated = (5).to_bytes(8) + b"\x17\x03\x03" + len(PLAIN).to_bytes(2)
    fragment = explicit + aead(suite, keys.key).encrypt(nonce, PLAIN, associated)
    header = b"\x17\x03\x03" + len(fragment).to_bytes(2)
    opener = tls12_opener(suite, keys, encrypt_then_mac=False)
    assert opener.open(Record(header, fragment, len(fragment), 0), 5) == (23, PLAIN)
    assert opener.open(Record(header, fragment, len(fragment), 0), 6) is None
    cut = Record(header, fragment[: len(explicit) + 20], len(fragment), 0)
    assert opener.open_cut(cut, 5) == PLAIN[:20]
    assert opener.plain_size(cut) == len(PLAIN)


@pytest.mark.parametrize("code", [0x1301, 0x1303, 0xC02F, 0xCCA8, 0xC013, 0xC028, 0xC0AE])
@given(data=st.binary(max_size=100), extra=st.integers(0, 50), first=st.booleans())
def test_anything_opens_or_does_not(code: int, data: bytes, extra: int, first: bool) -> None:
    suite = TLS13_SUITES.get(code) or TLS12_SUITES[code]
    iv = 12 if code < 0x2000 or suite.mode is Mode.CHACHA20_POLY1305 else 4
    keys = RecordKeys(bytes(suite.key_size), bytes(iv), bytes(suite.tag_size))
    opener = Tls13Opener(suite, keys) if code < 0x2000 else tls12_opener(suite, keys, encrypt_then_mac=first)
    length = len(data) + extra
    record = Record(b"\x17\x03\x03" + length.to_bytes(2), data, length, 0)
    assert len(opener.open_cut(record, 0)) <= len(data)
    if not extra:
        assert opener.open(record, 0) is None
