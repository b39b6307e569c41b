from __future__ import annotations

from agent_py.chunk import KeyInfo, KeyProtocol
from agent_py.counters import Counter, Counters
from agent_py.tls.keystore import DUE, NEIGHBOURS, PATIENCE, PER_CONNECTION, WAITERS, KeyStore
from agent_py.tls.secret import Secret


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


def values(secrets: list[Secret]) -> list[bytes]:
    return [bytes(secret.value) for secret in secrets]


def never(secret: bytearray) -> bool:
    return False


def test_secrets_of_a_connection_and_those_of_its_process() -> None:
    store, _ = made()
    for number, conn, size in ((1, 5, 32), (2, 0, 32), (3, 5, 48), (4, 7, 32)):
        store.add(traffic(number, size), conn, 1, 0)
    assert values(store.hinted(5, 32, 0)) == [traffic(1).secret]
    assert values(store.hinted(5, 48, 0)) == [traffic(3, 48).secret]
    assert values(store.others(5, 1, 32, 0)) == [traffic(4).secret, traffic(2).secret]
    assert values(store.others(7, 1, 32, 0)) == [traffic(2).secret, traffic(1).secret]
    assert store.others(5, 2, 32, 0) == []


def test_what_came_before_is_not_told_again() -> None:
    store, _ = made()
    for number in (1, 2):
        store.add(traffic(number), 5, 1, 0)
    assert values(store.hinted(5, 32, 1)) == [traffic(2).secret]
    assert values(store.others(6, 1, 32, 1)) == [traffic(2).secret]
    assert store.others(6, 1, 32, 2) == []


def test_only_the_newest_of_a_process_are_looked_at() -> None:
    store, _ = made()
    for number in range(NEIGHBOURS + 10):
        store.add(traffic(number), number + 1, 1, 0)
    found = store.others(9999, 1, 32, 0)
    assert len(found) == NEIGHBOURS
    assert bytes(found[0].value) == traffic(NEIGHBOURS + 9).secret


def test_a_claimed_secret_leaves_and_the_stores_copy_is_zeroed() -> None:
    store, counters = made()
    store.add(traffic(1), 5, 1, 0)
    (secret,) = store.hinted(5, 32, 0)
    assert bytes(store.claim(secret, 5)) == traffic(1).secret
    assert not any(secret.value)
    assert (len(store), store.hinted(5, 32, 0), store.others(6, 1, 32, 0)) == (0, [], [])
    store.expire(10**12)
    assert counters[Counter.LOST_KEY_UNMATCHED] == 0


def test_hints_are_believed_until_one_is_absent_or_proves_wrong() -> None:
    store, _ = made(lifetime=100)
    store.add(traffic(1), 5, 1, 0)
    store.claim(store.hinted(5, 32, 0)[0], 5)
    store.add(master(b"m" * 32), 9, 1, 0)
    known = store.master(b"m" * 32)
    assert known is not None
    store.claim(known, 5)
    assert not store.astray(1)
    store.add(traffic(2), 5, 1, 10)
    store.claim(store.others(6, 1, 32, 0)[0], 6)
    assert store.astray(1)
    store.expire(109)
    assert store.astray(1)
    store.expire(110)
    assert not store.astray(1)
    store.add(traffic(3), 0, 1, 120)
    assert store.astray(1)
    assert not store.astray(2)


def test_master_secrets_are_found_by_client_random() -> None:
    store, counters = made()
    store.add(master(b"a" * 32), 0, 1, 0)
    store.add(master(b"a" * 32), 0, 1, 1)
    assert len(store) == 1
    secret = store.master(b"a" * 32)
    assert secret is not None
    assert bytes(store.claim(secret, 5)) == b"m" * 48
    assert store.master(b"a" * 32) is None
    assert counters[Counter.KEYS] == 2


def test_who_waits_is_told() -> None:
    store, _ = made()
    hinted, other, exact = Session(5), Session(6), Session(7, tgid=2)
    for session, random in ((hinted, b"h"), (other, b"o"), (exact, b"x" * 32)):
        store.wait(session, random, 0)
    store.add(traffic(1), 5, 1, 0)
    assert (hinted.told, other.told, exact.told) == (1, 1, 0)
    store.add(traffic(2), 0, 1, 0)
    assert (hinted.told, other.told, exact.told) == (2, 2, 0)
    store.add(master(b"x" * 32), 0, 99, 0)
    assert exact.told == 1
    store.stop_waiting(hinted, b"h")
    store.add(traffic(3), 5, 1, 0)
    assert (hinted.told, other.told) == (2, 3)


