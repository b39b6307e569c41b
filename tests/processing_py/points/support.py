"""What the tests of the readers share: a request with one marked value, and the work list it makes."""

from __future__ import annotations

from common_py.contracts import Request
from processing_py.points.budget import Budget, Limits
from processing_py.points.leaf import Leaf
from processing_py.points.names import parameter
from processing_py.points.work import Work

MARK = "<mark'1>"


def work(limits: Limits | None = None) -> Work:
    return Work(Budget(1000, limits or Limits()))


def request(target: bytes = b"/", body: bytes = b"", **headers: bytes) -> Request:
    fields = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    return Request(b"POST", target, "1.1", fields, body, len(body))


def places(leaves: list[Leaf], text: str = MARK) -> set[str]:
    """Names of the points at which ``text`` was read."""
    return {parameter(leaf.point()) for leaf in leaves if leaf.text == text}
