"""Answers of the API: JSON bodies, and errors of one sentence."""

from __future__ import annotations

import http
from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloud_py.middleware import secured
from cloud_py.store.filters import FilterError
from common_py import logging

_log = logging.get("cloud.api")


class Json(Response):
    """A JSON body from any msgspec struct or plain value."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode the content."""
        return msgspec.json.encode(content)


class ApiError(HTTPException):
    """Ends the request with ``status`` and ``{"error": sentence}``."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, sentence, headers)


def error(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Json:
    """The answer for an error."""
    return Json({"error": sentence}, status, headers)


async def on_http_error(request: Request, problem: Exception) -> Response:
    """Starlette's own errors (404, 405) and ``ApiError`` as JSON."""
    assert isinstance(problem, HTTPException)
    sentence = problem.detail
    if not isinstance(problem, ApiError):
        reason = http.HTTPStatus(problem.status_code).phrase
        sentence = f"{reason}: {request.method} is not served at this address; schema/openapi.yaml lists what is."
    return error(problem.status_code, sentence, problem.headers)


async def on_filter_error(_request: Request, problem: Exception) -> Response:
    """A filter or a cursor that cannot be understood, in an address that somebody wrote by hand."""
    return error(400, str(problem))


async def on_database_error(_request: Request, problem: Exception) -> Response:
    """A database that is gone or locked passes: the client is to come again."""
    _log.error("database error", type=type(problem).__name__, reason=str(getattr(problem, "orig", "")))
    return error(503, "The database does not answer; try again.", {"Retry-After": "5"})


async def on_damage(request: Request, problem: Exception) -> Response:
    """A database that is damaged, until somebody repairs it; SQLite's errors for that have no class of their own."""
    if type(problem) is not sa.exc.DatabaseError:
        # Its other subclasses are bugs in a statement, and answered as such.
        raise problem
    _log.error(
        "The database is damaged: restore its file from a copy, or move it away and start the cloud again.",
        reason=str(problem.orig),
    )
    return error(503, "The database is damaged; the server's log tells more.", {"Retry-After": "60"})


async def on_bug(_request: Request, problem: Exception) -> Response:
    """What nobody foresaw; the server's log has the traceback. It is answered outside of all middleware."""
    _log.error("internal error", type=type(problem).__name__)
    answer = error(500, "Internal error; the server's log tells more.")
    answer.raw_headers = secured(answer.raw_headers)
    return answer


HANDLERS: dict[Any, Any] = {
    HTTPException: on_http_error,
    FilterError: on_filter_error,
    sa.exc.OperationalError: on_database_error,
    sa.exc.TimeoutError: on_database_error,
    sa.exc.DatabaseError: on_damage,
    Exception: on_bug,
}
