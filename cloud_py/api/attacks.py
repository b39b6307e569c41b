"""Handlers that read attacks, hits and nodes."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from cloud_py.api.errors import ApiError, Json
from cloud_py.api.query import FIELDS, filters, known_only, limit
from cloud_py.services import services


async def get_attacks(request: Request) -> Response:
    """``GET /v1/attacks``: a page of attacks, latest hit first."""
    query = request.query_params
    known_only(query, ("q", *FIELDS, "from", "to", "limit", "cursor"))
    wanted, size, cursor = filters(query), limit(query), query.get("cursor", "")
    return Json(await run_in_threadpool(services(request).store.attack_page, wanted, size, cursor))


async def get_statistics(request: Request) -> Response:
    """``GET /v1/statistics``: totals and most frequent values."""
    query = request.query_params
    known_only(query, ("q", *FIELDS, "from", "to"))
    return Json(await run_in_threadpool(services(request).store.statistics, filters(query)))


async def get_attack(request: Request) -> Response:
    """``GET /v1/attacks/{id}``."""
    found = await run_in_threadpool(services(request).store.attacks, [request.path_params["id"]])
    if not found:
        raise ApiError(404, "There is no attack with this id.")
    return Json(found[0])


async def get_attack_hits(request: Request) -> Response:
    """``GET /v1/attacks/{id}/hits``: a page of hits, latest first."""
    query = request.query_params
    known_only(query, ("limit", "cursor"))
    size, cursor, identifier = limit(query), query.get("cursor", ""), request.path_params["id"]
    store = services(request).store
    if not await run_in_threadpool(store.attacks, [identifier]):
        raise ApiError(404, "There is no attack with this id.")
    return Json(await run_in_threadpool(store.hit_page, identifier, size, cursor))


async def get_hit(request: Request) -> Response:
    """``GET /v1/hits/{id}``."""
    found = await run_in_threadpool(services(request).store.hit, request.path_params["id"])
    if found is None:
        raise ApiError(404, "There is no hit with this id.")
    return Json(found)


async def get_nodes(request: Request) -> Response:
    """``GET /v1/nodes``: processing nodes, last seen first."""
    return Json({"nodes": await run_in_threadpool(services(request).store.nodes)})
