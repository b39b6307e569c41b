"""Forgetting: by age, and by number of hits. Attacks go with their last hit. Everything removed is counted."""

from __future__ import annotations

import sqlalchemy as sa

from cloud_py.store.tables import attacks, hits, sessions

STEP = 5000
"""Hits removed in one transaction at most, so that intake never waits long for the writer's lock."""


def count_hits(connection: sa.Connection) -> int:
    """Hits stored now."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(hits)).scalar_one())


def remove_oldest(connection: sa.Connection, number: int, before: int | None = None) -> int:
    """Remove the ``number`` oldest hits (at most ``STEP``) and attacks left without any; return how many hits went.

    ``before`` (ns): only hits older than that.
    """
    oldest = sa.select(hits.c.id, hits.c.attack_id).order_by(hits.c.time, hits.c.id).limit(min(number, STEP))
    rows = connection.execute(oldest if before is None else oldest.where(hits.c.time < before)).all()
    ids = [row.id for row in rows]
    touched = sorted({row.attack_id for row in rows})
    for start in range(0, len(ids), 500):
        connection.execute(hits.delete().where(hits.c.id.in_(ids[start : start + 500])))
    empty = ~sa.exists().where(hits.c.attack_id == attacks.c.id)
    for start in range(0, len(touched), 500):
        connection.execute(attacks.delete().where(attacks.c.id.in_(touched[start : start + 500]), empty))
    return len(ids)


def remove_sessions(connection: sa.Connection, now: int) -> None:
    """Remove console sessions that expired before ``now`` (ns)."""
    connection.execute(sessions.delete().where(sessions.c.expires <= now))
