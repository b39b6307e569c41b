"""Routes of the console."""

from __future__ import annotations

from starlette.routing import BaseRoute


def routes() -> list[BaseRoute]:
    """Pages and their files."""
    return []
