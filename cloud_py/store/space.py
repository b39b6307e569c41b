"""Disk space: what the store takes of it, what it gives back, and what it leaves to others.

A disk that the store filled would disturb whatever else the host runs, so the store has a limit in bytes and the file
system a floor of free ones. The measure is SQLite's own: pages of the file less those on its free list. It is exact,
covers rows, indexes and all that is not a hit, speaks of one transaction, and is read from the file's header: there is
no sum that could go wrong, and nothing to scan.

What retention frees goes to the free list and is used again, so a store at its limit is a ring in a file that does not
grow. The file shrinks only when much of it is free (retention by age, or a lower limit): ``give_back`` then cuts off
its end, a bounded number of pages a call. That needs ``auto_vacuum=INCREMENTAL``, which files that older versions made
do not have; they stay as large as they are and are used again. Other databases bound their disk themselves: they
measure 0.
"""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa

FLOOR_BYTES = 512 << 20
FLOOR_SHARE = 20
"""The floor when none is set: 512 MiB, or a twentieth of the file system when that is less."""

RESERVE_SHARE = 8
"""Free pages up to an eighth of the file stay in it: the next hits take them."""
GIVE_BACK_PAGES = 16_384
"""Pages cut off in one call at most: 64 MiB, under a second."""
STEP_PAGES = 1024


class NoSpace(Exception):
    """Nothing may be stored now; the message is one sentence."""


def used(connection: sa.Connection) -> int:
    """Bytes of SQLite's file that hold something, as this transaction sees it; 0 for other databases."""
    if connection.dialect.name != "sqlite":
        return 0
    return (_pragma(connection, "page_count") - _pragma(connection, "freelist_count")) * _pragma(
        connection, "page_size"
    )


def give_back(engine: sa.Engine) -> int:
    """Shorten the file by free pages above the reserve; return by how many pages, about ``GIVE_BACK_PAGES`` at most."""
    if engine.dialect.name != "sqlite":
        return 0
    given = 0
    while given < GIVE_BACK_PAGES:
        with engine.begin() as connection:
            step = _shorten(connection)
        given += step
        if step < STEP_PAGES:
            break
    return given


def _shorten(connection: sa.Connection) -> int:
    before = _pragma(connection, "page_count")
    excess = _pragma(connection, "freelist_count") - before // RESERVE_SHARE
    for _ in range(min(excess, STEP_PAGES)):
        # A page each: Python's driver takes but one step of a statement without columns, and a step is a page.
        connection.exec_driver_sql("PRAGMA incremental_vacuum(1)")
    return before - _pragma(connection, "page_count")


def _pragma(connection: sa.Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())


def directory(engine: sa.Engine) -> Path | None:
    """Where SQLite's file is; None when there is none on this machine."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name == ":memory:":
        return None
    return Path(name).absolute().parent


def shortage(place: Path | None, floor: int) -> str:
    """Why nothing may be written to ``place``, or "". ``floor``: bytes that must be free there; 0: the default."""
    if place is None:
        return ""
    try:
        system = os.statvfs(place)
    except OSError as error:
        return f"The free space of the database's disk cannot be read: {error.strerror}."
    free = system.f_bavail * system.f_frsize
    wanted = floor or min(FLOOR_BYTES, system.f_blocks * system.f_frsize // FLOOR_SHARE)
    if free >= wanted:
        return ""
    return (
        f"The database's disk has {free >> 20} MiB free, less than the {wanted >> 20} MiB of retention.free_bytes: "
        "no hits are taken until there is more."
    )
