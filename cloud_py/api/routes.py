"""The registry of the API's routes: the only place where a path, its method and who may call it stand together."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.routing import Route

from cloud_py.api import attacks, events, hits
from cloud_py.api.access import Access, Handler, protect


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of schema/openapi.yaml."""

    method: str
    path: str
    access: Access
    handler: Handler


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", "/v1/hits", "node", hits.post_hits),
    Endpoint("GET", "/v1/hits/{id}", "administrator", attacks.get_hit),
    Endpoint("GET", "/v1/attacks", "administrator", attacks.get_attacks),
    Endpoint("GET", "/v1/attacks/{id}", "administrator", attacks.get_attack),
    Endpoint("GET", "/v1/attacks/{id}/hits", "administrator", attacks.get_attack_hits),
    Endpoint("GET", "/v1/statistics", "administrator", attacks.get_statistics),
    Endpoint("GET", "/v1/events", "administrator", events.get_events),
    Endpoint("GET", "/v1/nodes", "administrator", attacks.get_nodes),
)


def routes(endpoints: tuple[Endpoint, ...] = ENDPOINTS) -> list[Route]:
    """Starlette routes, each behind its check."""
    return [Route(item.path, protect(item.handler, item.access), methods=[item.method]) for item in endpoints]
