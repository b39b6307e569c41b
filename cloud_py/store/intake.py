"""Hits into attacks.

Goals: a hit is stored once however often it is sent; hits with equal type, parameter, domain and path are one attack
until nothing came for ``gap``; a batch is one transaction.

Invariants: an attack's [first_time, last_time] covers its hits. A hit joins the latest attack of its group whose
interval, widened by ``gap`` on both sides, contains the hit's time; else it opens one. Hits may come late and out of
order; two attacks that a late hit would connect stay two. Counters of an attack speak of all hits it ever had, also of
those that retention took since. Per attack and kind at most ``FACETS`` distinct values are kept; more are counted as
dropped, not stored.

There is one writer (``Store`` holds a lock). Complexity: a batch costs a few queries for each attack that it touches,
and one more for every 500 hits and every 500 distinct values.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from cloud_py.store.tables import attacks, facets, hits, nodes
from common_py.contracts import Hit

FACETS = 1000
"""Distinct payloads, sources or status codes kept for one attack."""

KINDS = {"payload": "payloads", "source": "sources", "status": "statuses"}
"""Kinds of facets → the attack's column with the number of distinct ones."""

MAX_TEXT = 16_384
LATEST = 2**62 - 1
"""The latest time that is taken, in the year 2116: a gap or a slice of a timeline later is still one of 64 bits."""
_ID = re.compile(r"[0-9A-Za-z._:-]{1,128}\Z")
_encode = msgspec.msgpack.Encoder().encode


class HitError(ValueError):
    """A hit that cannot be stored; the message is one sentence."""


@dataclass(slots=True)
class Added:
    """What became of a batch. ``changes``: attack id → whether it is new, in the order of their first hit."""

    stored: int = 0
    known: int = 0
    facets_dropped: int = 0
    changes: dict[str, bool] = field(default_factory=dict)


def check(batch: Sequence[Hit]) -> list[bytes]:
    """Each hit's record for the store. Raises HitError naming the first field out of bounds."""
    return [_record(index, hit) for index, hit in enumerate(batch)]


def _record(index: int, hit: Hit) -> bytes:
    if not _ID.match(hit.id):
        raise HitError(f"hits.{index}.id must be 1 to 128 letters, digits or . _ : - characters.")
    if not 0 <= hit.exchange.start <= LATEST:
        raise HitError(f"hits.{index}.exchange.start must be nanoseconds since 1970, from 0 to 2^62 - 1.")
    if not all(0 <= finding.score <= 1 for finding in hit.findings):
        raise HitError(f"hits.{index}.findings have a score that is not from 0 to 1.")
    if not 0 <= hit.exchange.response.status <= 999:
        raise HitError(f"hits.{index}.exchange.response.status must be from 0 to 999.")
    if not re.match(r"[a-z0-9_]{1,64}\Z", hit.type):
        raise HitError(f"hits.{index}.type must be 1 to 64 lower-case letters, digits or underscores.")
    for name in ("parameter", "domain", "path", "node"):
        if len(getattr(hit, name)) > MAX_TEXT:
            raise HitError(f"hits.{index}.{name} must have at most {MAX_TEXT} characters.")
    try:
        return _encode(hit)
    except OverflowError as error:
        raise HitError(f"hits.{index} has a number beyond 64 bits.") from error


def group_key(hit: Hit) -> str:
    """Digest of what makes hits one attack: type, parameter and address."""
    return _digest("\0".join((hit.type, hit.parameter, hit.domain, hit.path)))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _text(value: str, limit: int = MAX_TEXT) -> str:
    """NUL cannot stand in a PostgreSQL text."""
    return value[:limit].replace("\0", "\\x00")


def add(connection: sa.Connection, batch: Sequence[Hit], records: Sequence[bytes], gap: int, now: int) -> Added:
    """Store the hits that are not known yet. ``records``: from ``check``; ``gap`` and ``now`` in nanoseconds."""
    result = Added()
    fresh = _fresh(connection, batch, records)
    result.known = len(batch) - len(fresh)
    result.stored = len(fresh)
    if not fresh:
        return result
    groups: dict[str, list[tuple[Hit, bytes]]] = {}
    for hit, record in sorted(fresh, key=lambda item: item[0].exchange.start):
        groups.setdefault(group_key(hit), []).append((hit, record))
    rows: list[dict[str, Any]] = []
    counts: dict[str, Counter[tuple[str, str]]] = {}
    touched: dict[str, dict[str, Any]] = {}
    for key, members in groups.items():
        candidates = _candidates(connection, key, members[0][0].exchange.start, members[-1][0].exchange.start, gap)
        for hit, record in members:
            attack = _place(candidates, key, hit, gap, result)
            touched[attack["id"]] = attack
            rows.append({"id": hit.id, "attack_id": attack["id"], "time": hit.exchange.start, "record": record})
            counts.setdefault(attack["id"], Counter()).update(_facets(hit))
    _write_attacks(connection, touched.values(), result)
    for attack_id, counter in counts.items():
        _write_facets(connection, touched[attack_id], counter, result)
    _update_distinct(connection, touched.values())
    connection.execute(hits.insert(), rows)
    _write_nodes(connection, fresh, now)
    return result


