"""The cloud's ``POST /v1/hits`` from the sending side: one JSON array of hits, one verdict."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

import msgspec
import urllib3

from common_py.contracts import Hit
from common_py.errors import CONFIGURATION, UserError
from common_py.retry import retry_after

PATH = "/v1/hits"
TOKEN_FIELD = "X-WallarmApi-Token"
REFUSALS = frozenset({400, 413, 422})
"""Answers that speak of the hits themselves; all others (an expired token, a wrong path, a fault) may pass."""
CONNECT_SECONDS = 5.0


class Verdict(Enum):
    """What the cloud made of a request."""

    TAKEN = auto()
    REFUSED = auto()
    """These hits, as they are, will never be taken together."""
    LATER = auto()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict, the pause in seconds that the cloud asked for, if any, and why, in a word for the log."""

    verdict: Verdict
    pause: float | None = None
    reason: str = ""


def judge(status: int, asked: str | None, now: float) -> Outcome:
    """The outcome of an answer with ``status`` and the Retry-After value ``asked``. Pure."""
    if 200 <= status < 300:
        return Outcome(Verdict.TAKEN)
    if status in REFUSALS:
        return Outcome(Verdict.REFUSED, reason=str(status))
    return Outcome(Verdict.LATER, retry_after(asked, now), str(status))


class Cloud:
    """A connection pool to the cloud at ``url``. Blocking: call it from a thread."""

    def __init__(self, url: str, token: str, context: ssl.SSLContext | None, answer_seconds: float) -> None:
        self._url = url + PATH
        # Without verification urllib3 warns with every request; that it is off has been decided, and logged once.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._pool = urllib3.PoolManager(
            headers={"Content-Type": "application/json", "User-Agent": "oob-aggregation", TOKEN_FIELD: token},
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=answer_seconds),
            retries=False,
            ssl_context=context,
        )

    def post(self, hits: list[bytes]) -> Outcome:
        """Send hits, each already encoded as JSON."""
        try:
            answer = self._pool.request("POST", self._url, body=b"[" + b",".join(hits) + b"]", redirect=False)
        except urllib3.exceptions.HTTPError as error:
            return Outcome(Verdict.LATER, reason=type(error).__name__)
        return judge(answer.status, answer.headers.get("Retry-After"), time.time())

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()


encode_hit = msgspec.json.Encoder().encode
"""A hit as JSON, bytes as base64."""


def encoded(hits: list[Hit]) -> list[bytes]:
    """Hits, each as JSON."""
    return [encode_hit(hit) for hit in hits]


def context(authority: str, verify: bool) -> ssl.SSLContext:
    """A client context that trusts the PEM file ``authority``, or the system's ones when it is empty."""
    try:
        made = ssl.create_default_context(cafile=Path(authority) if authority else None)
    except (OSError, ssl.SSLError) as error:
        raise UserError(
            f"Cannot use api.caFile {authority}.", "It must be a readable PEM file.", exit_code=CONFIGURATION
        ) from error
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made
