"""Who may call what: a token in ``X-WallarmApi-Token``, or for reading the session cookie of the console."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from cloud_py.api.errors import ApiError
from cloud_py.services import services
from cloud_py.tokens import Role, Token

HEADER = "X-WallarmApi-Token"
COOKIE = "oob_session"

Access = Literal["open", "node", "administrator"]
Handler = Callable[[Request], Awaitable[Response]]


def protect(handler: Handler, access: Access) -> Handler:
    """The handler behind a check of the caller's role; ``open`` needs none."""
    if access == "open":
        return handler

    async def checked(request: Request) -> Response:
        await require(request, access)
        return await handler(request)

    return checked


async def require(request: Request, role: Role) -> Token:
    """The caller's token. Raises ApiError 401 without a valid one, 403 when its role is another."""
    token = await caller(request)
    if token is None:
        raise ApiError(401, f"A valid token is needed in the header {HEADER}.", {"WWW-Authenticate": HEADER})
    if token.role != role:
        raise ApiError(403, f"This needs a token with the role {role}; the one given has the role {token.role}.")
    return token


async def caller(request: Request) -> Token | None:
    """Who calls: by header, else by session. Cookies count for reading only, which keeps forged requests harmless."""
    found = services(request)
    value = request.headers.get(HEADER)
    if value is not None:
        return found.tokens.find(value)
    session = request.cookies.get(COOKIE)
    if session is None or request.method not in ("GET", "HEAD"):
        return None
    digest = await run_in_threadpool(found.store.session, session, found.clock())
    return found.tokens.by_digest(digest) if digest else None
