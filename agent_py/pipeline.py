"""Chunks of one worker → exchanges: connections, TLS, HTTP, pairing, in one call. Pure: no clock, no I/O.

    pipeline = Pipeline(settings, counters, prefix=…, clock_offset=…)
    for chunk in ring.drain(limit):
        pipeline.receive(chunk)
    pipeline.expire(now)
    batch = pipeline.take()

Malformed chunks are counted and dropped; nothing raises whatever the bytes are. Memory is bounded by the settings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from agent_py.chunk import Chunk, Kind, key_info, tls_info
from agent_py.connection.budget import UNLIMITED, Account, Budget
from agent_py.connection.connection import Connection, announced, unannounced
from agent_py.connection.detect import Detection, Verdict
from agent_py.connection.layer import IGNORE, Layer
from agent_py.connection.table import ConnectionTable
from agent_py.connection.tap import Record, Tap
from agent_py.counters import Counter, Counters
from agent_py.exchange import Assembler, Resolver
from agent_py.http.connection import Http1, HttpSettings
from agent_py.http.fields import FieldLines
from agent_py.tls.keystore import KeyStore
from agent_py.tls.session import TlsSession, TlsSettings
from common_py.contracts import Exchange

SECOND = 1_000_000_000
DATA = int(Kind.DATA)


@dataclass(frozen=True, slots=True)
class Settings:
    """Bounds of a pipeline. Timeouts in nanoseconds."""

    http: HttpSettings = field(default_factory=HttpSettings)
    connections: int = 65536
    connections_bytes: int = UNLIMITED
    """What all connections hold together (connection/budget.py)."""
    tls: TlsSettings = field(default_factory=TlsSettings)
    keys: int = 16384
    """TLS secrets that no session has claimed yet."""
    key_lifetime: int = 30 * SECOND
    idle_timeout: int = 900 * SECOND
    response_timeout: int = 60 * SECOND


class Pipeline:
    """One worker's path from chunks to exchanges; ``record`` gets the plaintext as chunks (see ``Tap``)."""

    def __init__(
        self,
        settings: Settings,
        counters: Counters,
        *,
        prefix: str,
        clock_offset: int,
        resolve: Resolver | None = None,
        record: Record | None = None,
    ) -> None:
        self._settings = settings
        self._counters = counters
        self._record = record
        self._lines = FieldLines()
        self._table = ConnectionTable(settings.connections, settings.idle_timeout, settings.response_timeout, counters)
        self._budget = Budget(settings.connections_bytes)
        self._limit = settings.connections_bytes
        self._assembler = Assembler(prefix, clock_offset, counters, resolve)
        self._keys = KeyStore(counters, limit=settings.keys, lifetime=settings.key_lifetime)
        self._get = self._table.get
        self._touch = self._table.touch

    def __len__(self) -> int:
        return len(self._table)

    @property
    def held(self) -> int:
        """Bytes that the connections hold now; never more than ``Settings.connections_bytes`` between two calls."""
        return self._budget.held

    def receive(self, chunk: Chunk) -> None:
        """Take one chunk in; finished exchanges wait for ``take``."""
        if chunk.kind != DATA:
            self._other(chunk)
            self._relieve(chunk.time)
            return
        connection = self._get(chunk.conn)
        if connection is None:
            connection = self._unannounced(chunk)
        else:
            self._touch(chunk.conn)
        connection.last_seen = chunk.time
        (connection.egress if chunk.direction else connection.ingress).receive(chunk, connection.layer)
        if self._budget.held > self._limit:
            self._relieve(chunk.time)

    def _relieve(self, now: int) -> None:
        """Stay within the budget: bodies go first, then all that connections hold."""
        if self._budget.held > self._limit:
            self._budget.cut_bodies()
        if self._budget.held > self._limit:
            self._table.relieve(self._budget, now)

    def take(self) -> list[Exchange]:
        """The exchanges finished since the last call, in the order in which they were finished."""
        finished, self._assembler.out = self._assembler.out, []
        return finished

    def expire(self, now: int) -> None:
        """Time has passed (nanoseconds of CLOCK_MONOTONIC): give up what waited too long. Call about every second."""
        self._table.expire(now)
        self._keys.expire(now)

    def close(self, now: int) -> None:
        """Close every connection; what is known of their requests waits for ``take``."""
        self._table.close(now)

    def _other(self, chunk: Chunk) -> None:
        try:
            if chunk.kind == Kind.KEY:
                self._keys.add(key_info(chunk.payload), chunk.conn, chunk.tgid, chunk.time)
            elif chunk.kind == Kind.OPEN:
                self._open(chunk)
            elif chunk.kind == Kind.CLOSE:
                self._close(chunk)
            elif chunk.kind == Kind.TLS:
                self._recorded_tls(chunk)
            else:
                self._counters.add(Counter.LOST_BAD_CHUNK)
        except ValueError:
            self._counters.add(Counter.LOST_BAD_CHUNK)

    def _open(self, chunk: Chunk) -> None:
        if self._get(chunk.conn) is not None:
            return
        if chunk.payload:
            self._add(announced(chunk, Account(self._budget)))
        else:
            self._unannounced(chunk)

    def _close(self, chunk: Chunk) -> None:
        if chunk.conn == 0:
            self._counters.add(Counter.CONNECTIONS_CLOSED, self._table.remove_process(chunk.tgid, chunk.time))
            self._keys.release_process(chunk.tgid)
            return
        connection = self._get(chunk.conn)
        if connection is None:
            return
        if chunk.offset > connection.ingress.offset:
            connection.ingress.lost(chunk, connection.layer)
        self._table.remove(chunk.conn, chunk.time)
        self._counters.add(Counter.CONNECTIONS_CLOSED)

    def _recorded_tls(self, chunk: Chunk) -> None:
        connection = self._get(chunk.conn)
        if connection is not None:
            connection.tls = tls_info(chunk.payload)

    def _unannounced(self, chunk: Chunk) -> Connection:
        self._counters.add(Counter.CONNECTIONS_UNANNOUNCED)
        return self._add(unannounced(chunk, Account(self._budget)))

    def _add(self, connection: Connection) -> Connection:
        connection.layer = Detection(partial(self._choose, connection, connection), late=connection.late)
        self._table.add(connection, connection.last_seen)
        self._counters.add(Counter.CONNECTIONS_OPENED)
        return connection

    def _choose(self, connection: Connection, below: Connection | TlsSession, verdict: Verdict, joined: bool) -> Layer:
        """The layer for a protocol that was recognised; from now on ``below`` tells it directly."""
        layer: Layer = IGNORE
        if verdict is Verdict.HTTP1:
            layer = self._http(connection, joined)
        elif verdict is Verdict.TLS and below is connection:
            layer = self._tls(connection)
        elif verdict is Verdict.TLS_LATE and below is connection:
            self._counters.add(Counter.LOST_KEY_MISSING)
        elif verdict is not Verdict.CLIENT:
            self._counters.add(Counter.LOST_NOT_HTTP)
        below.layer = layer
        return layer

    def _tls(self, connection: Connection) -> Layer:
        session = TlsSession(connection, self._settings.tls, self._keys, self._counters)
        session.layer = Detection(partial(self._choose, connection, session), late=False)
        return session

    def _http(self, connection: Connection, joined: bool) -> Layer:
        emit = partial(self._assembler.emit, connection)
        http = Http1(self._settings.http, self._lines, self._counters, emit, connection.account, late=joined)
        return http if self._record is None else Tap(connection, http, self._record)
