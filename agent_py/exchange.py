"""A request and its response become an ``Exchange``. Pure: the id's prefix and the clock's offset come from outside."""

from __future__ import annotations

import re
from collections.abc import Callable

from agent_py.connection.connection import Connection
from agent_py.counters import Counter, Counters
from agent_py.http.messages import RESPONSE_HEAD_CUT, RESPONSE_MISSING, UNAUTHENTICATED, RequestMessage, ResponseMessage
from common_py.contracts import Exchange, Response, Where

Resolver = Callable[[Where], Where]
"""Completes what the chunks tell of a workload (container, pod, node, …). Called once a connection."""

_prefix = re.compile(r"[0-9a-f]{16}").fullmatch


class Assembler:
    """Builds exchanges and appends them to ``out`` (the pipeline takes that list away).

    ``prefix``: 16 random hexadecimal digits that make the ids unique among workers and restarts. ``clock_offset``:
    nanoseconds to add to CLOCK_MONOTONIC for the Unix time. Raises ValueError for another prefix.
    """

    __slots__ = ("_clock_offset", "_counters", "_number", "_prefix", "_resolve", "out")

    def __init__(self, prefix: str, clock_offset: int, counters: Counters, resolve: Resolver | None = None) -> None:
        if not _prefix(prefix):
            raise ValueError("the prefix of exchange ids must be 16 lower-case hexadecimal digits")
        self._prefix = prefix
        self._clock_offset = clock_offset
        self._counters = counters
        self._resolve = resolve
        self._number = 0
        self.out: list[Exchange] = []

    def emit(self, connection: Connection, message: RequestMessage, answer: ResponseMessage | None) -> None:
        """One exchange; ``answer`` None when no response was seen."""
        if not connection.resolved:
            connection.resolved = True
            if self._resolve is not None:
                connection.where = self._resolve(connection.where)
        self._number = number = self._number + 1
        if answer is None:
            self._counters.add(Counter.LOST_RESPONSE_MISSING)
            message.note(RESPONSE_MISSING)
            response, duration = Response(), 0
        else:
            if answer.cut:
                message.note(RESPONSE_HEAD_CUT)
            response, duration = answer.response, max(0, answer.end - message.start)
        if connection.unauthenticated:
            message.note(UNAUTHENTICATED)
        tls = connection.tls
        self._counters.add(Counter.EXCHANGES)
        if tls is not None:
            self._counters.add(Counter.EXCHANGES_TLS)
        self.out.append(
            Exchange(
                f"{self._prefix}{number:016x}",
                message.start + self._clock_offset,
                duration,
                connection.peer,
                connection.peer,
                connection.server,
                message.request,
                response,
                connection.where,
                tls,
                message.incomplete,
            )
        )
