from __future__ import annotations

import pytest

from agent_py.tls.suites import TLS12_SUITES, TLS13_SUITES, Mode, _suite


def test_a_suite_follows_from_its_name() -> None:
    suite = TLS12_SUITES[0xC028]
    assert (suite.name, suite.mode, suite.key_size) == ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", Mode.CBC, 32)
    assert (suite.hash, suite.mac, suite.tag_size) == ("sha384", "sha384", 48)
    short = TLS12_SUITES[0xC0AE]
    assert (short.mode, short.tag_size, short.hash) == (Mode.CCM_8, 8, "sha256")
    chacha = TLS13_SUITES[0x1303]
    assert (chacha.mode, chacha.key_size, chacha.secret_size) == (Mode.CHACHA20_POLY1305, 32, 32)
    assert TLS12_SUITES[0x002F].hash == "sha256"
    assert TLS12_SUITES[0x002F].mac == "sha1"


def test_names_are_unique() -> None:
    names = [suite.name for suite in (*TLS12_SUITES.values(), *TLS13_SUITES.values())]
    assert len(set(names)) == len(names)


def test_an_unknown_construction_is_refused() -> None:
    with pytest.raises(ValueError, match="TLS_RSA_WITH_RC4_128_SHA"):
        _suite("TLS_RSA_WITH_RC4_128_SHA")
