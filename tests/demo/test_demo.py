"""The demonstration over its recording, and what its verification lets pass."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec
import pytest

from common_py.errors import UserError
from demo.verify import verify
from tests.cloud_py.samples import make_hit
from tests.tiers import REPOSITORY


@pytest.mark.program
def test_without_capture_it_replays_a_recording_through_the_same_path() -> None:
    command = [sys.executable, "-m", "demo", "--once", "--replay"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=REPOSITORY)
    assert (done.returncode, done.stderr) == (0, "")
    first, *_table, visible, verified = done.stdout.splitlines()
    assert first.endswith("replaying a recording instead.")
    assert visible.startswith("Visible ")
    assert verified == "The cloud's API returns exactly this attack, over HTTP and over HTTPS."


class Api:
    """The API as a client sees it, with one attack of two hits."""

    def __init__(self) -> None:
        plain, encrypted = (msgspec.to_builtins(make_hit(name, ip="127.0.0.1")) for name in ("a", "b"))
        del plain["exchange"]["tls"]
        self.hits = [plain, encrypted]
        self.attacks = [{"id": "x", "type": "ptrav", "path": "/etc/passwd", "hits": 2, "parameter": "URI_value"}]

    def get(self, path: str) -> dict[str, Any]:
        return {"attacks": self.attacks} if path == "/v1/attacks" else {"hits": [{"hit": hit} for hit in self.hits]}


def test_the_attack_that_was_sent_passes() -> None:
    verify(Api())  # type: ignore[arg-type]  # all that verify asks of a client


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (["type"], "sqli", "The type of the attack is 'sqli', not 'ptrav'."),
        (["path"], "/etc/shadow", "The path of the attack is"),
        (["exchange", "client", "address"], "192.0.2.1", "The client address of the attack is '192.0.2.1'"),
        (["exchange", "where", "process"], "haproxy", "The process of the attack is 'haproxy', not 'nginx'."),
        (["exchange", "response", "status"], 200, "The response status of the attack is 200, not 404."),
        (["exchange", "tls"], {"version": "1.3"}, "The transports of the attack is [True, True], not [False, True]."),
    ],
)
def test_anything_else_does_not(place: list[str], value: object, words: str) -> None:
    api = Api()
    part = api.hits[0]
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    with pytest.raises(UserError) as caught:
        verify(api)  # type: ignore[arg-type]  # all that verify asks of a client
    assert words in str(caught.value)


def test_a_second_attack_does_not_either() -> None:
    api = Api()
    api.attacks.append(api.attacks[0] | {"id": "y"})
    with pytest.raises(UserError, match="There are 2 attacks, not 1"):
        verify(api)  # type: ignore[arg-type]  # all that verify asks of a client
