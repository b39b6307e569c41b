"""What the templates show, computed: no template decides anything beyond what to repeat. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from cloud_py.console import curl, raw
from cloud_py.store.filters import ATTACK_TYPES, Term, parse, toggled, write
from cloud_py.store.views import Attack, Count, StoredHit
from common_py.contracts import Finding, Point

RANGES: dict[str, tuple[str, int]] = {
    "1h": ("1 hour", 3600),
    "24h": ("24 hours", 86_400),
    "7d": ("7 days", 7 * 86_400),
    "30d": ("30 days", 30 * 86_400),
    "all": ("All time", 0),
}
"""Time ranges: what they are called, and their seconds (0: no limit)."""
NOW = timedelta(minutes=5)
"""An attack whose last hit is not older goes on."""


@dataclass(frozen=True, slots=True)
class Address:
    """The state of the page that its URL holds."""

    q: str = ""
    range: str = "24h"
    attack: str = ""
    hit: str = ""

    def url(self, path: str = "/attacks", **change: str) -> str:
        """This state with ``change``, as a URL; empty parts are left out."""
        state = {"q": self.q, "range": self.range, "attack": self.attack, "hit": self.hit} | change
        query = urlencode({key: value for key, value in state.items() if value and (key, value) != ("range", "24h")})
        return f"{path}?{query}" if query else path


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of the statistics: a filter that can be switched."""

    label: str
    title: str
    hits: int
    share: float
    """0…100, of the largest."""
    q: str
    """The filter with this value switched."""
    chosen: bool


def choices(field: str, counts: Sequence[Count], q: str) -> list[Choice]:
    """The values of one statistic."""
    terms = parse(q)
    largest = max((item.hits for item in counts), default=1)
    found = []
    for item in counts:
        change = Term(field, item.value)
        label = "no answer" if (field, item.value) == ("status", "0") else raw.printable(item.value)
        title = ATTACK_TYPES.get(item.value, label) if field == "type" else label
        share = round(100 * item.hits / largest, 1)
        found.append(Choice(label, title, item.hits, share, write(toggled(terms, change)), change in terms))
    return found


def type_name(code: str) -> str:
    """What people call an attack type."""
    return ATTACK_TYPES.get(code, code)


def duration(first: str, last: str) -> str:
    """Time between two RFC 3339 moments, in its two largest units; "" below a second."""
    seconds = int((datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds())
    units = [("d", seconds // 86_400), ("h", seconds // 3600 % 24), ("min", seconds // 60 % 60), ("s", seconds % 60)]
    shown = [f"{number} {unit}" for unit, number in units if number]
    return " ".join(shown[:2])


def is_now(attack: Attack, now: datetime) -> bool:
    """Whether the attack goes on."""
    return datetime.fromisoformat(attack.last_time) >= now - NOW


def moment(time: str) -> str:
    """A moment as the page shows it before its script turns it into local time."""
    return datetime.fromisoformat(time).strftime("%b %d, %H:%M:%S")


def size(number: int) -> str:
    """Bytes in the unit that suits."""
    value = float(number)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def milliseconds(nanoseconds: int) -> str:
    """A duration of nanoseconds for people."""
    value = nanoseconds / 1e6
    return f"{value:.1f} ms" if value < 1000 else f"{value / 1000:.2f} s"


def status_class(code: str) -> str:
    """Class of a status code for its colour: s2 … s5, s0 for none."""
    return f"s{code[0]}" if len(code) == 3 and code[0] in "12345" else "s0"


def point_parts(point: Point) -> list[str]:
    """A point's nested notation, one text a step."""
    return [raw.printable(" ".join(str(part) for part in step)) for step in point]


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding."""

    type: str
    point: list[str]
    payload: list[raw.Piece]
    signals: list[str]
    score: int


@dataclass(frozen=True, slots=True)
class HitView:
    """A hit in full."""

    stored: StoredHit
    findings: list[FindingView]
    request: list[raw.Piece]
    marked: bool
    """The payload stands in the request as it was sent, perhaps percent-encoded."""
    hidden: int
    """Bytes of the request that the page does not show."""
    curl: str
    response: list[tuple[str, str]]
    tls: list[tuple[str, str]]
    where: list[tuple[str, str]]


def hit_view(stored: StoredHit) -> HitView:
    """All that is known about a hit."""
    exchange = stored.hit.exchange
    data = raw.serialise(exchange.request)
    shown = data[: raw.SHOWN]
    layers = raw.layers(shown)
    spans = [span for finding in stored.hit.findings[:20] for span in raw.locate(layers, finding.payload)]
    missing = max(0, exchange.request.body_size - len(exchange.request.body))
    return HitView(
        stored=stored,
        findings=[_finding(finding) for finding in stored.hit.findings],
        request=raw.pieces(data, spans),
        marked=bool(spans),
        hidden=len(data) - len(shown) + missing,
        curl=curl.command(exchange),
        response=_response(stored),
        tls=_tls(stored),
        where=_where(stored),
    )


def _finding(finding: Finding) -> FindingView:
    payload = raw.pieces(finding.payload.encode("utf-8", "surrogatepass"))
    signals = [raw.printable(signal) for signal in finding.signals]
    return FindingView(finding.type, point_parts(finding.point), payload, signals, round(finding.score * 100))


def _known(rows: list[tuple[str, str | int]]) -> list[tuple[str, str]]:
    return [(name, raw.printable(str(value))) for name, value in rows if value]


def _response(stored: StoredHit) -> list[tuple[str, str]]:
    exchange = stored.hit.exchange
    response = exchange.response
    if not response.status:
        return [("Status", "no answer was seen")]
    types = [value.decode("latin-1") for name, value in response.headers if name.lower() == b"content-type"]
    return _known(
        [
            ("Status", response.status),
            ("Size", size(response.body_size)),
            ("Time", milliseconds(exchange.duration)),
            ("Content type", types[0] if types else ""),
        ]
    )


def _tls(stored: StoredHit) -> list[tuple[str, str]]:
    tls = stored.hit.exchange.tls
    if tls is None:
        return [("Version", "none: plain text")]
    name, protocol = tls.server_name, tls.protocol
    return _known([("Version", tls.version), ("Cipher", tls.cipher), ("Server name", name), ("ALPN", protocol)])


def _where(stored: StoredHit) -> list[tuple[str, str]]:
    exchange = stored.hit.exchange
    where = exchange.where
    server = exchange.server.address
    server = f"[{server}]:{exchange.server.port}" if ":" in server else f"{server}:{exchange.server.port}"
    behind = exchange.peer.address if exchange.peer.address != exchange.client.address else ""
    return _known(
        [
            ("Remote IP", exchange.client.address),
            ("Through", behind),
            ("Pod's address" if where.pod else "Server address", server),
            ("Namespace", where.namespace),
            ("Pod", where.pod),
            ("Container", where.container),
            ("Process", where.process),
            ("PID", where.pid),
            ("Mount namespace", where.mount_namespace),
            ("Host IP", where.host_ip),
            ("Hostname", where.node),
            ("Found by", stored.hit.node),
        ]
    )
