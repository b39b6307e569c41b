from __future__ import annotations

from agent_py.tls.half import Half
from agent_py.tls.protection import Tls13Opener
from agent_py.tls.records import Record
from agent_py.tls.schedule import tls13_keys, tls13_next_secret
from agent_py.tls.suites import TLS13_SUITES

SUITE = TLS13_SUITES[0x1301]


def half(secret: bytearray) -> Half:
    made = Half(0)
    made.use(Tls13Opener(SUITE, tls13_keys(secret, SUITE)), secret, SUITE)
    return made


def test_an_update_wipes_the_old_secret_and_starts_anew() -> None:
    secret = bytearray(b"s" * 32)
    made = half(secret)
    made.sequence = 9
    made.update()
    assert not any(secret)
    assert made.secret is not None
    assert made.secret != secret
    assert made.sequence == 0


def test_pending_bytes_are_counted_up_and_down() -> None:
    made = Half(0)
    made.hold(Record(b"\x17\x03\x03\0\5", b"abcde", 5, 0))
    assert made.pending_bytes == 69
    made.unhold()
    assert (made.pending_bytes, len(made.pending)) == (0, 0)


def test_without_a_key_nothing_opens() -> None:
    record = Record(b"\x17\x03\x03\0\5", b"abcde", 5, 0)
    assert Half(0).open(record) is None
    assert Half(0).open_cut(record) is None


def test_which_secrets_it_derives() -> None:
    made = half(bytearray(b"s" * 32))
    coming = bytearray(tls13_next_secret(b"s" * 32, SUITE))
    assert made.derives(bytearray(b"s" * 32))
    assert made.derives(coming)
    assert not made.derives(bytearray(tls13_next_secret(coming, SUITE)))
    assert not Half(0).derives(coming)
