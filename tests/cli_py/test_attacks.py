from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli_py.attacks import fetch, few, moment, plain, show, table
from cli_py.client import Client
from tests.cloud_py.samples import ADMINISTRATOR_TOKEN, Cloud, make_hit, running_cloud
from tests.tiers import REPOSITORY

pytestmark = pytest.mark.program

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
ATTACK = {
    "last_time": "2026-11-22T19:07:23.123456Z",
    "type": "ptrav",
    "hits": 2,
    "sources": [{"value": "127.0.0.1", "hits": 2}],
    "domain": "127.0.0.1",
    "path": "/etc/passwd",
    "parameter": "URI_value",
    "status_codes": [{"value": "404", "hits": 2}],
    "where": {"namespace": "", "pod": "", "container": "", "process": "nginx"},
}


def drawn(*attacks: dict[str, Any], width: int = 80) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width, force_terminal=True, color_system=None).print(table(list(attacks), NOW))
    return file.getvalue().splitlines()


def test_an_attack_is_one_line_of_80_columns() -> None:
    _head, row = drawn(ATTACK)
    assert row.split() == ["19:07:23", "ptrav", "2", "127.0.0.1", "127.0.0.1/etc/passwd", "URI_value", "404", "nginx"]
    long = ATTACK | {"path": "/a" * 200, "last_time": "2026-03-01T10:00:00Z", "parameter": "POST_JSON_DOC_HASH_" * 9}
    lines = drawn(long, ATTACK)
    assert len(lines) == 3
    assert all(len(line) <= 80 for line in lines)
    assert "…" in lines[1]
    assert lines[1].startswith("Mar 01 10:00  ptrav")
    assert "404" in lines[1]


def test_payloads_do_not_drive_the_terminal() -> None:
    rows = drawn(ATTACK | {"path": "/[bold red]x[/]\x1b]0;owned\x07\u202e", "parameter": ":smile:\n"}, width=200)
    assert len(rows) == 2
    assert r"127.0.0.1/[bold red]x[/]\x1b]0;owned\x07\u202e" in rows[1]
    assert r":smile:\n" in rows[1]
    assert plain("\ud800").plain == r"\ud800"


def test_json_does_not_drive_the_terminal_either(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = ATTACK | {"parameter": "\x9b31m\u202e\ud800"}
    show([hostile], "json", "")
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert json.loads(printed) == [hostile]


def test_times_and_lists_are_short() -> None:
    assert moment("2025-12-31T23:59:59Z", NOW) == "2025-12-31"
    assert few([]) == ""
    assert few([{"value": "a"}, {"value": "b"}, {"value": "c"}]) == "a +2"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with running_cloud(tmp_path) as cloud:
        yield cloud


def oobctl(cloud: Cloud, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli_py", "attacks", "list", "--url", cloud.address, *arguments]
    environment = {"PATH": "", "OOB_TOKEN": ADMINISTRATOR_TOKEN}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=REPOSITORY, env=environment)


def test_all_pages_of_a_real_cloud(cloud: Cloud, tmp_path: Path) -> None:
    assert oobctl(cloud).stdout.startswith("No attacks yet.")
    cloud.send(*(make_hit(f"h{number}", number, domain=f"shop{number}.example") for number in range(250)))
    client = Client(cloud.address, ADMINISTRATOR_TOKEN)
    found = fetch(client, limit=1000)
    assert [one["domain"] for one in found] == [f"shop{number}.example" for number in reversed(range(250))]
    done = oobctl(cloud, "-o", "json", "--limit", "240")
    assert json.loads(done.stdout) == found[:240]
    assert done.stderr == "These are the latest 240; there are more: --limit.\n"
    shown = oobctl(cloud, "-q", "domain:shop7.example")
    assert "shop7.example/etc/passwd" in shown.stdout
    assert len(shown.stdout.splitlines()) == 2
    assert oobctl(cloud, "-q", "domain:nowhere.example").stdout == "No attack matches.\n"
    (tmp_path / "wrong").write_text("not-the-token-of-this-cloud")
    wrong = oobctl(cloud, "--token-file", str(tmp_path / "wrong"))
    assert (wrong.returncode, wrong.stderr.count("\n")) == (77, 1)
    assert "does not accept this token" in wrong.stderr
    assert "not-the-token" not in wrong.stderr
    assert ADMINISTRATOR_TOKEN not in done.stdout + done.stderr + wrong.stderr


def test_a_reader_that_has_seen_enough_is_no_error(cloud: Cloud) -> None:
    cloud.send(*(make_hit(f"h{number}", number, domain=f"shop{number}.example") for number in range(100)))
    arguments = f"attacks list --url {cloud.address} -o json --limit 1000"
    command = f"set -o pipefail; {sys.executable} -m cli_py {arguments} | /usr/bin/head -n 1"
    environment = {"PATH": "", "OOB_TOKEN": ADMINISTRATOR_TOKEN}
    done = subprocess.run(
        ["/bin/bash", "-c", command], capture_output=True, text=True, timeout=60, cwd=REPOSITORY, env=environment
    )
    assert (done.stdout, done.stderr) == ("[\n", "")
