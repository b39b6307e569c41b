"""The parameters of a query or of a form body: names and values, repeated names, and text that is no form at all."""

from __future__ import annotations

from processing_py.points import containers, form, percent
from processing_py.points.leaf import Path
from processing_py.points.work import Work

NAME_LENGTH = 64
"""Characters of a name that its point shows."""
REPEATED = 100
"""A name repeated this often is no parameter pollution: its values are not joined."""


def add(work: Work, data: bytes, kind: str, base: Path, whole: Path) -> None:
    """Add the parameters in ``data`` as points ``kind`` below ``base``; all of it at ``whole`` too when names are odd.

    Servers that see a repeated name join its values (ASP.NET): so does the point ``pollution``.
    """
    odd = False
    repeated: dict[str, list[str]] = {}
    for name, value in form.pairs(data):
        if name in repeated:
            repeated[name].append(value)
        else:
            repeated[name] = [value]
        work.add(base + containers.key_path(kind, name), value)
        if form.odd_name(name):
            odd = True
            work.add((*base, (kind + "_name", name[:NAME_LENGTH])), name)
        if len(repeated) > work.budget.limits.nodes:
            work.budget.exceeded = "nodes"
            break
    for name, values in repeated.items():
        if 1 < len(values) < REPEATED:
            work.add((*base, (kind, name), ("pollution",)), ",".join(values))
    if odd:
        work.add(whole, percent.decode_form(data))
