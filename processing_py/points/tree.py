"""A request's values: head and body taken apart, then every value through every decoder.

Parsers (``form``, ``containers``, ``multipart``, ``xml``) split, ``head`` and ``body`` say which of them reads what,
and ``work`` holds the values until each has met every decoder (``codecs``).
"""

from __future__ import annotations

from common_py.contracts import Request
from processing_py.points import body, head
from processing_py.points.budget import Budget, Limits
from processing_py.points.leaf import Leaf
from processing_py.points.work import Work

DEFAULT_LIMITS = Limits()


class Tree:
    """The values of one request: ``leaves`` after construction, ``budget`` with what was not looked at."""

    __slots__ = ("budget", "leaves")

    def __init__(self, request: Request, limits: Limits = DEFAULT_LIMITS) -> None:
        fields = (*request.headers, *request.trailers)
        size = len(request.target) + len(request.body) + sum(len(name) + len(value) for name, value in fields)
        self.budget = Budget(size, limits)
        work = Work(self.budget)
        head.add_target(work, request.target)
        content_type, encoding = head.add_headers(work, request.headers)
        # Servers drop trailer fields or merge them into the header (RFC 9110 §6.5.1), never to read the body by them.
        head.add_headers(work, request.trailers)
        if request.body:
            body.add(work, request.body, content_type, encoding)
        work.run()
        self.leaves: list[Leaf] = work.leaves
