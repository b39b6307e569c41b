"""Secrets whose hints name the wrong connection or none, against real OpenSSL, through the whole pipeline."""

from __future__ import annotations

import random
from collections import Counter as Tally
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from agent_py.chunk import KEY, Chunk, Direction, Flag, KeyProtocol, Kind
from agent_py.counters import Counter
from agent_py.pipeline import SECOND, Settings
from agent_py.tls.finder import GUESSES
from agent_py.tls.keystore import DUE, NEIGHBOURS, PATIENCE, WAITERS
from agent_py.tls.protection import Tls13Opener
from agent_py.tls.records import Record
from agent_py.tls.schedule import tls13_next_secret
from agent_py.tls.session import TlsSettings
from tests.support.chunks import Bench, Wire
from tests.support.openssl import set_ciphersuites, update_keys
from tests.support.tls import TlsWire, contexts

GET = b"GET /%d HTTP/1.1\r\nHost: shop.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PLAIN = 77
"""A connection that is no TLS."""
UNKNOWN = 99
"""A connection that was never seen."""

HINTS = {
    "right": lambda conn: conn,
    "swapped": lambda conn: 3 - conn,
    "all at the first": lambda _conn: 1,
    "all at the last": lambda _conn: 2,
    "none": lambda _conn: 0,
    "one right, one none": lambda conn: conn % 2,
    "at a connection that is no TLS": lambda _conn: PLAIN,
    "at a connection that was never seen": lambda _conn: UNKNOWN,
}
Chunks = list[Chunk]


def wires(directory: Path, certificates: list[Path], count: int, *, suites: Iterable[str] = ()) -> list[TlsWire]:
    """Connections 1 … ``count``, each with a key log of its own, that have exchanged one request."""
    made = []
    names = list(suites)
    for number in range(1, count + 1):
        place = directory / str(number)
        place.mkdir()
        ends = contexts(place, certificates, version="1.3")
        if names:
            set_ciphersuites(ends.client, names[number % len(names)])
        wire = TlsWire(ends, Wire(number, number * 50)).handshake()
        wire.request(GET % number)
        wire.respond(OK)
        made.append(wire)
    return made


def hinted(chunks: Chunks, hint: object) -> Chunks:
    assert callable(hint)
    return [
        msgspec.structs.replace(chunk, conn=hint(chunk.conn)) if chunk.kind == Kind.KEY else chunk for chunk in chunks
    ]


def interleaved(made: list[TlsWire]) -> Chunks:
    return sorted((chunk for wire in made for chunk in wire.take()), key=lambda chunk: chunk.time)


def one_by_one(made: list[TlsWire]) -> Chunks:
    return [chunk for wire in made for chunk in wire.take()]


def keys_first(made: list[TlsWire]) -> Chunks:
    return sorted(interleaved(made), key=lambda chunk: chunk.kind != Kind.KEY)


def keys_last(made: list[TlsWire]) -> Chunks:
    return sorted(interleaved(made), key=lambda chunk: chunk.kind == Kind.KEY)


ORDERS = [interleaved, one_by_one, keys_first, keys_last]


def key(secret: bytes, conn: int, time: int) -> Chunk:
    payload = KEY.pack(KeyProtocol.TLS13_TRAFFIC_SECRET, len(secret), 0, secret, bytes(32), bytes(32))
    return Chunk(conn, time, 0, KEY.size, KEY.size, 42, 43, 4026531840, -1, 0, Kind.KEY, 0, 0, payload)


def cut(chunks: Chunks, size: int) -> Chunks:
    """Only the first ``size`` bytes of each write are seen, as by default: the certificate's record is cut."""
    return [
        msgspec.structs.replace(chunk, payload=chunk.payload[:size], captured=size, flags=int(Flag.CUT))
        if chunk.kind == Kind.DATA and chunk.direction == Direction.EGRESS and chunk.captured > size
        else chunk
        for chunk in chunks
    ]


def targets(bench: Bench) -> list[bytes]:
    return sorted(exchange.request.target for exchange in bench.pipeline.take())


def tick(bench: Bench) -> None:
    """A second passes."""
    bench.pipeline.expire(max(bench.pipeline._keys._now, 1) + SECOND)


