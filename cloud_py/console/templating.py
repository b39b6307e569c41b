"""The template environment: autoescape always on, undefined names are errors, no template from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from cloud_py.console import present, raw

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).resolve().parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {
    "printable": raw.printable,
    "moment": present.moment,
    "size": present.size,
    "milliseconds": present.milliseconds,
    "type_name": present.type_name,
    "status_class": present.status_class,
}
_environment.globals |= {"duration": present.duration}


def render(
    template: str, values: Mapping[str, object], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """The page or part of one."""
    return HTMLResponse(_environment.get_template(template).render(values), status, headers)
