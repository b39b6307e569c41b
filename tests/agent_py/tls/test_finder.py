from __future__ import annotations

import pytest

from agent_py.chunk import KeyInfo, KeyProtocol
from agent_py.counters import Counters
from agent_py.tls.finder import GUESSES, NEAR, KeyFinder
from agent_py.tls.half import Half
from agent_py.tls.keystore import KeyStore
from agent_py.tls.protection import Tls13Opener
from agent_py.tls.records import Record
from agent_py.tls.schedule import tls13_keys
from agent_py.tls.suites import TLS13_SUITES
from tests.support.tls import sealed13

SUITE = TLS13_SUITES[0x1301]
RESPONSE = b"HTTP/1.1 200 OK\r\n\r\n\x17"


def store(*secrets: bytes) -> KeyStore:
    made = KeyStore(Counters())
    for secret in secrets:
        made.add(KeyInfo(KeyProtocol.TLS13_TRAFFIC_SECRET, secret, b"", b""), 5, 1, 0)
    return made


def record(secret: bytes, sequence: int, size: int | None = None) -> Record:
    whole = sealed13(SUITE, tls13_keys(secret, SUITE), sequence, RESPONSE)
    return Record(whole.header, whole.fragment[:size], whole.length, 0)


def test_the_tag_proves_one_of_the_candidates_which_leaves_the_store() -> None:
    secrets = store(b"a" * 32, b"b" * 32)
    half, finder = Half(1), KeyFinder(secrets, 5, 1)
    assert finder.prove(half, record(b"c" * 32, 0), SUITE) is None
    assert finder.prove(half, record(b"b" * 32, 0), SUITE) == (23, RESPONSE[:-1])
    assert (half.secret, half.sequence, len(secrets)) == (b"b" * 32, 1, 1)


def test_later_numbers_are_tried_only_after_unseen_records() -> None:
    half, finder = Half(1), KeyFinder(store(b"a" * 32), 5, 1)
    assert finder.prove(half, record(b"a" * 32, 9), SUITE) is None
    half.uncertain = True
    assert finder.prove(half, record(b"a" * 32, 9), SUITE) is not None
    assert (half.sequence, half.uncertain) == (10, False)


def test_a_cut_response_is_recognised_by_its_start() -> None:
    half, finder = Half(1), KeyFinder(store(b"a" * 32, b"b" * 32), 5, 1)
    assert not finder.recognise(half, record(b"c" * 32, 0, 12), SUITE)
    assert finder.recognise(half, record(b"b" * 32, 0, 12), SUITE)
    assert half.application


def test_secrets_hinted_at_others_are_tried_when_asked_to_be_wide() -> None:
    half, other = Half(1), record(b"b" * 32, 0)
    finder = KeyFinder(store(b"a" * 32, b"b" * 32), 6, 1)
    assert finder.prove(half, other, SUITE) is None
    finder.wide = True
    assert finder.prove(half, other, SUITE) is not None
    assert half.secret == b"b" * 32


def test_a_wrong_hint_makes_finders_of_its_process_wide() -> None:
    secrets = store(b"a" * 32, b"b" * 32, b"c" * 32)
    first, second = KeyFinder(secrets, 6, 1), KeyFinder(secrets, 7, 1)
    assert second.prove(Half(1), record(b"b" * 32, 0), SUITE) is None
    first.wide = True
    assert first.prove(Half(1), record(b"a" * 32, 0), SUITE) is not None
    assert second.prove(Half(1), record(b"b" * 32, 0), SUITE) is not None
    assert second.recognise(Half(1), record(b"c" * 32, 0, 12), SUITE)


def test_a_direction_that_has_its_key_takes_none_of_others() -> None:
    half = Half(1)
    half.application = True
    finder = KeyFinder(store(b"a" * 32), 6, 1)
    finder.wide = True
    assert finder.prove(half, record(b"a" * 32, 0), SUITE) is None


def test_a_record_is_tried_once_under_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    monkeypatch.setattr(Tls13Opener, "open", lambda _self, _record, sequence: opened.append(sequence))
    secrets, tried = store(b"a" * 32, b"b" * 32), record(b"c" * 32, 0)
    for conn in (5, 6):
        finder = KeyFinder(secrets, conn, 1)
        finder.wide = True
        for _ in range(3):
            assert finder.prove(Half(1), tried, SUITE) is None
        assert opened == [0, 0]
        opened.clear()


def test_guesses_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    monkeypatch.setattr(Tls13Opener, "open", lambda _self, _record, sequence: opened.append(sequence))
    finder = KeyFinder(store(*[bytes([number]) * 32 for number in range(100)]), 6, 1)
    finder.wide = True
    half = Half(1)
    half.uncertain = True
    assert finder.prove(half, record(b"z" * 32, 0), SUITE) is None
    assert opened == list(range(NEAR)) * 100
    for _ in range(4):
        assert finder.prove(half, record(b"z" * 32, 0), SUITE) is None
    assert len(opened) == GUESSES