@pytest.mark.parametrize("hint", HINTS.values(), ids=HINTS.keys())
@pytest.mark.parametrize("order", ORDERS)
def test_two_connections(tmp_path: Path, certificates: list[Path], hint: object, order: object) -> None:
    assert callable(order)
    bench = Bench()
    plain = Wire(PLAIN)
    bench.pipeline.receive(plain.open())
    bench.pipeline.receive(plain.read(GET % 0))
    for chunk in hinted(order(wires(tmp_path, certificates, 2)), hint):
        bench.pipeline.receive(chunk)
    tick(bench)
    assert targets(bench) == [b"/1", b"/2"]
    assert bench.losses() == {}
    assert bench[Counter.KEYS] == 8
    assert len(bench.pipeline._keys) == 0


@pytest.mark.parametrize("hint", HINTS.values(), ids=HINTS.keys())
@pytest.mark.parametrize("order", ORDERS)
def test_connections_of_which_the_start_of_each_write_is_seen(
    tmp_path: Path, certificates: list[Path], hint: object, order: object
) -> None:
    assert callable(order)
    chunks = order(wires(tmp_path, certificates, 2))
    seen = cut(chunks, 400)
    assert seen != chunks
    useless = [key(number.to_bytes(48), UNKNOWN, 0) for number in range(1, 60)]
    bench = Bench()
    for chunk in [*useless, *hinted(seen, hint)]:
        bench.pipeline.receive(chunk)
    tick(bench)
    assert targets(bench) == [b"/1", b"/2"]
    assert bench.losses() == {}
    assert len(bench.pipeline._keys) == 59


@pytest.mark.parametrize("order", ORDERS)
def test_many_connections_of_several_suites_whose_hints_are_shuffled(
    tmp_path: Path, certificates: list[Path], order: object
) -> None:
    assert callable(order)
    dice = random.Random(7)
    suites = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
    chunks = order(wires(tmp_path, certificates, 12, suites=suites))
    bench = Bench()
    for chunk in hinted(chunks, lambda _conn: dice.randrange(13)):
        bench.pipeline.receive(chunk)
    tick(bench)
    assert targets(bench) == sorted(b"/%d" % number for number in range(1, 13))
    assert bench.losses() == {}
    assert len(bench.pipeline._keys) == 0


@pytest.mark.parametrize("hint", [2, 0, UNKNOWN])
def test_a_connection_that_is_closed_at_once(tmp_path: Path, certificates: list[Path], hint: int) -> None:
    (wire,) = wires(tmp_path, certificates, 1)
    bench = Bench()
    exchanges = bench.feed(*hinted([*wire.take(), wire.wire.close()], lambda _conn: hint))
    assert [exchange.response.status for exchange in exchanges] == [200]
    assert bench.losses() == {}


def test_before_a_long_upload_is_given_up_every_secret_is_tried(tmp_path: Path, certificates: list[Path]) -> None:
    (wire,) = wires(tmp_path, certificates, 1)
    wire.request(b"POST /up HTTP/1.1\r\nContent-Length: 60000\r\n\r\n" + bytes(60000))
    wire.respond(OK)
    bench = Bench(Settings(tls=TlsSettings(pending_limit=20000)))
    exchanges = bench.feed(*hinted(wire.take(), lambda _conn: UNKNOWN))
    assert [exchange.request.target for exchange in exchanges] == [b"/1", b"/up"]
    assert bench.losses() == {}


def test_a_settled_connection_passes_on_what_is_hinted_at_it(tmp_path: Path, certificates: list[Path]) -> None:
    first, second = wires(tmp_path, certificates, 2)
    bench = Bench()
    bench.feed(*first.take())
    for chunk in hinted(second.take(), lambda _conn: 1):
        bench.pipeline.receive(chunk)
    tick(bench)
    assert targets(bench) == [b"/2"]
    assert bench.losses() == {}


def test_the_secrets_of_key_updates_are_no_loss(tmp_path: Path, certificates: list[Path]) -> None:
    (wire,) = wires(tmp_path, certificates, 1)
    bench = Bench()
    bench.feed(*wire.take())
    for number in range(3):
        halves = bench.pipeline._get(1).layer._halves
        suite = halves[0].suite
        before = [key(tls13_next_secret(half.secret, suite), 1, wire.wire.time) for half in halves]
        bench.feed(*before)
        update_keys(wire.client, answer=True)
        wire.request(GET % number)
        wire.respond(OK)
        bench.feed(*wire.take())
        bench.feed(*before)
    bench.pipeline.expire(wire.wire.time + 31 * SECOND)
    assert bench[Counter.EXCHANGES] == 4
    assert bench.losses() == {}


