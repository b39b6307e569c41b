"""The tables. Times are nanoseconds since the Unix epoch; texts that clients chose are bounded by the intake.

``attacks`` and ``hits`` are the two sorts of events; ``facets`` holds what is distinct within an attack (source
addresses, status codes, payloads) with its number of hits, so that lists, filters and statistics need no pass over the
hits. ``group_key`` is a digest of what makes hits one attack: paths may be longer than an index entry.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

nodes = sa.Table(
    "nodes",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("first_seen", sa.BigInteger, nullable=False),
    sa.Column("last_seen", sa.BigInteger, nullable=False),
    sa.Column("hits", sa.BigInteger, nullable=False),
)

attacks = sa.Table(
    "attacks",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("group_key", sa.String(32), nullable=False),
    sa.Column("type", sa.String(64), nullable=False),
    sa.Column("parameter", sa.Text, nullable=False),
    sa.Column("domain", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("first_time", sa.BigInteger, nullable=False),
    sa.Column("last_time", sa.BigInteger, nullable=False),
    sa.Column("hits", sa.BigInteger, nullable=False),
    sa.Column("payloads", sa.BigInteger, nullable=False),
    sa.Column("sources", sa.BigInteger, nullable=False),
    sa.Column("statuses", sa.BigInteger, nullable=False),
    sa.Column("process", sa.Text, nullable=False),
    sa.Column("container", sa.Text, nullable=False),
    sa.Column("pod", sa.Text, nullable=False),
    sa.Column("namespace", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Index("attacks_by_group", "group_key", "last_time"),
    sa.Index("attacks_by_time", "last_time", "id"),
    sa.Index("attacks_by_type", "type", "last_time"),
)

hits = sa.Table(
    "hits",
    metadata,
    sa.Column("id", sa.String(128), primary_key=True),
    sa.Column("attack_id", sa.String(32), sa.ForeignKey("attacks.id", ondelete="CASCADE"), nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sa.Index("hits_by_attack", "attack_id", "time", "id"),
    sa.Index("hits_by_time", "time"),
)
"""``record`` is the contract's ``Hit`` in msgpack."""

facets = sa.Table(
    "facets",
    metadata,
    sa.Column("attack_id", sa.String(32), sa.ForeignKey("attacks.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("hits", sa.BigInteger, nullable=False),
    sa.Index("facets_by_key", "kind", "key"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("token_digest", sa.String(64), nullable=False),
    sa.Column("expires", sa.BigInteger, nullable=False),
)
"""Console sessions: digests of the cookie's value and of the token that opened it, never either itself."""
