"""The vocabulary of a connection's layers: TCP below, then (PROXY), TLS, HTTP.

A layer is told what happened in either direction, in the order of the wire. It never returns anything: what it makes of
it goes up to the next layer, or out as exchanges. ``direction`` is a ``chunk.Direction``; times are nanoseconds of
CLOCK_MONOTONIC; sizes are bytes.
"""

from __future__ import annotations

from typing import Protocol

UNKNOWN = 1 << 40
"""Size of a gap whose length cannot be told: longer than any message."""


class Layer(Protocol):
    """One protocol of one connection."""

    def data(self, direction: int, data: bytes, time: int) -> None:
        """The next bytes; never empty. A call's end is the end of a read or write of the server."""

    def hole(self, direction: int, size: int, time: int) -> None:
        """``size`` bytes moved that capture left out by design (the head of a body was enough, sendfile)."""

    def gap(self, direction: int, size: int, lost: int, time: int) -> None:
        """``size`` bytes (or UNKNOWN) were lost, in ``lost`` chunks (0: not known)."""

    def expire(self, time: int) -> None:
        """Nothing happened for the response timeout: give up waiting for answers and keys."""

    def relieve(self, time: int) -> None:
        """Memory is short: give back all that is held (``budget``), and go on with what follows as far as possible."""

    def close(self, time: int) -> None:
        """The connection ended, or is forgotten. Nothing follows."""


class Ignore:
    """The layer of a connection that is of no interest (any more)."""

    __slots__ = ()

    def data(self, direction: int, data: bytes, time: int) -> None:
        """Nothing."""

    def hole(self, direction: int, size: int, time: int) -> None:
        """Nothing."""

    def gap(self, direction: int, size: int, lost: int, time: int) -> None:
        """Nothing."""

    def expire(self, time: int) -> None:
        """Nothing."""

    def relieve(self, time: int) -> None:
        """Nothing."""

    def close(self, time: int) -> None:
        """Nothing."""


IGNORE = Ignore()
