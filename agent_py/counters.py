"""What the agent counts: one registry, kept in 64-bit slots of a shared memory block.

A worker owns one block and is its only writer; the parent maps the blocks of all workers and exports them, so a worker
needs no socket for its metrics and a crash of it loses no count. The kernel programs keep their own counters in a
per-CPU map (``enum counter`` in bpf/counters.h); the parent exports those beside these.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto, unique


@unique
class Counter(IntEnum):
    """Slots of the block, in order. New ones go to the end of their group; the block lives as long as the agent."""

    CHUNKS = 0
    CONNECTIONS_OPENED = auto()
    CONNECTIONS_CLOSED = auto()
    CONNECTIONS_UNANNOUNCED = auto()
    KEYS = auto()
    EXCHANGES = auto()
    EXCHANGES_TLS = auto()
    EXCHANGES_SENT = auto()
    BATCHES_SENT = auto()
    BATCH_RETRIES = auto()
    # Losses, in exchanges unless the definition says bytes, records, keys or connections.
    LOST_GAP = auto()
    LOST_PARSE_ERROR = auto()
    LOST_DECRYPT_FAILED = auto()
    LOST_CIPHER_UNSUPPORTED = auto()
    LOST_KEY_MISSING = auto()
    LOST_KEY_UNMATCHED = auto()
    LOST_RESPONSE_MISSING = auto()
    LOST_REQUEST_MISSING = auto()
    LOST_BODY_LIMIT = auto()
    LOST_EVICTED = auto()
    LOST_OPAQUE = auto()
    LOST_NOT_HTTP = auto()
    LOST_BAD_CHUNK = auto()
    LOST_QUEUE_FULL = auto()
    LOST_REJECTED = auto()
    LOST_SHUTDOWN = auto()
    LOST_MEMORY_BODY = auto()
    LOST_MEMORY_HEAD = auto()
    LOST_MEMORY_CONNECTION = auto()
    LOST_UNREAD = auto()


@unique
class Gauge(IntEnum):
    """Slots behind the counters: values that go up and down."""

    CONNECTION_BYTES = len(Counter)


@dataclass(frozen=True, slots=True)
class Definition:
    """How a counter appears in the exposition: metric name without prefix, its label values and help."""

    name: str
    help: str
    labels: tuple[tuple[str, str], ...] = ()


def _loss(cause: str, unit: str, help: str) -> Definition:
    return Definition("losses_total", help, (("cause", cause), ("unit", unit)))


REGISTRY: dict[Counter, Definition] = {
    Counter.CHUNKS: Definition("chunks_total", "Chunks read from the rings."),
    Counter.CONNECTIONS_OPENED: Definition("connections_opened_total", "Server-side connections seen."),
    Counter.CONNECTIONS_CLOSED: Definition("connections_closed_total", "Connections that ended."),
    Counter.CONNECTIONS_UNANNOUNCED: Definition(
        "connections_unannounced_total", "Connections whose opening was lost: their addresses are not known."
    ),
    Counter.KEYS: Definition("tls_keys_total", "TLS secrets received."),
    Counter.EXCHANGES: Definition("exchanges_total", "Exchanges assembled."),
    Counter.EXCHANGES_TLS: Definition("exchanges_tls_total", "Exchanges assembled from TLS connections."),
    Counter.EXCHANGES_SENT: Definition("exchanges_sent_total", "Exchanges that processing took."),
    Counter.BATCHES_SENT: Definition("batches_sent_total", "Batches that processing took."),
    Counter.BATCH_RETRIES: Definition("batch_retries_total", "Batches sent again after a failure."),
    Counter.LOST_GAP: _loss("gap", "exchanges", "Requests cut by lost chunks."),
    Counter.LOST_PARSE_ERROR: _loss("parse_error", "exchanges", "Requests that are not HTTP any server accepts."),
    Counter.LOST_DECRYPT_FAILED: _loss("decrypt_failed", "records", "TLS records whose key did not open them."),
    Counter.LOST_CIPHER_UNSUPPORTED: _loss("cipher_unsupported", "connections", "TLS with a cipher suite not known."),
    Counter.LOST_KEY_MISSING: _loss("key_missing", "connections", "TLS connections whose secrets never came."),
    Counter.LOST_KEY_UNMATCHED: _loss("key_unmatched", "keys", "TLS secrets that no connection asked for."),
    Counter.LOST_RESPONSE_MISSING: _loss("response_missing", "responses", "Exchanges sent without their response."),
    Counter.LOST_REQUEST_MISSING: _loss("request_missing", "exchanges", "Responses whose request was not seen."),
    Counter.LOST_BODY_LIMIT: _loss("body_limit", "bytes", "Bytes of request bodies above the configured limit."),
    Counter.LOST_EVICTED: _loss("evicted", "connections", "Connections forgotten because the table was full."),
    Counter.LOST_OPAQUE: _loss("opaque", "connections", "Connections that left HTTP: upgrade, CONNECT."),
    Counter.LOST_NOT_HTTP: _loss("not_http", "connections", "Connections whose first bytes are no HTTP."),
    Counter.LOST_BAD_CHUNK: _loss("bad_chunk", "chunks", "Records of the ring that are no chunk."),
    Counter.LOST_QUEUE_FULL: _loss("queue_full", "exchanges", "Exchanges dropped because processing was slower."),
    Counter.LOST_REJECTED: _loss("rejected", "exchanges", "Exchanges that processing refused for good."),
    Counter.LOST_SHUTDOWN: _loss("shutdown", "exchanges", "Exchanges still queued when the agent ended."),
    Counter.LOST_MEMORY_BODY: _loss("memory_body", "bytes", "Bytes of request bodies cut for lack of memory."),
    Counter.LOST_MEMORY_HEAD: _loss("memory_head", "exchanges", "Requests whose half-read head was dropped likewise."),
    Counter.LOST_MEMORY_CONNECTION: _loss(
        "memory_connection", "connections", "Connections that had to give back all they held for lack of memory."
    ),
    Counter.LOST_UNREAD: _loss("unread", "bytes", "Bytes of the rings that the end of a worker left unread."),
}

GAUGES: dict[Gauge, str] = {
    Gauge.CONNECTION_BYTES: "Bytes that connections hold: heads, bodies, TLS records.",
}
"""The help of each gauge; its name is the enumeration's in lower case."""

BLOCK_BYTES = 8 * (len(Counter) + len(Gauge))
"""Size of a worker's block."""


class Counters:
    """A block of counters over ``buffer`` (at least ``BLOCK_BYTES`` writable bytes), or over memory of its own."""

    __slots__ = ("_slots",)

    def __init__(self, buffer: memoryview | None = None) -> None:
        memory = buffer if buffer is not None else memoryview(bytearray(BLOCK_BYTES))
        self._slots = memory[:BLOCK_BYTES].cast("Q")

    def add(self, counter: Counter, amount: int = 1) -> None:
        """Add ``amount`` (≥ 0). One writer per block: no lock."""
        self._slots[counter] += amount

    def set(self, gauge: Gauge, value: int) -> None:
        """The gauge's value (≥ 0) now."""
        self._slots[gauge] = value

    def __getitem__(self, counter: Counter | Gauge) -> int:
        return self._slots[counter]

    def snapshot(self) -> dict[Counter, int]:
        """All values at this moment."""
        return {counter: self._slots[counter] for counter in Counter}
