"""Web pages for people."""

from cloud_py.console.pages import routes

__all__ = ["routes"]
