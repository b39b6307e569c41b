"""Tokens and what they allow. Only SHA-256 digests are kept: tokens are random, so no slow hash is needed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Role = Literal["node", "administrator"]
"""``node`` sends hits, ``administrator`` reads."""


@dataclass(frozen=True, slots=True)
class Token:
    """Who holds it, what it allows, and its digest."""

    name: str
    role: Role
    digest: str


class Tokens:
    """All tokens of an installation."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._tokens = tuple(tokens)

    def find(self, value: str) -> Token | None:
        """The token with this value, or None."""
        return self.by_digest(digest(value))

    def by_digest(self, wanted: str) -> Token | None:
        """The token with this digest, or None; every token is compared, in constant time."""
        found = None
        for token in self._tokens:
            if hmac.compare_digest(token.digest, wanted):
                found = token
        return found


def digest(value: str) -> str:
    """SHA-256 in hexadecimal; undecodable header bytes are kept apart by ``surrogatepass``."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
