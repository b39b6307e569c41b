"""Reading request bodies within a limit."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request

from cloud_py.api.errors import ApiError


async def read(request: Request, limit: int) -> bytes:
    """The body. Raises ApiError 413 above ``limit`` bytes, before more than that is held."""
    announced = request.headers.get("content-length", "0")
    sentence = f"The body must have at most {limit} bytes."
    if announced.isdigit() and int(announced[:20]) > limit:
        raise ApiError(413, sentence)
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise ApiError(413, sentence)
            parts.append(part)
    except ClientDisconnect as problem:
        raise ApiError(400, "The body ended early.") from problem
    return b"".join(parts)
