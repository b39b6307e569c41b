"""The books of a node that outlive its kill: a few counters in one mapped page of a file.

Goals, in order: what a killed node took with it is counted, once and by number; the node never waits for its books; a
file that cannot be read costs a count, never a start.

*Accounts.* Each kind of thing has one: ``given`` counts what the node took charge of, ``settled`` what it is rid of,
because it was handed on, or counted as lost by another cause. The difference is what it holds. ``killed`` sums what
nodes held when they were killed and no later node found again; it is carried from ledger to ledger, so as a metric it
only grows, and a scrape after the kill sees the increase.

*Slots.* A slot is an unsigned number of 64 bits in the machine's byte order, aligned, changed by one plain store of
the only thread that writes: no lock, no system call. A process that ends, even by SIGKILL, leaves its stores in the
page cache, where the next one finds them. A power cut does not: the kernel may have written an older page to the disk,
and the counts are then those of that moment (seconds ago).

*From one node to the next.* ``read`` copies the predecessor's page and changes nothing; ``begin`` makes a fresh page
that already carries the losses and puts it in the old one's place with rename(2). A kill before that leaves the old
books to count, a kill after it leaves the new ones: nothing is counted twice or not at all.

*Between two stores.* Who gives and settles chooses the order so that a kill in between never invents a loss (see
``KeptStream`` and the intake); the count can then be too low, by at most the one batch that was being moved.
"""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from common_py import logging
from common_py.errors import NO_PERMISSION, UserError

MAGIC = int.from_bytes(b"oobbooks", sys.byteorder)
VERSION = 1
SLOT_BYTES = 8
FILE_BYTES = 4096
"""One page; slots that nobody uses yet are zero."""
COUNT_LIMIT = 1 << 53
"""Counts from here on are no counts; metrics are floating-point numbers, exact below it."""

_MAGIC, _VERSION, _CLOSED, _ACCOUNTS = range(4)
_GIVEN, _SETTLED, _KILLED, _ACCOUNT_SLOTS = range(4)
_NAMES = ("exchanges", "hits", "summaries")


class Account:
    """One kind of thing in the books. One writer."""

    __slots__ = ("_first", "_slots")

    def __init__(self, slots: memoryview, first: int) -> None:
        self._slots = slots
        self._first = first

    def give(self, count: int) -> None:
        """The node took charge of ``count`` (≥ 0) more."""
        self._slots[self._first + _GIVEN] += count

    def settle(self, count: int) -> None:
        """The node is rid of ``count`` (≥ 0) more."""
        self._slots[self._first + _SETTLED] += count

    @property
    def held(self) -> int:
        """What the node has charge of now."""
        return self._slots[self._first + _GIVEN] - self._slots[self._first + _SETTLED]

    @property
    def killed(self) -> int:
        """What nodes before this one held when they were killed, summed."""
        return self._slots[self._first + _KILLED]

    def inherit(self, before: Account, kept: int) -> int:
        """Carry the predecessor's losses on, ``kept`` of its things having been found. Returns its own loss."""
        lost = max(0, before.held - kept)
        self._slots[self._first + _KILLED] = before.killed + lost
        self.give(kept)
        return lost

    def plausible(self) -> bool:
        """Whether the numbers can be counts."""
        counts = self._slots[self._first : self._first + _ACCOUNT_SLOTS]
        return max(counts) < COUNT_LIMIT and self.held >= 0


class Ledger:
    """The books over ``page``, a writable buffer of ``FILE_BYTES``, or over memory that ends with the process."""

    def __init__(self, page: mmap.mmap | bytearray | None = None) -> None:
        self._slots = memoryview(bytearray(FILE_BYTES) if page is None else page).cast("Q")
        self._slots[_MAGIC], self._slots[_VERSION] = MAGIC, VERSION
        self.exchanges, self.hits, self.summaries = self._accounts()

    def _accounts(self) -> Iterator[Account]:
        for number in range(len(_NAMES)):
            yield Account(self._slots, _ACCOUNTS + number * _ACCOUNT_SLOTS)

    @property
    def closed(self) -> bool:
        """Whether the node ended in good order."""
        return self._slots[_CLOSED] != 0

    def close(self) -> None:
        """The node ends in good order: what it still holds is kept elsewhere."""
        self._slots[_CLOSED] = 1

    def damage(self) -> str:
        """What is wrong with the numbers; "" when nothing is."""
        wrong = [name for name, account in zip(_NAMES, self._accounts(), strict=True) if not account.plausible()]
        return f"its numbers of {', '.join(wrong)} are no counts" if wrong else ""


def read(path: Path) -> Ledger:
    """A copy of the books in ``path``. None there, or unusable ones, which is logged: books with nothing in them."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES + 1)
    except FileNotFoundError:
        return nothing()
    except OSError as error:
        content, reason = b"", str(error.strerror)
    else:
        reason = foreign(content)
    if not reason:
        found = Ledger(bytearray(content))
        reason = found.damage()
        if not reason:
            return found
    logging.get("ledger").error(
        "The ledger cannot be used, so what the node before this one lost is not known; a fresh one takes its place.",
        file=str(path),
        reason=reason,
    )
    return nothing()


def nothing() -> Ledger:
    """Books of a node that held nothing and ended in good order."""
    books = Ledger()
    books.close()
    return books


def foreign(content: bytes) -> str:
    """Why ``content`` is no ledger of this version; "" when it is one. Pure."""
    if len(content) != FILE_BYTES:
        return f"it is {'longer' if len(content) > FILE_BYTES else 'shorter'} than {FILE_BYTES} bytes"
    slots = memoryview(content).cast("Q")
    if slots[_MAGIC] != MAGIC:
        return "it does not begin as a ledger does"
    return "" if slots[_VERSION] == VERSION else f"its version is {slots[_VERSION]}, not {VERSION}"


def begin(path: Path, before: Ledger, *, hits_kept: int) -> Ledger:
    """Fresh books in ``path`` for a node that begins with ``hits_kept`` hits of the one before. Raises UserError."""
    page = bytearray(FILE_BYTES)
    fresh = Ledger(page)
    fresh.exchanges.inherit(before.exchanges, 0)
    fresh.summaries.inherit(before.summaries, 0)
    fresh.hits.inherit(before.hits, hits_kept)
    temporary = path.with_name(f"{path.name}.new")
    try:
        # Written, not truncated to its size: a store into a page without a block on a full disk would end the process.
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "r+b", buffering=0) as file:
            file.write(page)
            mapped = mmap.mmap(file.fileno(), FILE_BYTES)
        temporary.rename(path)
    except OSError as error:
        raise UserError(
            f"Cannot write the ledger {path}: {error.strerror}.",
            "The data directory must be writable and its disk not full.",
            exit_code=NO_PERMISSION,
        ) from error
    return Ledger(mapped)
