"""``oobctl attacks list``: what was detected, as a table or as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli_py.client import Client
from cli_py.run import default_data


@click.group()
def attacks() -> None:
    """Look at detected attacks."""


@attacks.command("list")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("-q", "--query", default="", help="Search text, as in the console's filter bar.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Latest attacks shown.")
@click.option("--url", help="Address of the cloud.  [default: the running oobctl run]")
@click.option("--token-file", type=click.Path(path_type=Path), help="File with the token.")
@click.option("--data", type=click.Path(path_type=Path), help="Data directory of oobctl run.")
def list_attacks(
    output: str, query: str, limit: int, url: str | None, token_file: Path | None, data: Path | None
) -> None:
    """List attacks, latest first."""
    client = Client.find(url, token_file, data or default_data())
    found = fetch(client, query, limit)
    if output == "json":
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    elif found:
        Console().print(table(found))
    else:
        click.echo("No attacks yet. Is the right process mirrored? See: oobctl doctor")


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


def table(found: list[dict[str, Any]]) -> Table:
    """The attacks as a table; what clients sent is printed as text, with control characters made visible."""
    result = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("LAST", "TYPE", "HITS", "SOURCE", "ADDRESS", "PARAMETER", "STATUS", "WHERE"):
        result.add_column(name, justify="right" if name == "HITS" else "left", overflow="fold")
    for attack in found:
        where = attack["where"]
        result.add_row(
            attack["last_time"][:19].replace("T", " "),
            Text(attack["type"], style="bold red"),
            str(attack["hits"]),
            plain(", ".join(source["value"] for source in attack["sources"][:3])),
            plain(attack["domain"] + attack["path"]),
            plain(attack["parameter"]),
            plain(", ".join(code["value"] for code in attack["status_codes"])),
            plain(
                "/".join(
                    part for part in (where["namespace"], where["pod"], where["container"] or where["process"]) if part
                )
            ),
        )
    return result


def plain(text: str) -> Text:
    """Text without markup, control characters as escapes: a payload must not drive the terminal."""
    return Text("".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text))
