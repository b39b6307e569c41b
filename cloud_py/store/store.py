"""``Store``: everything that the API and the console ask of the database.

Reads run beside one another and beside the writer; writes take one lock, because grouping reads what it then updates.
All methods block: callers in an event loop use a thread. ``now`` is nanoseconds since the epoch everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from threading import Lock

import sqlalchemy as sa

from cloud_py.store import intake, query, retention
from cloud_py.store.filters import Filters
from cloud_py.store.tables import nodes, sessions
from cloud_py.store.views import Attack, AttackPage, HitPage, Node, Statistics, StoredHit, Timeline
from common_py.contracts import Hit

SESSIONS = 10_000
"""Console sessions kept at most; the one that expires first gives way."""


class Store:
    """Attacks and hits. ``gap``: idle nanoseconds that end an attack; ``max_hits``: hits kept; ``max_age`` in ns."""

    def __init__(self, engine: sa.Engine, *, gap: int, max_hits: int, max_age: int) -> None:
        self._engine = engine
        self._gap = gap
        self._max_hits = max_hits
        self._max_age = max_age
        self._writing = Lock()
        with engine.connect() as connection:
            self._hits = retention.count_hits(connection)
        self.removed = {"age": 0, "count": 0}
        """Hits removed by retention since the start, by cause."""

    @property
    def hits(self) -> int:
        """Hits stored now."""
        return self._hits

    def add(self, batch: Sequence[Hit], now: int) -> intake.Added:
        """Store a batch; hits that are known change nothing. Raises intake.HitError before anything is stored."""
        records = intake.check(batch)
        with self._writing:
            with self._engine.begin() as connection:
                result = intake.add(connection, batch, records, self._gap, now)
            self._hits += result.stored
            # Trimming at each hit above the limit would cost a transaction a batch: a hundredth of slack makes it rare.
            if self._hits > self._max_hits + self._max_hits // 100:
                self._remove("count", lambda: self._hits - self._max_hits)
        return result

    def retain(self, now: int) -> int:
        """Remove what is too old or too much, and expired sessions; return how many hits went."""
        with self._writing:
            with self._engine.begin() as connection:
                retention.remove_sessions(connection, now)
            aged = self._remove("age", lambda: retention.STEP, now - self._max_age)
            return aged + self._remove("count", lambda: self._hits - self._max_hits)

    def _remove(self, cause: str, wanted: Callable[[], int], before: int | None = None) -> int:
        """Remove the oldest hits, a transaction each step, until none is wanted or found; the lock is held."""
        removed = 0
        while (number := wanted()) > 0:
            with self._engine.begin() as connection:
                step = retention.remove_oldest(connection, number, before)
            if step == 0:
                break
            removed += step
            self._hits -= step
            self.removed[cause] += step
        return removed

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
