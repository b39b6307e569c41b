"""The records that travel between the programs. `schema/` documents each; nothing else defines a shape.

``Exchange`` agent → processing (msgpack), ``Summary`` and ``Hit`` processing → aggregation → cloud (msgpack in
streams, JSON towards the cloud's API). Bytes that came from a client stay ``bytes``: HTTP has no text encoding
(RFC 9110 §5.5). In JSON they are base64 (RFC 4648 §4), as msgspec does.

Fields are only ever added, with a default: a reader ignores what it does not know, so programs of neighbouring
versions work together.
"""

from __future__ import annotations

import msgspec

Headers = list[tuple[bytes, bytes]]
"""Field lines in the order of the wire: name as sent (case kept), value without surrounding whitespace."""

Point = list[list[str | int]]
"""Where in a request a value stands, nested notation: ``[["post"], ["json_doc"], ["hash", "p2"], ["array", 0]]``."""


class Endpoint(msgspec.Struct, frozen=True, gc=False):
    """One end of a TCP connection. ``address`` is the textual form; IPv4-mapped IPv6 is written as IPv4."""

    address: str
    port: int


class Tls(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the handshake showed. ``version`` is "1.2" or "1.3", ``cipher`` the IANA name (TLS_AES_128_GCM_SHA256)."""

    version: str
    cipher: str
    server_name: str = ""
    protocol: str = ""
    """ALPN protocol chosen by the server (RFC 7301); "" when it is encrypted (TLS 1.3) or absent."""


class Where(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The workload that served the exchange. Empty strings and zeros: not known."""

    process: str = ""
    """Name of the serving thread group, as in /proc/PID/comm."""
    pid: int = 0
    """Process id in the agent's pid namespace."""
    mount_namespace: int = 0
    """Inode of the workload's mount namespace: one container, one number."""
    container: str = ""
    pod: str = ""
    namespace: str = ""
    node: str = ""
    host_ip: str = ""


class Request(msgspec.Struct, omit_defaults=True):
    """One HTTP request as the server read it (RFC 9112 §3). ``version`` is "1.0", "1.1" or "2"."""

    method: bytes
    target: bytes
    """The request-target, untouched."""
    version: str = "1.1"
    headers: Headers = []
    body: bytes = b""
    """Body after chunked decoding, before content codings; cut at the agent's ``request_body_limit``."""
    body_size: int = 0
    """Bytes of the whole body, cut or not."""
    trailers: Headers = []


class Response(msgspec.Struct, omit_defaults=True):
    """The answer's head; bodies never leave the node. ``status`` 0: no answer was seen."""

    status: int = 0
    headers: Headers = []
    body_size: int = 0
    """Bytes of the body as far as framing showed them."""


class Exchange(msgspec.Struct, omit_defaults=True):
    """One request with its response. Times: nanoseconds since the Unix epoch."""

    id: str
    """32 hexadecimal digits, unique."""
    start: int
    """When the first byte of the request was read by the server."""
    duration: int
    """From ``start`` to the last byte of the response's head; 0 without response. Nanoseconds."""
    client: Endpoint
    """Who sent the request: from PROXY or a trusted load balancer's header, else ``peer``."""
    peer: Endpoint
    """The other end of the TCP connection."""
    server: Endpoint
    """The end on which the workload listens."""
    request: Request
    response: Response
    where: Where
    tls: Tls | None = None
    incomplete: list[str] = []
    """What is missing, by name: request_body_limit, request_gap, request_memory (the agent had no room for
    the body), request_unfinished (the connection or the framing ended before the body), response_head_cut,
    response_missing, unauthenticated."""


class Finding(msgspec.Struct, omit_defaults=True):
    """One malicious value in a request: the attack type, where it stands and what was decoded on the way."""

    type: str
    """Attack code, for example ``ptrav``, ``sqli``."""
    point: Point
    payload: str
    """The decoded part that makes it an attack, printable (backslash escapes for the rest), at most 1 KiB."""
    score: float = 1.0
    """0…1, how sure."""
    signals: list[str] = []
    """Names of what fired, for the explanation."""


class Hit(msgspec.Struct, omit_defaults=True):
    """One malicious request and one attack type. ``id`` is derived from both, so a hit sent twice is stored once."""

    id: str
    type: str
    parameter: str
    """Flat display name of the first finding's point: ``GET_id_value``, ``POST_JSON_DOC_HASH_p2_value``."""
    findings: list[Finding]
    domain: str
    """Host without port, lower case."""
    path: str
    """The target's path, printable, without the query."""
    exchange: Exchange
    node: str = ""
    """Name of the processing node that found it."""


class Summary(msgspec.Struct, omit_defaults=True, gc=False):
    """What aggregation keeps of every exchange: enough to learn the inventory, without any parameter value."""

    start: int
    duration: int
    method: str
    domain: str
    path: str
    status: int
    client: str
    where: Where
    request_size: int = 0
    response_size: int = 0
    attacks: list[str] = []


encode = msgspec.msgpack.Encoder().encode
"""Any contract to msgpack."""
decode_exchanges = msgspec.msgpack.Decoder(list[Exchange]).decode
"""A batch of exchanges from msgpack. Raises ``msgspec.DecodeError`` (``ValidationError`` for a wrong shape)."""
