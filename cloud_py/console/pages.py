"""The page *Attacks* and its parts that htmx replaces; the page's state is its URL."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from cloud_py.api.access import Handler, caller
from cloud_py.console import present, session
from cloud_py.console.templating import render
from cloud_py.services import services
from cloud_py.store.filters import FilterError, Filters, parse
from cloud_py.store.store import Store
from cloud_py.store.views import AttackPage

STATIC = Path(__file__).resolve().parent / "static"
ATTACKS = 50
HITS = 50
BUCKETS = 60
SECOND = 1_000_000_000


def routes() -> list[BaseRoute]:
    """Pages and their files."""
    return [
        Route("/", _logged_in(get_start)),
        Route("/login", session.get_login),
        Route("/login", session.post_login, methods=["POST"]),
        Route("/logout", session.post_logout, methods=["POST"]),
        Route("/session", session.get_session),
        Route("/attacks", _logged_in(get_attacks)),
        Route("/attacks/list", _logged_in(get_list)),
        Route("/attacks/rows", _logged_in(get_rows)),
        Route("/attacks/drawer", _logged_in(get_drawer)),
        Mount("/static", StaticFiles(directory=STATIC, follow_symlink=False)),
    ]


def _logged_in(handler: Handler) -> Handler:
    """The handler for administrators; others are led to the login, parts of a page by htmx's own header."""

    async def checked(request: Request) -> Response:
        token = await caller(request)
        if token is not None and token.role == "administrator":
            return await handler(request)
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        login = "/login?" + urlencode({"next": target}) if request.url.path == "/attacks" else "/login"
        if "hx-request" in request.headers:
            return Response(status_code=401, headers={"HX-Redirect": "/login"})
        return RedirectResponse(login, 303)

    return checked


async def get_start(_request: Request) -> Response:
    """The first page."""
    return RedirectResponse("/attacks", 303)


async def get_attacks(request: Request) -> Response:
    """The whole page, with the drawer open when the URL names an attack."""
    address = _address(request)
    store = services(request).store
    context = await run_in_threadpool(_list, store, address, services(request).clock())
    context |= await run_in_threadpool(_drawer, store, address)
    return render("attacks.html", context)


async def get_list(request: Request) -> Response:
    """Statistics and table for a filter; the browser's address follows."""
    address = _address(request)
    context = await run_in_threadpool(_list, services(request).store, address, services(request).clock())
    shown = {} if "live" in request.query_params else {"HX-Push-Url": address.url()}
    return render("list.html", context, headers=shown)


async def get_rows(request: Request) -> Response:
    """The rows of the next page of the table."""
    address = _address(request)
    found = services(request)
    context = await run_in_threadpool(
        _rows, found.store, address, found.clock(), request.query_params.get("cursor", "")[:400]
    )
    return render("rows.html", context)


async def get_drawer(request: Request) -> Response:
    """An attack with its hits, one of them in full."""
    address = _address(request)
    context = await run_in_threadpool(_drawer, services(request).store, address)
    return render("drawer.html", context, headers={"HX-Push-Url": address.url()})


def _address(request: Request) -> present.Address:
    query = request.query_params
    span = query.get("range", "24h")
    return present.Address(
        q=query.get("q", "").strip(),
        range=span if span in present.RANGES else "24h",
        attack=query.get("attack", "")[:64],
        hit=query.get("hit", "")[:128],
    )


def _filters(address: present.Address, now: int) -> Filters:
    seconds = present.RANGES[address.range][1]
    return Filters(parse(address.q), now - seconds * SECOND if seconds else None)


def _list(store: Store, address: present.Address, now: int) -> dict[str, object]:
    """Statistics, timeline and first rows; a filter that cannot be understood shows its sentence and no rows."""
    context: dict[str, object] = {"problem": "", "ranges": present.RANGES, "groups": [], "timeline": None}
    try:
        wanted = _filters(address, now)
        context |= _rows(store, address, now, "")
    except FilterError as problem:
        return context | _no_rows(address) | {"problem": str(problem), "state": "problem", "statistics": None}
    statistics = store.statistics(wanted)
    context |= {
        "statistics": statistics,
        "timeline": store.timeline(wanted, now, BUCKETS),
        "since": f"{present.RANGES[address.range][0]} ago" if wanted.since is not None else "first attack",
        "groups": [
            ("Attack types", "type", present.choices("type", statistics.types, address.q)),
            ("Sources", "ip", present.choices("ip", statistics.sources, address.q)),
            ("Status codes", "status", present.choices("status", statistics.status_codes, address.q)),
        ],
        "state": "found",
    }
    if not statistics.attacks:
        total = store.statistics(Filters()).attacks
        context |= {"state": "filtered" if total else "empty", "total": total, "nodes": store.nodes()}
    return context


def _no_rows(address: present.Address) -> dict[str, object]:
    return {"address": address, "page": AttackPage([], ""), "now": frozenset()}


def _rows(store: Store, address: present.Address, now: int, cursor: str) -> dict[str, object]:
    page = store.attack_page(_filters(address, now), ATTACKS, cursor)
    moment = datetime.fromtimestamp(now / SECOND, UTC)
    going_on = frozenset(attack.id for attack in page.attacks if present.is_now(attack, moment))
    return {"address": address, "page": page, "now": going_on}


def _drawer(store: Store, address: present.Address) -> dict[str, object]:
    """The opened attack, or nothing when none is, or when it is gone."""
    closed: dict[str, object] = {"address": address, "attack": None, "hits": None, "hit": None, "gone": False}
    if not address.attack:
        return closed
    attacks = store.attacks([address.attack])
    if not attacks:
        return closed | {"gone": True}
    hits = store.hit_page(address.attack, HITS)
    chosen = store.hit(address.hit) if address.hit else None
    if chosen is None or chosen.attack_id != address.attack:
        chosen = hits.hits[0] if hits.hits else None
    view = present.hit_view(chosen) if chosen else None
    return {"address": address, "attack": attacks[0], "hits": hits, "hit": view, "gone": False}
