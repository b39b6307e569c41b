"""Whether the cloud's API returns exactly the attack that was sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cli_py.client import Client
from common_py.errors import UNAVAILABLE, UserError
from demo.traffic import ATTACK_PATH

SECONDS = 20.0
"""How long an attack may take to become visible before the demonstration has failed."""
POLL = 0.02


def wait_for_hits(client: Client, count: int, started: float, watch: Callable[[], None]) -> float:
    """Return the seconds from ``started`` until the attack has ``count`` hits. Raises UserError after ``SECONDS``."""
    while True:
        found = client.get("/v1/attacks")["attacks"]
        now = time.monotonic()
        if sum(attack["hits"] for attack in found) >= count:
            return now - started
        if now - started > SECONDS:
            raise UserError(
                f"The attack was not visible {SECONDS:g} s after the request.",
                "The logs of the programs tell why.",
                exit_code=UNAVAILABLE,
            )
        watch()
        time.sleep(POLL)


def verify(client: Client) -> None:
    """Raise UserError unless the API has this one attack, once over HTTP and once over HTTPS, with every detail."""
    attacks = client.get("/v1/attacks")["attacks"]
    if len(attacks) != 1:
        raise UserError(f"There are {len(attacks)} attacks, not 1: {', '.join(one['parameter'] for one in attacks)}.")
    attack = attacks[0]
    expect("type", attack["type"], "ptrav")
    expect("path", attack["path"], ATTACK_PATH)
    expect("hits", attack["hits"], 2)
    hits = client.get(f"/v1/attacks/{attack['id']}/hits")["hits"]
    expect("transports", sorted("tls" in stored["hit"]["exchange"] for stored in hits), [False, True])
    for stored in hits:
        verify_hit(stored["hit"])


def verify_hit(hit: dict[str, Any]) -> None:
    """One hit: type, path, client address, process and response status."""
    exchange = hit["exchange"]
    expect("type", hit["type"], "ptrav")
    expect("path", hit["path"], ATTACK_PATH)
    expect("client address", exchange["client"]["address"], "127.0.0.1")
    expect("process", exchange["where"].get("process"), "nginx")
    expect("response status", exchange["response"].get("status"), 404)


def expect(what: str, found: object, wanted: object) -> None:
    """Raise UserError when the two differ."""
    if found != wanted:
        raise UserError(f"The {what} of the attack is {found!r}, not {wanted!r}.")
