"""Exchanges as an agent makes them."""

from __future__ import annotations

from common_py.contracts import Endpoint, Exchange, Request, Response, Where

CLIENT = Endpoint("192.0.2.7", 40_000)
SERVER = Endpoint("192.0.2.80", 443)


def exchange(
    number: int = 0,
    target: bytes = b"/",
    *,
    method: bytes = b"GET",
    headers: list[tuple[bytes, bytes]] | None = None,
    body: bytes = b"",
    status: int = 200,
) -> Exchange:
    """One exchange; ``number`` makes its id."""
    fields = [(b"Host", b"shop.example")] if headers is None else headers
    return Exchange(
        id=f"{number:032x}",
        start=1_700_000_000_000_000_000 + number,
        duration=1_500_000,
        client=CLIENT,
        peer=CLIENT,
        server=SERVER,
        request=Request(method, target, headers=fields, body=body, body_size=len(body)),
        response=Response(status=status, body_size=12),
        where=Where(process="nginx", pid=4711, mount_namespace=4_026_531_841),
    )
