"""Entries of a stream in a file, so that they outlive a kill of the process that holds them.

Goals, in order: what ``add`` returned for is found by ``read`` after a SIGKILL; the process goes on, in memory alone,
when the file cannot be used; the file is bounded.

The file is an SQLite database with a write-ahead log and without fsync(2): a commit is in the page cache when it
returns, a kill in the middle of one leaves the state before it. A power cut may lose the last commits, or damage the
file; a damaged one is set aside (one, under the name ``*.damaged``) and a fresh one takes its place.

A row is one entry as msgpack and its number, which only grows. A call is one transaction for all its entries: adding
and forgetting costs microseconds a hit (docs/benchmarks.md), in the calling thread (the event loop's).

The bodies together are at most ``limit`` bytes; the file is as large as it had to be since it was empty at a start.
What does not fit, or cannot be written, gets the number 0: it is in memory alone, which is logged once until it is
over, and a kill then costs it (the ledger counts that).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from common_py import logging

T = TypeVar("T")

FORMAT = 1
MEMORY_ALONE = 0
"""The number of an entry that is not in the file."""


class Damaged(Exception):
    """The file is no spool of this format. Its text says why."""


class Spool(Generic[T]):
    """Entries of the msgspec type ``entry`` in the file ``path``. One process, one thread."""

    def __init__(self, path: Path, entry: type[T], limit: int) -> None:
        self._path = path
        self._limit = limit
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode: Callable[[bytes], T] = msgspec.msgpack.Decoder(entry).decode
        self._log = logging.get("spool")
        self._sizes: dict[int, int] = {}
        self._bytes = 0
        self._next = MEMORY_ALONE + 1
        self._trouble = ""
        self._database: sqlite3.Connection | None = None

    def read(self) -> list[tuple[int, T]]:
        """Open the file; every entry in it with its number, oldest first. Call it once, before all others."""
        try:
            try:
                return self._open()
            except Damaged as error:
                self._set_aside(str(error))
                return self._open()
        except (Damaged, sqlite3.Error, OSError) as error:
            self._end()
            self._log.error(
                "Hits cannot be kept on the disk, so a kill of this node costs those that wait for the cloud.",
                file=str(self._path),
                reason=str(error),
            )
            return []

    def add(self, entries: Sequence[T]) -> list[int]:
        """Keep entries. Returns their numbers, ``MEMORY_ALONE`` for those that could not be kept."""
        if self._database is None or not entries:
            return [MEMORY_ALONE] * len(entries)
        rows: list[tuple[int, bytes]] = []
        size = self._bytes
        for number, body in enumerate(map(self._encode, entries), self._next):
            size += len(body)
            if size > self._limit:
                break
            rows.append((number, body))
        try:
            with self._database:
                self._database.executemany("INSERT INTO entries VALUES (?, ?)", rows)
        except sqlite3.Error as error:
            self._note(str(error))
            return [MEMORY_ALONE] * len(entries)
        self._note("" if len(rows) == len(entries) else f"they would be more than {self._limit} bytes")
        for number, body in rows:
            self._enter(number, len(body))
        return [number for number, _ in rows] + [MEMORY_ALONE] * (len(entries) - len(rows))

    def forget(self, numbers: Sequence[int]) -> None:
        """Remove entries. When that fails they come again after the next start."""
        if self._database is None or not numbers:
            return
        try:
            with self._database:
                self._database.executemany("DELETE FROM entries WHERE number = ?", ((number,) for number in numbers))
        except sqlite3.Error as error:
            self._note(str(error))
            return
        for number in numbers:
            self._bytes -= self._sizes.pop(number, 0)

    def close(self) -> None:
        """Close the file; what is in it stays."""
        self._end()

    def _open(self) -> list[tuple[int, T]]:
        """Raises Damaged for what a fresh file mends, sqlite3.Error and OSError for the rest."""
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._database = sqlite3.connect(self._path, timeout=1.0)
        try:
            prepare(self._database)
            found = self._entries(self._database)
            if not found:
                # Gives the space back that an outage of the cloud took; a full disk has none to do it in.
                with suppress(sqlite3.OperationalError):
                    self._database.execute("VACUUM")
            return found
        except sqlite3.Error as error:
            self._end()
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise Damaged(str(error)) from error
            raise
        except Damaged:
            self._end()
            raise

    def _entries(self, database: sqlite3.Connection) -> list[tuple[int, T]]:
        found: list[tuple[int, T]] = []
        unreadable: list[int] = []
        for number, body in database.execute("SELECT number, body FROM entries ORDER BY number"):
            self._next = number + 1
            try:
                found.append((number, self._decode(body)))
                self._enter(number, len(body))
            except (msgspec.DecodeError, TypeError):
                unreadable.append(number)
        if unreadable:
            self._log.error("Entries of the spool cannot be read and are left out.", entries=len(unreadable))
            self.forget(unreadable)
        return found

    def _enter(self, number: int, size: int) -> None:
        self._sizes[number] = size
        self._bytes += size
        self._next = number + 1

    def _note(self, trouble: str) -> None:
        """Log that entries stay in memory alone, once until it is over."""
        if trouble and not self._trouble:
            self._log.error("Hits are in memory alone for now.", file=str(self._path), reason=trouble)
        self._trouble = trouble

    def _set_aside(self, reason: str) -> None:
        aside = self._path.with_name(f"{self._path.name}.damaged")
        self._path.replace(aside)
        for suffix in ("-wal", "-shm", "-journal"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._log.error(
            "The spool of hits cannot be used and was set aside; a fresh one takes its place.",
            file=str(aside),
            reason=reason,
        )

    def _end(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
        self._sizes.clear()
        self._bytes = 0


def prepare(database: sqlite3.Connection) -> None:
    """Make or check the tables. Raises Damaged for a database of something else, sqlite3.Error."""
    # EXCLUSIVE before the first access: the log's index is then in memory and needs no file of its own.
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    (found,) = database.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    if (found, tables) not in ((0, set()), (FORMAT, {"entries"})):
        raise Damaged(f"it is a database of format {found} with {len(tables)} tables, not a spool of format {FORMAT}")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = OFF")
    with database:
        database.execute("CREATE TABLE IF NOT EXISTS entries (number INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        database.execute(f"PRAGMA user_version = {FORMAT}")
