"""What the store gives out: attacks, hits, nodes and statistics, as the API sends them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from common_py.contracts import Hit


class Count(msgspec.Struct, frozen=True):
    """A value and how many hits had it."""

    value: str
    hits: int


class Workload(msgspec.Struct, frozen=True):
    """Where an attack went; empty strings: not known. ``node`` is the machine."""

    process: str
    container: str
    pod: str
    namespace: str
    node: str


class Attack(msgspec.Struct, frozen=True):
    """Hits of one type on one parameter of one address, without a long pause between them."""

    id: str
    type: str
    parameter: str
    domain: str
    path: str
    first_time: str
    """RFC 3339, UTC."""
    last_time: str
    hits: int
    payload_count: int
    """Distinct payloads."""
    source_count: int
    """Distinct client addresses."""
    sources: list[Count]
    """Client addresses with the most hits, at most ``TOP``."""
    status_codes: list[Count]
    payloads: list[Count]
    where: Workload


class StoredHit(msgspec.Struct, frozen=True):
    """A hit with the attack it belongs to."""

    attack_id: str
    time: str
    hit: Hit


class Node(msgspec.Struct, frozen=True):
    """A processing node that sent hits."""

    name: str
    first_seen: str
    last_seen: str
    hits: int


class Statistics(msgspec.Struct, frozen=True):
    """Over the attacks that meet a filter: how many, and what they have most."""

    attacks: int
    hits: int
    types: list[Count]
    sources: list[Count]
    status_codes: list[Count]


class Timeline(msgspec.Struct, frozen=True):
    """Hits per slice of time: ``counts[i]`` within [start + i * step, start + (i + 1) * step) ns."""

    start: int
    step: int
    counts: list[int]


class AttackPage(msgspec.Struct, frozen=True):
    """Attacks, latest hit first. ``cursor`` leads to the next page; "" on the last."""

    attacks: list[Attack]
    cursor: str


class HitPage(msgspec.Struct, frozen=True):
    """Hits, latest first."""

    hits: list[StoredHit]
    cursor: str


def rfc3339(nanoseconds: int) -> str:
    """RFC 3339 in UTC with microseconds; beyond the year 9999, that year's end."""
    seconds, rest = divmod(min(nanoseconds, 253_402_300_799_999_999_999), 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
