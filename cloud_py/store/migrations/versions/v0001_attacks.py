"""Nodes, attacks, hits, facets and sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "nodes",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("first_seen", sa.BigInteger, nullable=False),
        sa.Column("last_seen", sa.BigInteger, nullable=False),
        sa.Column("hits", sa.BigInteger, nullable=False),
    )
    texts = ["parameter", "domain", "path"]
    places = ["process", "container", "pod", "namespace", "host"]
    numbers = ["first_time", "last_time", "hits", "payloads", "sources", "statuses"]
    op.create_table(
        "attacks",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("group_key", sa.String(32), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        *[sa.Column(name, sa.Text, nullable=False) for name in texts],
        *[sa.Column(name, sa.BigInteger, nullable=False) for name in numbers],
        *[sa.Column(name, sa.Text, nullable=False) for name in places],
    )
    op.create_index("attacks_by_group", "attacks", ["group_key", "last_time"])
    op.create_index("attacks_by_time", "attacks", ["last_time", "id"])
    op.create_index("attacks_by_type", "attacks", ["type", "last_time"])
    op.create_table(
        "hits",
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("attack_id", sa.String(32), sa.ForeignKey("attacks.id", ondelete="CASCADE"), nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
    )
    op.create_index("hits_by_attack", "hits", ["attack_id", "time", "id"])
    op.create_index("hits_by_time", "hits", ["time"])
    op.create_table(
        "facets",
        sa.Column("attack_id", sa.String(32), sa.ForeignKey("attacks.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("hits", sa.BigInteger, nullable=False),
    )
    op.create_index("facets_by_key", "facets", ["kind", "key"])
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("token_digest", sa.String(64), nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop everything."""
    for table in ("sessions", "facets", "hits", "attacks", "nodes"):
        op.drop_table(table)
