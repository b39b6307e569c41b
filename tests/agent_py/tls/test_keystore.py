from __future__ import annotations

from agent_py.chunk import KeyInfo, KeyProtocol
from agent_py.counters import Counter, Counters
from agent_py.tls.keystore import NEIGHBOURS, PER_CONNECTION, KeyStore


class Session:
    def __init__(self, number: int, tgid: int = 1) -> None:
        self.id = number
        self.tgid = tgid
        self.told = 0

    def keys_arrived(self, time: int) -> None:
        self.told += 1


def traffic(number: int, size: int = 32) -> KeyInfo:
    return KeyInfo(KeyProtocol.TLS13_TRAFFIC_SECRET, number.to_bytes(4) * (size // 4), b"", b"")


def master(random: bytes) -> KeyInfo:
    return KeyInfo(KeyProtocol.TLS12_MASTER_SECRET, b"m" * 48, random, b"s" * 32)


def made(**options: int) -> tuple[KeyStore, Counters]:
    counters = Counters()
    return KeyStore(counters, **options), counters


def test_hinted_secrets_go_to_their_connection_only() -> None:
    store, _ = made()
    store.add(traffic(1), conn=5, tgid=1, time=0)
    store.add(traffic(2), conn=0, tgid=1, time=0)
    store.add(traffic(3, 48), conn=5, tgid=1, time=0)
    assert [bytes(secret.value) for secret in store.candidates(5, 1, 32)] == [traffic(1).secret]
    assert [bytes(secret.value) for secret in store.candidates(6, 1, 32)] == [traffic(2).secret]
    assert store.candidates(6, 2, 32) == []


def test_a_claimed_secret_leaves_and_the_stores_copy_is_zeroed() -> None:
    store, counters = made()
    store.add(traffic(1), 5, 1, 0)
    (secret,) = store.candidates(5, 1, 32)
    assert bytes(store.claim(secret)) == traffic(1).secret
    assert not any(secret.value)
    assert (len(store), store.candidates(5, 1, 32)) == (0, [])
    store.expire(10**12)
    assert counters[Counter.LOST_KEY_UNMATCHED] == 0


def test_master_secrets_are_found_by_client_random() -> None:
    store, counters = made()
    store.add(master(b"a" * 32), 0, 1, 0)
    store.add(master(b"a" * 32), 0, 1, 1)
    assert len(store) == 1
    secret = store.master(b"a" * 32)
    assert secret is not None
    assert bytes(store.claim(secret)) == b"m" * 48
    assert store.master(b"a" * 32) is None
    assert counters[Counter.KEYS] == 2


def test_who_waits_is_told() -> None:
    store, _ = made()
    hinted, other, exact = Session(5), Session(6), Session(7, tgid=2)
    for session, random in ((hinted, b"h"), (other, b"o"), (exact, b"x" * 32)):
        store.wait(session, random)
    store.add(traffic(1), 5, 1, 0)
    assert (hinted.told, other.told, exact.told) == (1, 0, 0)
    store.add(traffic(2), 0, 1, 0)
    assert (hinted.told, other.told, exact.told) == (2, 1, 0)
    store.add(master(b"x" * 32), 0, 99, 0)
    assert exact.told == 1
    store.stop_waiting(hinted, b"h")
    store.add(traffic(3), 5, 1, 0)
    assert hinted.told == 2


def test_the_sessions_told_by_one_secret_are_bounded() -> None:
    store, _ = made()
    sessions = [Session(number) for number in range(1, 100)]
    for session in sessions:
        store.wait(session, session.id.to_bytes(32))
    store.add(traffic(1), 0, 1, 0)
    assert sum(session.told for session in sessions) == NEIGHBOURS


def test_bounds_and_expiry_are_counted() -> None:
    store, counters = made(limit=3, lifetime=100)
    for number in range(5):
        store.add(traffic(number), number + 1, 1, number)
    assert len(store) == 3
    assert counters[Counter.LOST_KEY_UNMATCHED] == 2
    store.expire(103)
    assert len(store) == 1
    assert counters[Counter.LOST_KEY_UNMATCHED] == 4


def test_one_connection_cannot_fill_the_store() -> None:
    store, counters = made()
    for number in range(PER_CONNECTION + 4):
        store.add(traffic(number), 5, 1, 0)
    assert len(store) == PER_CONNECTION
    assert counters[Counter.LOST_KEY_UNMATCHED] == 4


def test_a_settled_connection_wants_nothing_more() -> None:
    store, counters = made()
    store.add(traffic(1), 5, 1, 0)
    store.settle(5)
    store.add(traffic(2), 5, 1, 0)
    assert len(store) == 0
    store.release(5)
    store.add(traffic(3), 5, 1, 0)
    store.release(5)
    assert counters[Counter.LOST_KEY_UNMATCHED] == 1


def test_secrets_of_no_known_kind_are_counted() -> None:
    store, counters = made()
    store.add(KeyInfo(9, bytes(32), b"", b""), 1, 1, 0)
    store.add(KeyInfo(KeyProtocol.TLS13_TRAFFIC_SECRET, bytes(7), b"", b""), 1, 1, 0)
    assert counters[Counter.LOST_KEY_UNMATCHED] == 2


def test_no_index_keeps_what_left() -> None:
    store, _ = made()
    for number in range(20):
        store.add(traffic(number), number % 3, number % 2, number)
        store.add(master(number.to_bytes(32)), number % 3, number % 2, number)
    store.expire(10**12)
    assert (len(store), store._masters, store._hinted, store._unhinted) == (0, {}, {}, {})