def test_secrets_of_another_process_are_never_tried(tmp_path: Path, certificates: list[Path]) -> None:
    (wire,) = wires(tmp_path, certificates, 1)
    bench = Bench()
    for chunk in wire.take():
        bench.pipeline.receive(msgspec.structs.replace(chunk, tgid=9, conn=0) if chunk.kind == Kind.KEY else chunk)
    assert bench.feed(wire.wire.close()) == []
    assert bench.losses() == {"key_missing": 1}
    assert len(bench.pipeline._keys) == 4


def test_secrets_that_fit_nowhere_are_counted_once(tmp_path: Path, certificates: list[Path]) -> None:
    made = wires(tmp_path, certificates, 2)
    bench = Bench()
    useless = [key(number.to_bytes(48), number % 4, 5000 + number) for number in range(1, 41)]
    for chunk in sorted([*interleaved(made), *useless], key=lambda chunk: chunk.time):
        bench.pipeline.receive(chunk)
    tick(bench)
    assert targets(bench) == [b"/1", b"/2"]
    assert len(bench.pipeline._keys) == 40
    bench.feed(*[wire.wire.close() for wire in made])
    assert bench.losses() == {}
    for _ in range(2):
        bench.pipeline.expire(40 * SECOND)
    assert bench.losses() == {"key_unmatched": 40}
    assert len(bench.pipeline._keys) == 0


class Trials:
    """Counts the AEAD operations of openers, and how often a record met one opener."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.met: Tally[tuple[int, int]] = Tally()
        self._kept: list[object] = []
        real = Tls13Opener.open

        def counting(opener: Tls13Opener, record: Record, sequence: int) -> tuple[int, bytes] | None:
            self.count += 1
            self._kept += [opener, record]
            self.met[id(opener), id(record)] += 1
            return real(opener, record, sequence)

        monkeypatch.setattr(Tls13Opener, "open", counting)


def copies(wire: TlsWire, count: int) -> Chunks:
    """The chunks of ``wire`` without its keys as those of ``count`` connections of one process."""
    chunks = [chunk for chunk in wire.take() if chunk.kind != Kind.KEY]
    return [msgspec.structs.replace(chunk, conn=conn) for conn in range(1, count + 1) for chunk in chunks]


def test_right_hints_cost_no_guess(tmp_path: Path, certificates: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    made = wires(tmp_path, certificates, 4)
    bench, trials = Bench(), Trials(monkeypatch)
    bench.feed(*[key(number.to_bytes(48), UNKNOWN, number) for number in range(1, 200)])
    bench.feed(*interleaved(made))
    records = 4 * 12
    assert bench[Counter.EXCHANGES] == 4
    assert trials.count <= 2 * records


def test_the_work_for_useless_secrets_is_bounded(
    tmp_path: Path, certificates: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions, keys = 3 * WAITERS, 600
    bench, trials = Bench(), Trials(monkeypatch)
    (wire,) = wires(tmp_path, certificates, 1)
    chunks = copies(wire, sessions)
    bench.feed(*chunks)
    assert trials.count == 0
    late = wire.wire.time + 2 * PATIENCE
    most = 0
    for number in range(1, keys + 1):
        before = trials.count
        bench.feed(key(number.to_bytes(48), UNKNOWN, late))
        most = max(most, trials.count - before)
    assert 0 < most <= 2 * WAITERS, "the oldest record of each direction of each session that is told"
    for _ in range(3):
        tick(bench)
    assert trials.count <= keys * 2 * WAITERS + min(sessions, 3 * DUE) * 2 * NEIGHBOURS
    assert max(trials.met.values()) == 1, "a record meets a secret once"
    assert len(bench.pipeline._keys) == keys


def test_the_guesses_of_one_session_are_bounded(
    tmp_path: Path, certificates: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, trials = Bench(), Trials(monkeypatch)
    (wire,) = wires(tmp_path, certificates, 1)
    bench.feed(*copies(wire, 1))
    for number in range(1, 2 * GUESSES):
        bench.feed(key(number.to_bytes(48), 0, wire.wire.time + number))
    assert trials.count == GUESSES
