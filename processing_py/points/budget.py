"""What one request may cost: every parser and decoder pays here before it works.

Goals: a request of any size and shape ends in time linear in its bytes, and what was not looked at is known.
Invariants: ``spend`` never lets the totals pass the limits; once a limit is met ``exceeded`` names it and stays.
The units are deterministic (nodes, characters), not seconds, so that the same request always has the same verdict.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one request. ``growth`` multiplies the request's own bytes, ``slack`` is added to that."""

    depth: int = 8
    nodes: int = 20_000
    growth: int = 12
    slack: int = 1 << 20
    inflated: int = 64 << 20
    """Bytes that compressed parts may grow to, together; beyond it the request is a data bomb."""
    ratio: int = 200
    """Growth of one compressed part that, above 4 MiB, is a data bomb."""


class Budget:
    """The remaining allowance of one request."""

    __slots__ = ("bomb", "exceeded", "inflated", "limits", "nodes", "steps", "units")

    def __init__(self, size: int, limits: Limits) -> None:
        self.limits = limits
        self.nodes = limits.nodes
        self.units = size * limits.growth + limits.slack
        self.steps = 0
        """Characters worked on so far: the measure of the linear-time tests."""
        self.exceeded = ""
        """Name of the first limit that was met: depth, nodes, bytes; "" when none."""
        self.inflated = 0
        """Bytes that compressed parts grew to so far."""
        self.bomb = ""
        """What grew too much: gzip, entities; "" when nothing did."""

    def spend(self, characters: int) -> bool:
        """Pay for one node of ``characters``; False when the request has used up its allowance."""
        self.steps += characters
        self.nodes -= 1
        self.units -= characters
        if self.nodes < 0:
            self.exceeded = self.exceeded or "nodes"
        elif self.units < 0:
            self.exceeded = self.exceeded or "bytes"
        return self.nodes >= 0 and self.units >= 0

    def deeper(self, depth: int) -> bool:
        """Whether a node may have children at ``depth``; a refusal is recorded."""
        if depth <= self.limits.depth:
            return True
        self.exceeded = self.exceeded or "depth"
        return False
