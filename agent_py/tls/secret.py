"""One secret that no session has claimed yet, and the opener that tries it on records."""

from __future__ import annotations

from agent_py.chunk import KeyInfo
from agent_py.tls.protection import Tls13Opener
from agent_py.tls.schedule import tls13_keys
from agent_py.tls.suites import Suite


class Secret:
    """``number`` counts secrets in the order of their arrival. TLS 1.2 master secrets carry their randoms."""

    __slots__ = ("_opener", "_suite", "client_random", "conn", "number", "tgid", "time", "value")

    def __init__(self, info: KeyInfo, conn: int, tgid: int, time: int, number: int) -> None:
        self.value = bytearray(info.secret)
        self.client_random = info.client_random
        self.conn = conn
        """The connection that it is hinted at; 0: none, or none any more."""
        self.tgid = tgid
        self.time = time
        self.number = number
        self._suite: Suite | None = None
        self._opener: Tls13Opener | None = None

    def opener(self, suite: Suite) -> Tls13Opener:
        """Its TLS 1.3 record protection under ``suite``; made once, since many records may be tried."""
        if self._opener is None or self._suite is not suite:
            self._suite, self._opener = suite, Tls13Opener(suite, tls13_keys(self.value, suite))
        return self._opener

    def wipe(self) -> None:
        """Zero the secret."""
        self.value[:] = bytes(len(self.value))
        self._opener = None
