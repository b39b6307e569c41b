"""``Store``: everything that the API and the console ask of the database.

Reads run beside one another and beside the writer; writes take one lock, because grouping reads what it then updates.
All methods block: callers in an event loop use a thread. ``now`` is nanoseconds since the epoch everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from threading import Lock

import sqlalchemy as sa

from cloud_py.store import intake, query, retention, space
from cloud_py.store.filters import Filters
from cloud_py.store.tables import nodes, sessions
from cloud_py.store.views import Attack, AttackPage, HitPage, Node, Statistics, StoredHit, Timeline
from common_py.contracts import Hit

SESSIONS = 10_000
"""Console sessions kept at most; the one that expires first gives way."""


class Store:
    """Attacks and hits.

    ``gap``: idle nanoseconds that end an attack. ``max_hits``, ``max_bytes`` (in use of SQLite's file) and ``max_age``
    (ns): what is kept. ``free_bytes``: the floor of free disk space, see ``space.shortage``.
    """

    def __init__(
        self,
        engine: sa.Engine,
        *,
        gap: int,
        max_hits: int,
        max_age: int,
        max_bytes: int = 2 << 30,
        free_bytes: int = 0,
    ) -> None:
        self._engine = engine
        self._gap = gap
        self._max_hits = max_hits
        self._max_age = max_age
        self._max_bytes = max_bytes
        self._free_bytes = free_bytes
        self._directory = space.directory(engine)
        self._writing = Lock()
        with engine.connect() as connection:
            self._hits = retention.count_hits(connection)
            self._size = space.used(connection)
        self.removed = {"age": 0, "count": 0, "bytes": 0}
        """Hits removed by retention since the start, by cause."""
        self.nodes_removed = 0
        """Nodes removed by retention since the start."""

    @property
    def hits(self) -> int:
        """Hits stored now."""
        return self._hits

    @property
    def size(self) -> int:
        """Bytes in use of SQLite's file; 0 for another database."""
        return self._size

    def add(self, batch: Sequence[Hit], now: int) -> intake.Added:
        """Store a batch; hits that are known change nothing.

        Raises intake.HitError and space.NoSpace before anything is stored.
        """
        records = intake.check(batch)
        shortage = self.shortage()
        if shortage:
            raise space.NoSpace(shortage)
        with self._writing:
            self._make_room(sum(len(record) + retention.ROW_BYTES for record in records))
            with self._engine.begin() as connection:
                result = intake.add(connection, batch, records, self._gap, now)
                taken = space.used(connection)
            self._hits += result.stored
            self._size = taken
            # Trimming at each hit above the limit would cost a transaction a batch: a hundredth of slack makes it rare.
            if self._hits > self._max_hits + self._max_hits // 100:
                self._remove_count()
        return result

    def retain(self, now: int) -> int:
        """Remove what is too old or too much, and expired sessions; return how many hits went."""
        oldest = now - self._max_age
        with self._writing:
            with self._engine.begin() as connection:
                retention.remove_sessions(connection, now)
                nodes_removed = retention.remove_nodes(connection, oldest)
            self.nodes_removed += nodes_removed
            removed = self._remove("age", lambda connection: retention.remove_oldest(connection, before=oldest))
            removed += self._remove_count() + self._make_room(0)
            space.give_back(self._engine)
            return removed

    def shortage(self) -> str:
        """Why no hits are taken now, or "": there is less free disk space than is to be left to others."""
        return space.shortage(self._directory, self._free_bytes)

    def _remove_count(self) -> int:
        return self._remove(
            "count", lambda connection: retention.remove_oldest(connection, number=self._hits - self._max_hits)
        )

    def _make_room(self, expected: int) -> int:
        """Before the file would grow above its limit with ``expected`` bytes; a little more goes, to make it rare."""
        if self._size + expected <= self._max_bytes:
            return 0
        target = self._max_bytes - self._max_bytes // 64 - expected
        return self._remove("bytes", lambda connection: retention.remove_oldest(connection, size=self._size - target))

    def _remove(self, cause: str, step: Callable[[sa.Connection], int]) -> int:
        """Repeat ``step``, a transaction each time, until it removes no hit; the lock is held."""
        removed = 0
        while True:
            with self._engine.begin() as connection:
                number = step(connection)
                taken = space.used(connection)
            self._size = taken
            if number == 0:
                return removed
            removed += number
            self._hits -= number
            self.removed[cause] += number

    def attack_page(self, wanted: Filters, limit: int, cursor: str = "") -> AttackPage:
        """Attacks that meet the filter, latest hit first. Raises FilterError."""
        with self._engine.connect() as connection:
            return query.attack_page(connection, wanted, limit, cursor)

    def statistics(self, wanted: Filters) -> Statistics:
        """Totals and most frequent values. Raises FilterError."""
        with self._engine.connect() as connection:
            return query.statistics(connection, wanted)

    def timeline(self, wanted: Filters, now: int, buckets: int) -> Timeline:
        """Hits per slice of time. Raises FilterError."""
        with self._engine.connect() as connection:
            return query.timeline(connection, wanted, now, buckets)

    def attacks(self, ids: Sequence[str]) -> list[Attack]:
        """The attacks with these ids that exist."""
        with self._engine.connect() as connection:
            return query.attacks_by_id(connection, ids)

    def hit_page(self, attack_id: str, limit: int, cursor: str = "") -> HitPage:
        """Hits of an attack, latest first. Raises FilterError."""
        with self._engine.connect() as connection:
            return query.hit_page(connection, attack_id, limit, cursor)

    def hit(self, identifier: str) -> StoredHit | None:
        """One hit, or None."""
        with self._engine.connect() as connection:
            return query.hit(connection, identifier)

    def nodes(self) -> list[Node]:
        """Processing nodes, last seen first."""
        with self._engine.connect() as connection:
            return query.node_list(connection)

    def check(self) -> str:
        """Why the database cannot be used, or ""."""
        try:
            with self._engine.connect() as connection:
                # Of a table: SQLite answers SELECT 1 without a look at the file.
                connection.execute(sa.select(nodes.c.name).limit(1))
        except sa.exc.SQLAlchemyError as error:
            return type(error).__name__
        return ""

    def open_session(self, session: str, token_digest: str, expires: int) -> None:
        """Remember a console session; ``session`` is the cookie's value, of which the digest is kept."""
        with self._writing, self._engine.begin() as connection:
            row = {"digest": _digest(session), "token_digest": token_digest, "expires": expires}
            connection.execute(sessions.insert(), row)
            kept = sa.select(sessions.c.digest).order_by(sessions.c.expires.desc()).limit(SESSIONS)
            connection.execute(sessions.delete().where(sessions.c.digest.not_in(kept)))

    def session(self, session: str, now: int) -> str:
        """Digest of the token that opened the session, or "" when there is none or it expired."""
        query = sa.select(sessions.c.token_digest).where(
            sessions.c.digest == _digest(session), sessions.c.expires > now
        )
        with self._engine.connect() as connection:
            return connection.execute(query).scalar_one_or_none() or ""

    def close_session(self, session: str) -> None:
        """Forget a session."""
        with self._writing, self._engine.begin() as connection:
            connection.execute(sessions.delete().where(sessions.c.digest == _digest(session)))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
