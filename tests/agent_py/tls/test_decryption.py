from __future__ import annotations

from agent_py.chunk import KeyInfo, KeyProtocol
from agent_py.connection.layer import UNKNOWN
from agent_py.counters import Counters
from agent_py.tls.decryption import Content, Decryption, Outcome, Start
from agent_py.tls.finder import KeyFinder
from agent_py.tls.half import Half
from agent_py.tls.handshake import ClientHello, ServerHello
from agent_py.tls.keystore import KeyStore
from agent_py.tls.negotiation import TLS12, TLS13, Negotiation
from agent_py.tls.records import Record
from agent_py.tls.schedule import tls13_keys
from agent_py.tls.suites import TLS12_SUITES, TLS13_SUITES
from tests.support.tls import sealed13

SUITE = TLS13_SUITES[0x1301]
SECRET = b"a" * 32
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def made(*secrets: bytes, version: int = TLS13) -> Decryption:
    store = KeyStore(Counters())
    for secret in secrets:
        store.add(KeyInfo(KeyProtocol.TLS13_TRAFFIC_SECRET, secret, b"", b""), 5, 1, 0)
    negotiation = Negotiation()
    negotiation.client = ClientHello(b"c" * 32, b"", "", (), early_data=False)
    negotiation.server = ServerHello(b"s" * 32, b"", 0x1301, version, "", encrypt_then_mac=False)
    negotiation.tls13 = version == TLS13
    negotiation.suite = SUITE if version == TLS13 else TLS12_SUITES[0x009C]
    return Decryption(negotiation, KeyFinder(store, 5, 1))


def record(content: bytes, kind: int, sequence: int = 0, size: int | None = None) -> Record:
    whole = sealed13(SUITE, tls13_keys(SECRET, SUITE), sequence, content + bytes([kind]))
    return Record(whole.header, whole.fragment[:size], whole.length, 0)


def test_a_record_without_a_key_waits() -> None:
    assert made().open(Half(0), record(b"x", 23)) is Outcome.WAIT
    assert made(version=TLS12).open(Half(0), record(b"x", 23)) is Outcome.WAIT
    assert made().open(Half(1), record(RESPONSE, 23, size=20)) is Outcome.WAIT


def test_the_inner_type_tells_the_content() -> None:
    decryption, half = made(SECRET), Half(0)
    assert decryption.open(half, record(b"finished", 22)) == Content(22, b"finished")
    assert not half.application
    assert decryption.open(half, record(b"request", 23, 1)) == Content(23, b"request")
    assert half.application


def test_a_record_that_its_key_does_not_open_fails_and_the_next_one_is_searched_for() -> None:
    decryption, half = made(SECRET), Half(0)
    decryption.open(half, record(b"request", 23))
    assert decryption.open(half, Record(b"\x17\3\3\0\x20", bytes(32), 32, 0)) is Outcome.FAILED
    assert half.uncertain
    assert decryption.open(half, record(b"later", 23, 9)) == Content(23, b"later")


def test_the_start_of_a_cut_response() -> None:
    decryption, half = made(SECRET), Half(1)
    assert decryption.open(half, record(RESPONSE, 23, size=20)) == Start(RESPONSE[:20], len(RESPONSE) - 20)
    assert half.application
    half.uncertain = True
    assert decryption.open(half, record(b"body", 23, 1, size=3)) == Start(b"", UNKNOWN)


def test_a_cut_handshake_message_is_passed() -> None:
    decryption, half = made(SECRET), Half(1)
    decryption.open(half, record(b"extensions", 22))
    assert decryption.open(half, record(b"certificate" * 99, 22, 1, size=40)) is Outcome.PASSED
    assert decryption.open(half, record(b"finished", 22, 2)) == Content(22, b"finished")
