from __future__ import annotations

from agent_py.chunk import KeyInfo, KeyProtocol
from agent_py.tls.schedule import tls13_keys
from agent_py.tls.secret import Secret
from agent_py.tls.suites import TLS13_SUITES
from tests.support.tls import sealed13

AES, CHACHA = TLS13_SUITES[0x1301], TLS13_SUITES[0x1303]
VALUE = b"v" * 32


def made() -> Secret:
    return Secret(KeyInfo(KeyProtocol.TLS13_TRAFFIC_SECRET, VALUE, b"", b""), 5, 1, 0, 1)


def test_its_opener_is_made_once_for_a_suite() -> None:
    secret = made()
    assert secret.opener(AES) is secret.opener(AES)
    for suite in (CHACHA, AES):
        record = sealed13(suite, tls13_keys(VALUE, suite), 0, b"content\x17")
        assert secret.opener(suite).open(record, 0) == (23, b"content")


def test_nothing_of_it_is_left_after_a_wipe() -> None:
    secret = made()
    secret.opener(AES)
    secret.wipe()
    assert not any(secret.value)
    assert secret._opener is None
    assert "118" not in repr(secret)
