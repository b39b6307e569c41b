from __future__ import annotations

from agent_py.tls.handshake import CLIENT_HELLO, FINISHED, RETRY_RANDOM, SERVER_HELLO
from agent_py.tls.negotiation import Hello, Negotiation
from common_py.contracts import Tls

CLIENT, SERVER = 0, 1
EARLY_DATA = b"\0\x2a\0\0"
TLS13_CHOSEN = b"\0\x2b\0\2\3\4"


def client(extensions: bytes = b"") -> bytes:
    return b"\3\3" + b"c" * 32 + b"\0" + b"\0\2\x13\1" + b"\1\0" + len(extensions).to_bytes(2) + extensions


def server(suite: int, extensions: bytes = b"", random: bytes = b"s" * 32) -> bytes:
    return b"\3\3" + random + b"\0" + suite.to_bytes(2) + b"\0" + len(extensions).to_bytes(2) + extensions


def test_the_server_chooses() -> None:
    negotiation = Negotiation()
    assert negotiation.shown("") is None
    assert negotiation.message(CLIENT, CLIENT_HELLO, client(EARLY_DATA)) is Hello.NOTHING
    assert (negotiation.early_data, negotiation.tls13) == (True, False)
    assert negotiation.message(SERVER, SERVER_HELLO, server(0x1301, TLS13_CHOSEN)) is Hello.CHOSEN
    assert negotiation.tls13
    assert negotiation.shown("h2") == Tls("1.3", "TLS_AES_128_GCM_SHA256", "", "h2")


def test_the_last_server_hello_holds() -> None:
    negotiation = Negotiation()
    negotiation.message(CLIENT, CLIENT_HELLO, client())
    for suite in (0x009C, 0x009D):
        assert negotiation.message(SERVER, SERVER_HELLO, server(suite)) is Hello.CHOSEN
    assert negotiation.shown("") == Tls("1.2", "TLS_RSA_WITH_AES_256_GCM_SHA384", "", "")


def test_a_retry_request_chooses_nothing() -> None:
    negotiation = Negotiation()
    negotiation.message(CLIENT, CLIENT_HELLO, client())
    hello = server(0x1301, TLS13_CHOSEN, RETRY_RANDOM)
    assert negotiation.message(SERVER, SERVER_HELLO, hello) is Hello.NOTHING
    assert negotiation.server is None


def test_what_cannot_be_followed() -> None:
    negotiation = Negotiation()
    assert negotiation.message(SERVER, SERVER_HELLO, server(0x009C)) is Hello.MALFORMED
    negotiation.message(CLIENT, CLIENT_HELLO, client())
    assert negotiation.message(SERVER, SERVER_HELLO, b"\3\3") is Hello.MALFORMED
    assert negotiation.message(SERVER, SERVER_HELLO, server(0xFFFF)) is Hello.UNSUPPORTED
    assert negotiation.message(SERVER, SERVER_HELLO, server(0x1301, b"\0\x2b\0\2\x7f\x1c")) is Hello.UNSUPPORTED


def test_only_hellos_from_their_right_side_count() -> None:
    negotiation = Negotiation()
    assert negotiation.message(SERVER, CLIENT_HELLO, client()) is Hello.NOTHING
    assert negotiation.message(CLIENT, SERVER_HELLO, server(0x009C)) is Hello.NOTHING
    assert negotiation.message(CLIENT, FINISHED, bytes(32)) is Hello.NOTHING
    assert (negotiation.client, negotiation.server) == (None, None)


def test_a_client_hello_that_cannot_be_read_leaves_the_one_before() -> None:
    negotiation = Negotiation()
    negotiation.message(CLIENT, CLIENT_HELLO, client())
    negotiation.message(CLIENT, CLIENT_HELLO, b"\3")
    assert negotiation.client is not None
