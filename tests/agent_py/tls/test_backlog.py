from __future__ import annotations

from agent_py.chunk import KeyInfo, KeyProtocol
from agent_py.connection.connection import announced
from agent_py.counters import Counters
from agent_py.tls.backlog import EARLY_RECORDS, SEARCHES, Backlog
from agent_py.tls.finder import KeyFinder
from agent_py.tls.half import Half
from agent_py.tls.handshake import ClientHello, ServerHello
from agent_py.tls.keystore import PATIENCE, KeyStore
from agent_py.tls.negotiation import TLS13, Negotiation
from agent_py.tls.records import Event, Record
from tests.support.chunks import Wire


class Desk:
    """A backlog whose records can be dealt with once their first byte is in ``ready``."""

    def __init__(self, *, early_data: bool = False) -> None:
        self.store = KeyStore(Counters())
        self.halves = (Half(0), Half(1))
        self.ready = b""
        self.done: list[bytes] = []
        self.skipped: list[tuple[int, int, int]] = []
        negotiation = Negotiation()
        negotiation.client = ClientHello(b"c" * 32, b"", "", (), early_data)
        negotiation.server = ServerHello(b"s" * 32, b"", 0x1301, TLS13, "", encrypt_then_mac=False)
        negotiation.tls13 = True
        self.finder = KeyFinder(self.store, 5, 42)
        self.wide: list[bool] = []
        self.backlog = Backlog(
            announced(Wire(5).open()), self.halves, negotiation, self.finder, self.store, self.handle, self.skip
        )

    def handle(self, half: Half, event: Event) -> bool:
        assert isinstance(event, Record)
        self.wide.append(self.finder.wide)
        if event.fragment[:1] not in self.ready:
            return False
        if event.fragment == b"!":
            self.backlog.close()
        self.done.append(event.fragment)
        return True

    def skip(self, half: Half, records: int, time: int) -> None:
        self.skipped.append((half.direction, records, time))

    @property
    def waits(self) -> bool:
        assert (self.store._waiting != {}) == any(half.pending for half in self.halves)
        return self.store._waiting != {}

    def take(self, direction: int, *fragments: bytes, kind: int = 23, time: int = 0) -> None:
        for fragment in fragments:
            record = Record(bytes([kind]) + b"\3\3\0\1", fragment, len(fragment), time)
            half = self.halves[direction]
            if half.pending or not self.handle(half, record):
                self.backlog.hold(half, record)


def test_records_wait_in_their_order() -> None:
    desk = Desk()
    desk.ready = b"ac"
    desk.take(0, b"a", b"b1", b"c")
    assert desk.done == [b"a"]
    assert desk.waits
    desk.ready = b"abc"
    desk.backlog.retry(1)
    assert desk.done == [b"a", b"b1", b"c"]
    assert not desk.waits


def test_the_store_tells_of_keys_while_something_waits() -> None:
    desk = Desk()
    secret = KeyInfo(KeyProtocol.TLS13_TRAFFIC_SECRET, b"k" * 32, b"", b"")
    desk.take(1, b"a")
    desk.ready = b"a"
    desk.store.add(secret, 5, 42, 0)
    assert desk.done == [b"a"]
    assert not desk.waits


def test_early_data_that_never_opens_is_skipped_and_counted() -> None:
    desk = Desk(early_data=True)
    desk.ready = b"f"
    desk.take(0, b"e1", b"e2", b"f")
    assert desk.done == [b"f"]
    assert desk.skipped == [(0, 2, 0)]
    assert not desk.waits


def test_nothing_is_skipped_without_early_data_nor_of_the_server() -> None:
    for desk, direction in ((Desk(), 0), (Desk(early_data=True), 1)):
        desk.ready = b"f"
        desk.take(direction, b"e", b"f")
        assert (desk.done, desk.skipped) == ([], [])


def test_closed_in_the_middle_of_a_retry() -> None:
    desk = Desk()
    desk.take(0, b"!", b"a")
    desk.ready = b"!a"
    desk.backlog.retry(1)
    assert desk.done == [b"!"]
    assert not desk.waits


def test_what_is_in_the_clear_is_passed_with_early_data_and_not_counted() -> None:
    desk = Desk(early_data=True)
    desk.take(0, b"e")
    desk.take(0, b"hello", kind=22)
    desk.ready = b"f"
    desk.take(0, b"f", time=7)
    assert desk.done == [b"f"]
    assert desk.skipped == [(0, 1, 7)]


def test_early_data_is_tried_under_every_secret_before_it_is_skipped() -> None:
    desk = Desk(early_data=True)
    desk.take(0, b"e", b"f")
    assert True in desk.wide


def test_secrets_of_others_are_tried_by_who_waited_long() -> None:
    desk = Desk()
    desk.take(0, b"a", time=10)
    desk.take(0, b"b", time=9 + PATIENCE)
    assert True not in desk.wide
    desk.take(0, b"c", time=10 + PATIENCE)
    assert desk.wide.count(True) == 1
    assert not desk.finder.wide


def test_the_store_tells_once_that_the_wait_was_long() -> None:
    desk = Desk()
    desk.take(0, b"a", time=10)
    for now in (9 + PATIENCE, 10 + PATIENCE, 11 + PATIENCE):
        desk.store.expire(now)
    assert desk.wide.count(True) == 1


def test_the_last_chance_is_wide() -> None:
    desk = Desk()
    assert desk.backlog.clear(0)
    desk.take(0, b"a")
    assert not desk.backlog.clear(1)
    assert desk.wide == [False, True]
    desk.ready = b"a"
    assert desk.backlog.clear(2)
    assert not desk.waits


def test_of_both_directions_the_older_record_goes_first() -> None:
    desk = Desk()
    for direction, fragment, time in ((0, b"a", 1), (1, b"b", 2), (0, b"c", 3), (1, b"d", 4), (0, b"e", 4)):
        desk.take(direction, fragment, time=time)
    desk.ready = b"abcde"
    desk.backlog.retry(5)
    assert b"".join(desk.done) == b"abced"


def test_a_direction_goes_on_while_the_other_waits() -> None:
    desk = Desk()
    desk.take(0, b"a", b"b", time=1)
    desk.take(1, b"c", b"d", time=2)
    desk.ready = b"cd"
    desk.backlog.retry(3)
    assert desk.done == [b"c", b"d"]
    assert desk.waits


def test_the_search_behind_early_data_is_bounded() -> None:
    desk = Desk(early_data=True)
    desk.take(0, *[b"e"] * 500)
    assert len(desk.wide) <= SEARCHES + 3 * EARLY_RECORDS
    before = len(desk.wide)
    for now in range(100):
        desk.backlog.retry(now)
    assert len(desk.wide) - before <= 100