def test_the_sessions_told_by_one_secret_are_the_newest_and_bounded() -> None:
    store, _ = made()
    sessions = [Session(number) for number in range(1, 100)]
    for session in sessions:
        store.wait(session, session.id.to_bytes(32), 0)
    store.add(traffic(1), 1, 1, 0)
    assert [session.id for session in sessions if session.told] == [1, *range(100 - WAITERS, 100)]


def test_who_claims_a_secret_is_the_last_one_told() -> None:
    store, _ = made()

    class Claiming(Session):
        def keys_arrived(self, time: int) -> None:
            super().keys_arrived(time)
            for secret in store.others(self.id, 1, 32, 0):
                store.claim(secret, self.id)

    early, late = Session(1), Claiming(2)
    for session in (early, late):
        store.wait(session, session.id.to_bytes(32), 0)
    store.add(traffic(1), 9, 1, 0)
    assert (early.told, late.told) == (0, 1)


def test_a_long_wait_is_told_once() -> None:
    store, _ = made()
    sessions = [Session(number) for number in range(1, DUE + 10)]
    for session in sessions:
        store.wait(session, session.id.to_bytes(32), 10)
    store.expire(PATIENCE)
    assert sum(session.told for session in sessions) == 0
    store.expire(PATIENCE + 10)
    assert sum(session.told for session in sessions) == DUE
    for _ in range(2):
        store.expire(PATIENCE + 11)
    assert {session.told for session in sessions} == {1}


def test_bounds_and_expiry_are_counted() -> None:
    store, counters = made(limit=3, lifetime=100)
    for number in range(5):
        store.add(traffic(number), number + 1, 1, number)
    assert len(store) == 3
    assert counters[Counter.LOST_KEY_UNMATCHED] == 2
    store.expire(103)
    assert len(store) == 1
    assert counters[Counter.LOST_KEY_UNMATCHED] == 4


def test_a_connection_at_which_too_much_is_hinted() -> None:
    store, counters = made()
    for number in range(PER_CONNECTION + 4):
        store.add(traffic(number), 5, 1, 0)
    assert len(store.hinted(5, 32, 0)) == PER_CONNECTION
    assert len(store.others(5, 1, 32, 0)) == 4
    assert counters[Counter.LOST_KEY_UNMATCHED] == 0


def test_the_same_secret_is_taken_once() -> None:
    store, counters = made()
    for _ in range(2):
        store.add(traffic(1), 5, 1, 0)
    assert len(store) == 1
    assert counters[Counter.LOST_KEY_UNMATCHED] == 0


def test_what_is_hinted_at_a_settled_connection_is_anothers_unless_derived() -> None:
    store, counters = made()
    store.add(traffic(1), 5, 1, 0)
    store.settle(5, lambda secret: secret == traffic(2).secret)
    store.add(traffic(2), 5, 1, 0)
    store.add(traffic(3), 5, 1, 0)
    assert store.hinted(5, 32, 0) == []
    assert values(store.others(6, 1, 32, 0)) == [traffic(3).secret, traffic(1).secret]
    store.expire(10**12)
    assert counters[Counter.LOST_KEY_UNMATCHED] == 2


def test_what_is_hinted_at_a_closed_connection_is_anothers() -> None:
    store, counters = made()
    store.settle(5, never)
    store.release(5)
    store.add(traffic(1), 6, 1, 0)
    store.release(6)
    assert store.hinted(6, 32, 0) == []
    assert values(store.others(5, 1, 32, 0)) == [traffic(1).secret]
    assert counters[Counter.LOST_KEY_UNMATCHED] == 0


def test_the_end_of_a_process() -> None:
    store, counters = made()
    store.add(traffic(1), 5, 1, 0)
    store.add(traffic(2), 5, 2, 0)
    store.release_process(1)
    assert len(store) == 1
    assert counters[Counter.LOST_KEY_UNMATCHED] == 1
    store.expire(10**12)
    assert counters[Counter.LOST_KEY_UNMATCHED] == 2


def test_secrets_of_no_known_kind_are_counted() -> None:
    store, counters = made()
    store.add(KeyInfo(9, bytes(32), b"", b""), 1, 1, 0)
    store.add(KeyInfo(KeyProtocol.TLS13_TRAFFIC_SECRET, bytes(7), b"", b""), 1, 1, 0)
    assert counters[Counter.LOST_KEY_UNMATCHED] == 2


def test_no_index_keeps_what_left() -> None:
    store, _ = made()
    waiter = Session(1)
    store.wait(waiter, b"w", 0)
    for number in range(20):
        store.add(traffic(number), number % 3, number % 2, number)
        store.add(master(number.to_bytes(32)), number % 3, number % 2, number)
    store.stop_waiting(waiter, b"w")
    store.expire(10**12)
    kept = (store._all, store._masters, store._hinted, store._processes, store._waiting, store._waiting_random)
    assert (*kept, store._due) == ({},) * 7
