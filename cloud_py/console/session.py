"""Logging in and out. A token becomes a session cookie; the token itself never stands in a URL, a log or the page."""

from __future__ import annotations

import hmac
import re
import secrets
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cloud_py.api import body
from cloud_py.api.access import COOKIE, caller
from cloud_py.api.errors import Json
from cloud_py.console.templating import render
from cloud_py.services import services
from common_py import logging

_log = logging.get("cloud.console")
_NEXT = re.compile(r"/attacks(\?[!-~]*)?\Z")
_SECRET = re.compile(r"[0-9A-Za-z_-]{32}\Z")
FORM_COOKIE = "oob_form"
FORM_BYTES = 8192


async def get_login(request: Request) -> Response:
    """The login form. A link ``/login#token=…`` is read by the page's script: fragments never leave the browser."""
    return _form(request, _next(request.query_params.get("next", "")), "")


def _form(request: Request, following: str, problem: str, status: int = 200) -> Response:
    """The form, bound to this browser by a cookie: a form that another site sends lacks the same secret.

    The Origin header cannot tell, because under ``Referrer-Policy: no-referrer`` browsers send ``null``.
    """
    secret = request.cookies.get(FORM_COOKIE, "")
    if not _SECRET.match(secret):
        secret = secrets.token_urlsafe(24)
    values = {"next": following, "problem": problem, "secret": secret}
    answer = render("login.html", values, status=status)
    answer.set_cookie(FORM_COOKIE, secret, path="/login", httponly=True, samesite="strict", secure=_secure(request))
    return answer


async def post_login(request: Request) -> Response:
    """Open a session for a token of an administrator."""
    found = services(request)
    form = parse_qs((await body.read(request, FORM_BYTES)).decode("utf-8", "replace"))
    following = _next(form.get("next", [""])[0])
    secret = request.cookies.get(FORM_COOKIE, "")
    if not secret or not hmac.compare_digest(secret.encode(), form.get("secret", [""])[0].encode()):
        found.metrics.logins.labels("refused").inc()
        return _form(request, following, "This form is not from here, or too old. Log in again.", 403)
    token = found.tokens.find(form.get("token", [""])[0].strip())
    if token is None or token.role != "administrator":
        found.metrics.logins.labels("refused").inc()
        problem = "This token is not known."
        if token is not None:
            problem = "This token sends hits; the console needs an administrator's."
        return _form(request, following, problem, 403)
    session = secrets.token_urlsafe(32)
    seconds = found.session_hours * 3600
    expires = found.clock() + seconds * 1_000_000_000
    await run_in_threadpool(found.store.open_session, session, token.digest, expires)
    found.metrics.logins.labels("accepted").inc()
    _log.info("console login", name=token.name)
    answer = RedirectResponse(following, 303)
    answer.set_cookie(COOKIE, session, max_age=seconds, httponly=True, samesite="strict", secure=found.secure)
    return answer


async def post_logout(request: Request) -> Response:
    """Close the session. Another site cannot: its requests carry no cookie (SameSite=Strict), and then nothing ends."""
    session = request.cookies.get(COOKIE)
    answer = RedirectResponse("/login", 303)
    if session is not None:
        await run_in_threadpool(services(request).store.close_session, session)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=_secure(request))
    return answer


async def get_session(request: Request) -> Response:
    """Whether this browser is logged in: SameSite=Strict hides the cookie from the first request of a foreign link."""
    token = await caller(request)
    return Json({"active": token is not None and token.role == "administrator"})


def _secure(request: Request) -> bool:
    return services(request).secure


def _next(value: str) -> str:
    """Where to go after the login: only pages of the console."""
    return value if _NEXT.match(value) else "/attacks"
