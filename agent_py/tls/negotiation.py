"""What the hellos of a session agreed on: version, cipher suite, names.

A session may negotiate several times: after a HelloRetryRequest (RFC 8446 §4.1.4) the client says hello again, and a
TLS 1.2 renegotiation (RFC 5246 §7.4.1) has both hellos inside protected records. The last ServerHello holds.
"""

from __future__ import annotations

from enum import Enum, auto

from agent_py.chunk import Direction
from agent_py.tls.handshake import CLIENT_HELLO, SERVER_HELLO, ClientHello, ServerHello, client_hello, server_hello
from agent_py.tls.suites import TLS12_SUITES, TLS13_SUITES, Suite
from common_py.contracts import Tls

TLS12 = 0x0303
TLS13 = 0x0304
INGRESS = int(Direction.INGRESS)


class Hello(Enum):
    """What a handshake message did to the negotiation."""

    NOTHING = auto()
    CHOSEN = auto()
    """The server chose: new keys follow."""
    MALFORMED = auto()
    """A ServerHello that cannot be read, or without a ClientHello: no key can be matched."""
    UNSUPPORTED = auto()
    """A version or suite that is not known."""


class Negotiation:
    """``client``, ``server`` and ``suite`` are None until they are seen; ``tls13``: whether TLS 1.3 was chosen."""

    __slots__ = ("client", "server", "suite", "tls13")

    def __init__(self) -> None:
        self.client: ClientHello | None = None
        self.server: ServerHello | None = None
        self.suite: Suite | None = None
        self.tls13 = False

    @property
    def early_data(self) -> bool:
        """Whether the client announced early data (RFC 8446 §4.2.10); the server may not have taken it."""
        return self.client is not None and self.client.early_data

    def message(self, direction: int, kind: int, body: bytes) -> Hello:
        """Take a handshake message in; only hellos from their right side matter."""
        if kind == CLIENT_HELLO and direction == INGRESS:
            self.client = client_hello(body) or self.client
        elif kind == SERVER_HELLO and direction != INGRESS:
            return self._choose(server_hello(body))
        return Hello.NOTHING

    def _choose(self, hello: ServerHello | None) -> Hello:
        if hello is None or self.client is None:
            return Hello.MALFORMED
        if hello.retry:
            return Hello.NOTHING
        self.suite = {TLS12: TLS12_SUITES, TLS13: TLS13_SUITES}.get(hello.version, {}).get(hello.suite)
        if self.suite is None:
            return Hello.UNSUPPORTED
        self.server = hello
        self.tls13 = hello.version == TLS13
        return Hello.CHOSEN

    def shown(self, protocol: str) -> Tls | None:
        """What an exchange tells of its TLS, with the ALPN ``protocol``; None before the server chose."""
        if self.client is None or self.server is None or self.suite is None:
            return None
        return Tls("1.3" if self.tls13 else "1.2", self.suite.name, self.client.server_name, protocol)
