"""``oobctl attacks list``: what was detected, as a table or as JSON."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli_py.client import Client
from cli_py.run import default_data

UNCUT = 10_000
"""Columns of a terminal that is none."""
FIXED = ("LAST", "TYPE", "HITS", "STATUS")
"""Columns that keep their width in a narrow terminal."""


@click.group()
def attacks() -> None:
    """Look at detected attacks."""


@attacks.command("list")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("-q", "--query", default="", help="Search text, as in the console's filter bar.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Latest attacks shown.")
@click.option("--url", help="Address of the cloud.  [default: the running oobctl run]")
@click.option("--token-file", type=click.Path(path_type=Path), help="File with the token.")
@click.option(
    "--data", type=click.Path(path_type=Path, readable=False), metavar="DIR", help="Data directory of oobctl run."
)
def list_attacks(
    output: str, query: str, limit: int, url: str | None, token_file: Path | None, data: Path | None
) -> None:
    """List attacks, latest first."""
    client = Client.find(url, token_file, data or default_data())
    found = fetch(client, query, limit + 1)
    if len(found) > limit:
        click.echo(f"These are the latest {limit}; there are more: --limit.", err=True)
    show(found[:limit], output, query)


def show(found: list[dict[str, Any]], output: str, query: str) -> None:
    """Print attacks as a table or as JSON."""
    if output == "json":
        # ASCII alone: a parameter's name, which a client chose, must not drive the terminal.
        click.echo(json.dumps(found, indent=2))
    elif found:
        # What another program reads is not cut to the width of a terminal.
        Console(width=None if sys.stdout.isatty() else UNCUT).print(table(found))
    elif query:
        click.echo("No attack matches.")
    else:
        click.echo("No attacks yet. Is the right process mirrored? See: oobctl doctor --process NAME")


def fetch(client: Client, query: str = "", limit: int = 50) -> list[dict[str, Any]]:
    """Up to ``limit`` attacks, latest first, page by page."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while len(found) < limit:
        size = str(min(100, limit - len(found)))
        page = client.get(
            "/v1/attacks", limit=size, **{key: value for key, value in (("q", query), ("cursor", cursor)) if value}
        )
        found += page["attacks"]
        cursor = page["cursor"]
        if not cursor:
            break
    return found


def table(found: list[dict[str, Any]], now: datetime | None = None) -> Table:
    """The attacks as a table of one line each, in ``now``'s time zone (default: local); too long values end in "…"."""
    now = now or datetime.now().astimezone()
    result = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("LAST", "TYPE", "HITS", "SOURCE", "ADDRESS", "PARAMETER", "STATUS", "WHERE"):
        result.add_column(name, justify="right" if name == "HITS" else "left", no_wrap=name in FIXED)
    for attack in found:
        result.add_row(
            plain(moment(attack["last_time"], now)),
            plain(attack["type"], style="bold red"),
            plain(str(attack["hits"])),
            plain(few(attack["sources"])),
            plain(attack["domain"] + attack["path"]),
            plain(attack["parameter"]),
            plain(few(attack["status_codes"])),
            plain(place(attack["where"])),
        )
    return result


def moment(text: str, now: datetime) -> str:
    """A time (RFC 3339) as short as it stays clear: the time of today, the day and time of this year, or the day."""
    then = datetime.fromisoformat(text).astimezone(now.tzinfo)
    if then.date() == now.date():
        return f"{then:%H:%M:%S}"
    return f"{then:%b %d %H:%M}" if then.year == now.year else f"{then:%Y-%m-%d}"


def few(counted: list[dict[str, Any]]) -> str:
    """The most frequent value and how many others there are."""
    more = f" +{len(counted) - 1}" if len(counted) > 1 else ""
    return f"{counted[0]['value']}{more}" if counted else ""


def place(where: dict[str, Any]) -> str:
    """The workload: namespace/pod/container, or the process."""
    return "/".join(part for part in (where["namespace"], where["pod"], where["container"] or where["process"]) if part)


def plain(text: str, style: str = "") -> Text:
    """One line of text without markup, control characters as escapes: a payload must not drive the terminal."""
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return Text(shown, style=style, no_wrap=True, overflow="ellipsis")
