"""JSON logs on standard error: one object a line, ``time`` in RFC 3339, ``level``, ``event``, then the fields.

Messages are short sentences or names without data in them; data goes into fields. Nothing that a client sent and no
secret is ever a field: the redaction below is the net under that rule, not the rule.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

import structlog

SECRET_FIELDS = frozenset({"token", "secret", "password", "key", "authorization", "cookie"})

Logger = structlog.stdlib.BoundLogger


def configure(program: str, level: str = "info") -> None:
    """Set the process's logging up: ``program`` is put on every line, ``level`` is a name of the logging module."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            redact,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=lambda *_names: Lines(),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(program=program)


def get(name: str) -> Logger:
    """Return a logger that puts ``component=name`` on every line; it may be made before ``configure``."""
    logger: Logger = structlog.get_logger(component=name)
    return logger


class Lines:
    """Writes lines to standard error; those that it does not take (a full disk) are lost, and the program goes on."""

    def msg(self, message: str) -> None:
        """Write one line."""
        with suppress(OSError):
            print(message + "\n", end="", file=sys.stderr, flush=True)

    debug = info = warning = error = critical = exception = msg


class Standard(logging.Handler):
    """Warnings of libraries, which speak through the standard ``logging``, as JSON lines like all others."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        structlog.get_logger(component=record.name).log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def capture_libraries() -> None:
    """Have the warnings of libraries logged by ``Standard``. For programs; ``configure`` alone changes no library."""
    root = logging.getLogger()
    root.handlers = [Standard(logging.WARNING)]


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Structlog processor: replace the values of fields whose names speak of secrets."""
    for field in SECRET_FIELDS.intersection(event):
        event[field] = "[redacted]"
    return event
