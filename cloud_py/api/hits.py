"""``POST /v1/hits``: takes one hit or an array of them, stores what is new, tells the listeners."""

from __future__ import annotations

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from cloud_py.api import body
from cloud_py.api.errors import ApiError, Json
from cloud_py.api.events import ATTACKS, encode
from cloud_py.services import Services, services
from cloud_py.store.intake import Added, HitError
from cloud_py.store.space import NoSpace
from common_py.contracts import Hit

MAX_HITS = 2000
"""Hits in one request at most."""
FULL_SECONDS = "30"
"""When a node is to come again while the disk is full."""

_decode = msgspec.json.Decoder(list[Hit] | Hit).decode


async def post_hits(request: Request) -> Response:
    """Store hits. The answer tells how many were new and how many were known."""
    found = services(request)
    try:
        batch = _batch(await body.read(request, found.body_bytes))
        result = await run_in_threadpool(found.store.add, batch, found.clock())
    except HitError as problem:
        found.metrics.hits_rejected.labels("content").inc()
        raise ApiError(400, str(problem)) from problem
    except NoSpace as problem:
        found.metrics.hits_rejected.labels("disk").inc()
        raise ApiError(503, str(problem), {"Retry-After": FULL_SECONDS}) from problem
    except ApiError as problem:
        found.metrics.hits_rejected.labels("size" if problem.status_code == 413 else "content").inc()
        raise
    _count(found, result)
    await _announce(found, result)
    return Json({"stored": result.stored, "known": result.known})


def _batch(data: bytes) -> list[Hit]:
    try:
        decoded = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise ApiError(400, f"The body is not a hit or an array of hits: {str(problem)[:200]}.") from problem
    batch = decoded if isinstance(decoded, list) else [decoded]
    if len(batch) > MAX_HITS:
        raise ApiError(413, f"The body has {len(batch)} hits; at most {MAX_HITS} are taken at once.")
    return batch


def _count(found: Services, result: Added) -> None:
    found.metrics.hits_stored.inc(result.stored)
    found.metrics.hits_known.inc(result.known)
    found.metrics.facets_dropped.inc(result.facets_dropped)


async def _announce(found: Services, result: Added) -> None:
    if result.changes and len(found.hub):
        attacks = await run_in_threadpool(found.store.attacks, list(result.changes)[:ATTACKS])
        slow = found.hub.publish(encode(result.changes, attacks))
        if slow:
            found.metrics.event_clients_dropped.labels("slow").inc(slow)
