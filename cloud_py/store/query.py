"""Reading: attacks that meet a filter, their hits, statistics. Pages follow a cursor, so new rows shift nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from cloud_py.store.filters import FilterError, Filters, Term, status_range
from cloud_py.store.intake import KINDS
from cloud_py.store.tables import attacks, facets, hits, nodes
from cloud_py.store.views import (
    Attack,
    AttackPage,
    Count,
    HitPage,
    Node,
    Statistics,
    StoredHit,
    Timeline,
    Workload,
    rfc3339,
)
from common_py.contracts import Hit

TOP = 5
"""Values of each kind that an attack shows."""
STATISTICS = 8
"""Values of each kind that the statistics show."""

_decode = msgspec.msgpack.Decoder(Hit).decode
_COLUMNS = {
    "type": attacks.c.type,
    "domain": attacks.c.domain,
    "path": attacks.c.path,
    "parameter": attacks.c.parameter,
    "pod": attacks.c.pod,
    "namespace": attacks.c.namespace,
    "container": attacks.c.container,
    "process": attacks.c.process,
}


def attack_page(connection: sa.Connection, wanted: Filters, limit: int, cursor: str) -> AttackPage:
    """Up to ``limit`` attacks, latest hit first. Raises FilterError for a cursor that is none."""
    query = sa.select(attacks).where(*conditions(wanted))
    if cursor:
        query = query.where(sa.tuple_(attacks.c.last_time, attacks.c.id) < sa.tuple_(*_read_cursor(cursor)))
    rows = connection.execute(query.order_by(attacks.c.last_time.desc(), attacks.c.id.desc()).limit(limit + 1)).all()
    following = _cursor(rows[limit - 1].last_time, rows[limit - 1].id) if len(rows) > limit else ""
    return AttackPage(_attacks(connection, rows[:limit]), following)


def attacks_by_id(connection: sa.Connection, ids: Sequence[str]) -> list[Attack]:
    """The attacks with these ids that exist."""
    return _attacks(connection, connection.execute(sa.select(attacks).where(attacks.c.id.in_(ids))).all())


def hit_page(connection: sa.Connection, attack_id: str, limit: int, cursor: str) -> HitPage:
    """Up to ``limit`` hits of an attack, latest first. Raises FilterError for a cursor that is none."""
    query = sa.select(hits).where(hits.c.attack_id == attack_id)
    if cursor:
        query = query.where(sa.tuple_(hits.c.time, hits.c.id) < sa.tuple_(*_read_cursor(cursor)))
    rows = connection.execute(query.order_by(hits.c.time.desc(), hits.c.id.desc()).limit(limit + 1)).all()
    following = _cursor(rows[limit - 1].time, rows[limit - 1].id) if len(rows) > limit else ""
    return HitPage([_stored(row) for row in rows[:limit]], following)


def hit(connection: sa.Connection, identifier: str) -> StoredHit | None:
    """One hit, or None."""
    row = connection.execute(sa.select(hits).where(hits.c.id == identifier)).one_or_none()
    return None if row is None else _stored(row)


def node_list(connection: sa.Connection) -> list[Node]:
    """All processing nodes, last seen first, at most 1000."""
    rows = connection.execute(sa.select(nodes).order_by(nodes.c.last_seen.desc(), nodes.c.name).limit(1000))
    return [Node(row.name, rfc3339(row.first_seen), rfc3339(row.last_seen), row.hits) for row in rows]


def statistics(connection: sa.Connection, wanted: Filters) -> Statistics:
    """Totals and most frequent values over the attacks that meet the filter."""
    met = sa.select(attacks.c.id, attacks.c.type, attacks.c.hits).where(*conditions(wanted)).subquery()
    total = connection.execute(sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(met.c.hits), 0))).one()
    number = sa.func.sum(met.c.hits)
    types = connection.execute(
        sa.select(met.c.type, number).group_by(met.c.type).order_by(number.desc(), met.c.type).limit(STATISTICS)
    )

    def top(kind: str) -> list[Count]:
        many = sa.func.sum(facets.c.hits)
        query = sa.select(sa.func.min(facets.c.value), many).join(met, met.c.id == facets.c.attack_id)
        query = query.where(facets.c.kind == kind).group_by(facets.c.key).order_by(many.desc(), facets.c.key)
        return [_count(kind, value, count) for value, count in connection.execute(query.limit(STATISTICS))]

    counts = [Count(value, int(count)) for value, count in types]
    return Statistics(total[0], int(total[1]), counts, top("source"), top("status"))


def timeline(connection: sa.Connection, wanted: Filters, now: int, buckets: int) -> Timeline:
    """Hits of the attacks that meet the filter, in ``buckets`` slices from its beginning, or the first hit, to now."""
    met = sa.select(attacks.c.id, attacks.c.first_time).where(*conditions(wanted)).subquery()
    start = wanted.since
    if start is None:
        start = connection.execute(sa.select(sa.func.min(met.c.first_time))).scalar_one() or 0
    until = max(now if wanted.until is None else wanted.until, start + buckets)
    step = (until - start) // buckets + 1
    number = (hits.c.time - start) // step
    query = sa.select(number.label("slot"), sa.func.count()).select_from(hits).join(met, met.c.id == hits.c.attack_id)
    query = query.where(hits.c.time >= start, hits.c.time <= until).group_by("slot")
    counts = [0] * buckets
    for index, count in connection.execute(query):
        counts[int(index)] += count
    return Timeline(start, step, counts)


def conditions(wanted: Filters) -> list[sa.ColumnElement[bool]]:
    """The filter in SQL: alternatives within a field, all fields at once, every negated term on its own."""
    parts: list[sa.ColumnElement[bool]] = []
    if wanted.since is not None:
        parts.append(attacks.c.last_time >= wanted.since)
    if wanted.until is not None:
        parts.append(attacks.c.first_time <= wanted.until)
    by_field: dict[str, list[sa.ColumnElement[bool]]] = {}
    for item in wanted.terms:
        if item.negated:
            parts.append(sa.not_(_condition(item)))
        else:
            by_field.setdefault(item.field, []).append(_condition(item))
    for name, alternatives in by_field.items():
        # Words all have to be found; several values of one field are alternatives.
        parts.append(sa.and_(*alternatives) if name == "text" else sa.or_(*alternatives))
    return parts


def _condition(item: Term) -> sa.ColumnElement[bool]:
    match item.field:
        case "status":
            low, high = status_range(item.value)
            return _has_facet("status", facets.c.value.between(f"{low:03}", f"{high:03}"))
        case "ip":
            return _has_facet("source", _like(facets.c.value, item.value))
        case "text":
            pattern = f"*{item.value}*"
            return sa.or_(
                *[_like(column, pattern) for column in _COLUMNS.values()],
                _has_facet("payload", _like(facets.c.value, pattern)),
            )
        case _:
            return _like(_COLUMNS[item.field], item.value)


def _has_facet(kind: str, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(facets.c.attack_id == attacks.c.id, facets.c.kind == kind, condition)


def _like(column: sa.ColumnElement[str], pattern: str) -> sa.ColumnElement[bool]:
    """``*`` and ``?`` as in file names, letters of both cases alike; without them the whole value must be equal."""
    text = pattern.replace("\0", "\\x00").replace("~", "~~").replace("%", "~%").replace("_", "~_")
    return column.ilike(text.replace("*", "%").replace("?", "_"), escape="~")


def _attacks(connection: sa.Connection, rows: Sequence[sa.Row[tuple[object, ...]]]) -> list[Attack]:
    tops = _tops(connection, [row.id for row in rows])
    return [
        Attack(
            id=row.id,
            type=row.type,
            parameter=row.parameter,
            domain=row.domain,
            path=row.path,
            first_time=rfc3339(row.first_time),
            last_time=rfc3339(row.last_time),
            hits=row.hits,
            payload_count=row.payloads,
            source_count=row.sources,
            sources=tops[row.id]["source"],
            status_codes=tops[row.id]["status"],
            payloads=tops[row.id]["payload"],
            where=Workload(row.process, row.container, row.pod, row.namespace, row.host),
        )
        for row in rows
    ]


def _tops(connection: sa.Connection, ids: Sequence[str]) -> dict[str, dict[str, list[Count]]]:
    """The most frequent values of each attack and kind, in one query."""
    rank = sa.func.row_number().over(
        partition_by=(facets.c.attack_id, facets.c.kind), order_by=(facets.c.hits.desc(), facets.c.key)
    )
    ranked = sa.select(facets, rank.label("rank")).where(facets.c.attack_id.in_(ids)).subquery()
    tops: dict[str, dict[str, list[Count]]] = {identifier: {kind: [] for kind in KINDS} for identifier in ids}
    for row in connection.execute(sa.select(ranked).where(ranked.c.rank <= TOP).order_by(ranked.c.rank)):
        tops[row.attack_id][row.kind].append(_count(row.kind, row.value, row.hits))
    return tops


def _count(kind: str, value: str, number: int) -> Count:
    return Count(value.lstrip("0") or "0" if kind == "status" else value, int(number))


def _stored(row: sa.Row[tuple[object, ...]]) -> StoredHit:
    return StoredHit(row.attack_id, rfc3339(row.time), _decode(row.record))


def _cursor(time: int, identifier: str) -> str:
    return base64.urlsafe_b64encode(f"{time}/{identifier}".encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[int, str]:
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True).decode()
        time, slash, identifier = decoded.partition("/")
        number = int(time)
    except (binascii.Error, ValueError) as error:
        raise FilterError("cursor is none that this server gave out; begin without one.") from error
    if not slash or not 0 <= number < 2**63:
        raise FilterError("cursor is none that this server gave out; begin without one.")
    return number, identifier