def _fresh(connection: sa.Connection, batch: Sequence[Hit], records: Sequence[bytes]) -> list[tuple[Hit, bytes]]:
    by_id = {hit.id: (hit, record) for hit, record in zip(batch, records, strict=True)}
    ids = list(by_id)
    for start in range(0, len(ids), 500):
        known = connection.execute(sa.select(hits.c.id).where(hits.c.id.in_(ids[start : start + 500])))
        for identifier in known.scalars():
            del by_id[identifier]
    return list(by_id.values())


def _candidates(connection: sa.Connection, key: str, first: int, last: int, gap: int) -> list[dict[str, Any]]:
    query = sa.select(attacks).where(
        attacks.c.group_key == key, attacks.c.last_time >= first - gap, attacks.c.first_time <= last + gap
    )
    return [dict(row) for row in connection.execute(query.order_by(attacks.c.last_time)).mappings()]


def _place(candidates: list[dict[str, Any]], key: str, hit: Hit, gap: int, result: Added) -> dict[str, Any]:
    """The attack that the hit joins, updated; a new one is put among the candidates."""
    time = hit.exchange.start
    attack: dict[str, Any]
    near = [item for item in candidates if item["first_time"] - gap <= time <= item["last_time"] + gap]
    if near:
        attack = max(near, key=lambda item: item["last_time"])
    else:
        attack = _open(key, hit)
        candidates.append(attack)
        result.changes[attack["id"]] = True
    result.changes.setdefault(attack["id"], False)
    attack["hits"] += 1
    attack["first_time"] = min(attack["first_time"], time)
    if time >= attack["last_time"]:
        attack["last_time"] = time
        where = hit.exchange.where
        names = ("process", "container", "pod", "namespace")
        attack.update({name: _text(getattr(where, name), 255) for name in names})
        attack["host"] = _text(where.node, 255)
    return attack


def _open(key: str, hit: Hit) -> dict[str, Any]:
    time = hit.exchange.start
    texts = {name: _text(getattr(hit, name)) for name in ("type", "parameter", "domain", "path")}
    zeros = dict.fromkeys(("hits", *KINDS.values()), 0)
    times = {"first_time": time, "last_time": time}
    attack: dict[str, Any] = {"id": _digest(f"{key}\0{hit.id}"), "group_key": key, **times, **texts, **zeros}
    return attack


def _facets(hit: Hit) -> list[tuple[str, str]]:
    """Distinct (kind, value) pairs of one hit: a payload that stands in it twice counts once."""
    found = {("payload", _text(finding.payload, 1024)) for finding in hit.findings}
    found.add(("source", _text(hit.exchange.client.address, 64)))
    # Three digits, so that ranges compare as texts.
    found.add(("status", f"{hit.exchange.response.status:03}"))
    return sorted(found)


def _write_attacks(connection: sa.Connection, touched: Iterable[dict[str, Any]], result: Added) -> None:
    opened = [attack for attack in touched if result.changes[attack["id"]]]
    if opened:
        connection.execute(attacks.insert(), opened)
    for attack in touched:
        if not result.changes[attack["id"]]:
            values = {name: value for name, value in attack.items() if name not in ("id", "group_key")}
            connection.execute(attacks.update().where(attacks.c.id == attack["id"]).values(values))


def _write_facets(
    connection: sa.Connection, attack: dict[str, Any], counter: Counter[tuple[str, str]], result: Added
) -> None:
    keyed = {(kind, _digest(value)): (value, count) for (kind, value), count in counter.items()}
    known = _known_facets(connection, attack["id"], keyed)
    rows = []
    for (kind, key), (value, count) in keyed.items():
        if (kind, key) not in known:
            if attack[KINDS[kind]] >= FACETS:
                result.facets_dropped += 1
                continue
            attack[KINDS[kind]] += 1
        rows.append({"attack_id": attack["id"], "kind": kind, "key": key, "value": value, "hits": count})
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(facets)
    if rows:
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["attack_id", "kind", "key"], set_={"hits": facets.c.hits + insert.excluded.hits}
            ),
            rows,
        )


def _known_facets(connection: sa.Connection, attack_id: str, keyed: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    keys = [key for _, key in keyed]
    found: set[tuple[str, str]] = set()
    for start in range(0, len(keys), 500):
        query = sa.select(facets.c.kind, facets.c.key).where(
            facets.c.attack_id == attack_id, facets.c.key.in_(keys[start : start + 500])
        )
        found.update((row.kind, row.key) for row in connection.execute(query))
    return found


def _update_distinct(connection: sa.Connection, touched: Iterable[dict[str, Any]]) -> None:
    for attack in touched:
        values = {column: attack[column] for column in KINDS.values()}
        connection.execute(attacks.update().where(attacks.c.id == attack["id"]).values(values))


def _write_nodes(connection: sa.Connection, fresh: Iterable[tuple[Hit, bytes]], now: int) -> None:
    counts = Counter(_text(hit.node, 255) for hit, _ in fresh if hit.node)
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(nodes)
    for name, count in counts.items():
        row = insert.values(name=name, first_seen=now, last_seen=now, hits=count)
        connection.execute(
            row.on_conflict_do_update(
                index_elements=["name"], set_={"last_seen": now, "hits": nodes.c.hits + row.excluded.hits}
            )
        )
