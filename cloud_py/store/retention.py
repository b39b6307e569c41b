"""Forgetting: by age, by number of hits and by bytes. Attacks go with their last hit. Everything removed is counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from cloud_py.store.tables import attacks, hits, nodes, sessions

STEP = 5000
STEP_BYTES = 64 << 20
"""Hits, and bytes of them, removed in one transaction at most: intake never waits long for the writer's lock."""
ROW_BYTES = 512
"""What a hit takes besides its record, about: its keys in the table and three indexes."""
NODES = 10_000
"""Processing nodes kept at most; the one that was seen last longest ago gives way."""


def count_hits(connection: sa.Connection) -> int:
    """Hits stored now."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(hits)).scalar_one())


def remove_oldest(
    connection: sa.Connection, *, number: int = STEP, size: int = STEP_BYTES, before: int | None = None
) -> int:
    """Remove the oldest hits, and attacks left without any; return how many hits went, 0 when no more are wanted.

    ``number`` hits, or as many as have ``size`` bytes, whichever is less, and at most ``STEP`` and ``STEP_BYTES``;
    ``before`` (ns): only hits older than that.
    """
    if number <= 0 or size <= 0:
        return 0
    oldest = sa.select(hits.c.id, hits.c.attack_id, sa.func.length(hits.c.record).label("size"))
    if before is not None:
        oldest = oldest.where(hits.c.time < before)
    found = connection.execute(oldest.order_by(hits.c.time, hits.c.id).limit(min(number, STEP))).all()
    rows = list(_until(found, min(size, STEP_BYTES)))
    ids = [row.id for row in rows]
    touched = sorted({row.attack_id for row in rows})
    for start in range(0, len(ids), 500):
        connection.execute(hits.delete().where(hits.c.id.in_(ids[start : start + 500])))
    empty = ~sa.exists().where(hits.c.attack_id == attacks.c.id)
    for start in range(0, len(touched), 500):
        connection.execute(attacks.delete().where(attacks.c.id.in_(touched[start : start + 500]), empty))
    return len(ids)


def _until(rows: Iterable[Any], size: int) -> Iterator[Any]:
    """The first rows, until they have ``size`` bytes."""
    for row in rows:
        yield row
        size -= row.size + ROW_BYTES
        if size <= 0:
            return


def remove_sessions(connection: sa.Connection, now: int) -> None:
    """Remove console sessions that expired before ``now`` (ns)."""
    connection.execute(sessions.delete().where(sessions.c.expires <= now))


def remove_nodes(connection: sa.Connection, before: int) -> int:
    """Remove nodes last seen before ``before`` (ns): their hits are older still. Above ``NODES``, the oldest go too."""
    kept = sa.select(nodes.c.name).where(nodes.c.last_seen >= before).order_by(nodes.c.last_seen.desc(), nodes.c.name)
    return connection.execute(nodes.delete().where(nodes.c.name.not_in(kept.limit(NODES)))).rowcount
