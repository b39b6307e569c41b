from __future__ import annotations

from agent_py.chunk import KeyInfo, KeyProtocol
from agent_py.counters import Counter, Counters
from agent_py.tls.backlog import Backlog
from agent_py.tls.half import Half
from agent_py.tls.handshake import ClientHello, ServerHello
from agent_py.tls.keystore import KeyStore
from agent_py.tls.negotiation import TLS13, Negotiation
from agent_py.tls.records import Event, Record


class Desk:
    """A backlog whose records can be dealt with once their first byte is in ``ready``."""

    def __init__(self, *, early_data: bool = False) -> None:
        self.counters = Counters()
        self.store = KeyStore(self.counters)
        self.halves = (Half(0), Half(1))
        self.ready = b""
        self.done: list[bytes] = []
        negotiation = Negotiation()
        negotiation.client = ClientHello(b"c" * 32, b"", "", (), early_data)
        negotiation.server = ServerHello(b"s" * 32, b"", 0x1301, TLS13, "", encrypt_then_mac=False)
        self.backlog = Backlog(5, 1, self.halves, negotiation, self.store, self.counters, self.handle)

    def handle(self, half: Half, event: Event) -> bool:
        assert isinstance(event, Record)
        if event.fragment[:1] not in self.ready:
            return False
        if event.fragment == b"!":
            self.backlog.close()
        self.done.append(event.fragment)
        return True

    def take(self, direction: int, *fragments: bytes, kind: int = 23) -> None:
        for fragment in fragments:
            record = Record(bytes([kind]) + b"\3\3\0\1", fragment, len(fragment), 0)
            self.backlog.take(self.halves[direction], record)


def test_records_wait_in_their_order() -> None:
    desk = Desk()
    desk.ready = b"ac"
    desk.take(0, b"a", b"b1", b"c")
    assert desk.done == [b"a"]
    assert desk.backlog
    desk.ready = b"abc"
    desk.backlog.retry()
    assert desk.done == [b"a", b"b1", b"c"]
    assert not desk.backlog


def test_the_store_tells_of_keys_while_something_waits() -> None:
    desk = Desk()
    secret = KeyInfo(KeyProtocol.TLS13_TRAFFIC_SECRET, b"k" * 32, b"", b"")
    desk.take(1, b"a")
    desk.ready = b"a"
    desk.store.add(secret, 5, 1, 0)
    assert desk.done == [b"a"]
    assert desk.store._waiting == {}


def test_early_data_that_never_opens_is_skipped_and_counted() -> None:
    desk = Desk(early_data=True)
    desk.ready = b"f"
    desk.take(0, b"e1", b"e2", b"f")
    assert desk.done == [b"f"]
    assert desk.counters[Counter.LOST_DECRYPT_FAILED] == 2
    assert not desk.backlog


def test_nothing_is_skipped_without_early_data_nor_of_the_server() -> None:
    for desk, direction in ((Desk(), 0), (Desk(early_data=True), 1)):
        desk.ready = b"f"
        desk.take(direction, b"e", b"f")
        assert desk.done == []


def test_closed_in_the_middle_of_a_retry() -> None:
    desk = Desk()
    desk.take(0, b"!", b"a")
    desk.ready = b"!a"
    desk.backlog.retry()
    assert desk.done == [b"!"]
    assert not desk.backlog
    assert desk.store._waiting == {}
