"""One budget for what all connections of a worker hold: heads, bodies, TLS records that wait for more bytes or a key.

Each buffer has a limit of its own, but their sum over all connections is far more than a node has. So whoever keeps
bytes of a connection says so to its ``Account``, and takes it back when it lets them go; when ``Budget.held`` is above
the limit the pipeline has the oldest bodies cut (``bodies`` is in the order of their first byte), and when that is not
enough, the connections that were idle longest give back all they hold.

What counts: bytes, plus ``PART`` for each piece that is kept by itself and ``FIELD`` for each field, since many small
pieces weigh more than their bytes. What does not: the fixed state of a connection (bounded by their number), the first
bytes by which a protocol is recognised (256 at most), TLS secrets (bounded by their number), recordings, and exchanges
that wait to be sent (the forward queue has limits of its own).

Invariant: ``held`` is the sum over the accounts; an account is 0 when its connection is closed. Cost: a change is two
additions; a chunk that leaves nothing waiting costs a comparison, a request two changes (its head until it is
answered), a body two more and one entry of a dictionary. Relief goes down to 7/8 of the limit, so that the walk over
the connections is paid by as many bytes as it sets free.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

UNLIMITED = 1 << 62
PART = 64
"""Bytes that a piece weighs besides its content."""
FIELD = 128
"""Bytes that a field (name, value) weighs besides its content."""
HEAD = 512
"""Bytes that a request weighs besides its fields."""


class Body(Protocol):
    """A request body, or a part of one, that is held."""

    def cut(self) -> None:
        """Let the body's bytes go, and count them."""


class Budget:
    """``limit`` and ``held`` in bytes."""

    __slots__ = ("bodies", "goal", "held", "limit")

    def __init__(self, limit: int = UNLIMITED) -> None:
        self.limit = limit
        self.goal = limit - limit // 8
        """Where relief ends."""
        self.held = 0
        self.bodies: OrderedDict[Body, None] = OrderedDict()
        """The bodies that are held, the one that began first in front."""

    def cut_bodies(self) -> None:
        """Cut bodies, oldest first, until the goal is reached or none is held. O(1) a body."""
        while self.bodies and self.held > self.goal:
            body, _none = self.bodies.popitem(last=False)
            body.cut()


class Account:
    """What one connection holds of a budget."""

    __slots__ = ("budget", "held")

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget if budget is not None else Budget()
        self.held = 0

    def add(self, size: int) -> None:
        """``size`` bytes more are held; negative: less."""
        self.held += size
        self.budget.held += size
