"""The TLS layer of one connection: records of both directions, in their order, to plaintext for the layer above.

``Negotiation`` reads the hellos, ``Decryption`` opens protected records, ``Backlog`` lets records wait while their key
is missing. The session ties them: it tells the upper layer the plaintext, follows what switches keys (ChangeCipherSpec
in TLS 1.2; Finished, EndOfEarlyData and KeyUpdate in TLS 1.3) and bounds what waits. Invariant: no record overtakes one
of its direction that waits, and none of the server's overtakes an older one of the client's.

Losses, each counted once: LOST_KEY_MISSING a connection whose records had to be given up; LOST_CIPHER_UNSUPPORTED one
whose suite or version is not known; LOST_DECRYPT_FAILED a record that its key did not open (above it is a gap).
"""

from __future__ import annotations

from dataclasses import dataclass

from agent_py.connection.connection import Connection
from agent_py.connection.layer import IGNORE, UNKNOWN, Layer
from agent_py.counters import Counter, Counters
from agent_py.tls import handshake as messages
from agent_py.tls.backlog import Backlog
from agent_py.tls.decryption import Content, Decryption, Outcome, Start
from agent_py.tls.finder import KeyFinder
from agent_py.tls.half import Half
from agent_py.tls.keystore import KeyStore
from agent_py.tls.negotiation import INGRESS, Hello, Negotiation
from agent_py.tls.records import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Event, Record, Unseen


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """``pending_limit``: bytes of records that a direction holds while its key is missing."""

    pending_limit: int = 131072


class TlsSession:
    """See the module's text. ``layer`` takes the plaintext."""

    __slots__ = (
        "_backlog", "_connection", "_counters", "_dead", "_decryption", "_finder", "_halves", "_id", "_negotiation",
        "_settings", "_settled", "_store", "layer",
    )  # fmt: skip

    def __init__(self, connection: Connection, settings: TlsSettings, store: KeyStore, counters: Counters) -> None:
        self._id = connection.id
        self.layer: Layer = IGNORE
        self._connection = connection
        self._settings = settings
        self._store = store
        self._counters = counters
        self._halves = (Half(0, connection.account), Half(1, connection.account))
        self._negotiation = Negotiation()
        self._finder = KeyFinder(store, connection.id, connection.tgid)
        self._decryption = Decryption(self._negotiation, self._finder)
        self._backlog = Backlog(
            connection, self._halves, self._negotiation, self._finder, store, self._handle, self._skipped
        )
        self._settled = False
        self._dead = False

    def data(self, direction: int, data: bytes, time: int) -> None:
        """Bytes of either direction."""
        half = self._halves[direction]
        self._take(half, half.reader.data(data, time) if not self._dead else [])

    def hole(self, direction: int, size: int, time: int) -> None:
        """Bytes left out by design."""
        self.gap(direction, size, -1, time)

    def gap(self, direction: int, size: int, lost: int, time: int) -> None:
        """Lost bytes (``lost`` negative: left out by design)."""
        half = self._halves[direction]
        self._take(half, half.reader.unseen(size, lost, time) if not self._dead else [])

    def expire(self, time: int) -> None:
        """Records waited for a key for the response timeout."""
        if not self._backlog.clear(time):
            self._give_up(time, Counter.LOST_KEY_MISSING)
        elif not self._dead:
            self.layer.expire(time)

    def relieve(self, time: int) -> None:
        """Memory is short: the layer above gives back what it holds; a session that holds records is given up."""
        if not any(half.pending for half in self._halves):
            self.layer.relieve(time)
        if self._connection.account.held and not self._dead:
            self._end(time)

    def close(self, time: int) -> None:
        """The connection ended."""
        if self._dead:
            return
        if not self._backlog.clear(time):
            self._counters.add(Counter.LOST_KEY_MISSING)
        self._end(time)

    def _take(self, half: Half, events: list[Event]) -> None:
        for event in events:
            if not self._dead and (half.pending or not self._handle(half, event)):
                self._backlog.hold(half, event)
                if half.pending_bytes > self._settings.pending_limit:
                    self._backlog.clear(event.time)
                if half.pending_bytes > self._settings.pending_limit:
                    self._give_up(event.time, Counter.LOST_KEY_MISSING)
        half.weigh()

    def _handle(self, half: Half, event: Event) -> bool:
        """Deal with one event; False when it must wait for a key."""
        if isinstance(event, Unseen):
            self._pass_over(half, event)
            return True
        if self._negotiation.server is None:
            return self._before_hello(half, event)
        if self._negotiation.tls13:
            if event.type == APPLICATION_DATA:
                return self._protected(half, event)
        elif event.type == CHANGE_CIPHER_SPEC:
            half.use(None, None, None)
            half.protected = True
            return True
        elif half.protected or event.type == APPLICATION_DATA:
            if not half.protected:
                half.protected = half.uncertain = True
            return self._protected(half, event)
        if event.type == HANDSHAKE:
            self._clear_handshake(half, event)
        return True

    def _before_hello(self, half: Half, record: Record) -> bool:
        if record.type == HANDSHAKE:
            self._clear_handshake(half, record)
        elif record.type == APPLICATION_DATA:
            if half.direction == INGRESS and self._negotiation.early_data:
                return False
            self._give_up(record.time, Counter.LOST_KEY_MISSING)
        return True

    def _clear_handshake(self, half: Half, record: Record) -> None:
        for kind, body in half.handshake.data(record.fragment):
            self._hello(half, kind, body, record.time)
        if record.cut:
            half.handshake.reset()

    def _hello(self, half: Half, kind: int, body: bytes, time: int) -> None:
        hello = self._negotiation.message(half.direction, kind, body)
        if hello is Hello.CHOSEN:
            self._finder.forget()
            if self._negotiation.server is not None:
                self._show(self._negotiation.server.protocol)
            self._backlog.retry(time)
        elif hello is Hello.MALFORMED:
            self._give_up(time, Counter.LOST_KEY_MISSING)
        elif hello is Hello.UNSUPPORTED:
            self._give_up(time, Counter.LOST_CIPHER_UNSUPPORTED)

    def _show(self, protocol: str) -> None:
        self._connection.tls = self._negotiation.shown(protocol)

    def _pass_over(self, half: Half, event: Unseen) -> None:
        half.uncertain = True
        half.handshake.reset()
        if self._negotiation.server is None:
            self._give_up(event.time, Counter.LOST_KEY_MISSING)
        elif event.lost < 0:
            self.layer.hole(half.direction, UNKNOWN, event.time)
        else:
            self.layer.gap(half.direction, UNKNOWN, event.lost, event.time)

    def _protected(self, half: Half, record: Record) -> bool:
        """Open one record; False when its key is missing, or when it must not overtake the client's records."""
        if half.direction != INGRESS and self._overtakes(record):
            return False
        opened = self._decryption.open(half, record)
        if opened is Outcome.WAIT:
            return False
        if half.application and not self._settled:
            self._settle()
        if isinstance(opened, Content):
            self._content(half, opened, record.time)
        elif isinstance(opened, Start):
            self._start(half, opened, record)
        elif opened is Outcome.FAILED:
            self._counters.add(Counter.LOST_DECRYPT_FAILED)
            self.layer.gap(half.direction, UNKNOWN, 0, record.time)
        return True

    def _overtakes(self, record: Record) -> bool:
        """Whether an older record of the client waits."""
        pending = self._halves[INGRESS].pending
        return bool(pending) and pending[0].time <= record.time

    def _skipped(self, half: Half, records: int, time: int) -> None:
        """Early data went by unopened: whether its server took it, and so what follows in the stream, is not known."""
        self._counters.add(Counter.LOST_DECRYPT_FAILED, records)
        self.layer.gap(half.direction, UNKNOWN, 0, time)

    def _content(self, half: Half, content: Content, time: int) -> None:
        if content.type == HANDSHAKE:
            for kind, body in half.handshake.data(content.data):
                if self._negotiation.tls13:
                    self._message(half, kind, body)
                else:
                    self._hello(half, kind, body, time)
        elif content.type == APPLICATION_DATA and content.data:
            self.layer.data(half.direction, content.data, time)

    def _start(self, half: Half, start: Start, record: Record) -> None:
        if start.data:
            self._connection.unauthenticated = True
            self.layer.data(half.direction, start.data, record.time)
            self._connection.unauthenticated = False
        if record.lost:
            self.layer.gap(half.direction, start.rest, 0, record.time)
        else:
            self.layer.hole(half.direction, start.rest, record.time)

    def _message(self, half: Half, kind: int, body: bytes) -> None:
        """A handshake message in a protected record of TLS 1.3."""
        if kind == messages.ENCRYPTED_EXTENSIONS:
            self._show(messages.encrypted_protocol(body))
        elif kind in (messages.FINISHED, messages.END_OF_EARLY_DATA):
            half.use(None, None, None)
            half.application = False
            half.finished = kind == messages.FINISHED
        elif kind == messages.KEY_UPDATE:
            half.update()
        elif kind == messages.NEW_SESSION_TICKET:
            half.application = True
            self._settle()

    def _settle(self) -> None:
        """Both directions carry application data, the client's not as early data: no further secret is wanted."""
        early = self._negotiation.early_data and not self._halves[INGRESS].finished
        if not early and all(half.application or half.protected for half in self._halves):
            self._settled = True
            self._store.settle(self._id, self._derived)

    def _derived(self, secret: bytearray) -> bool:
        return any(half.derives(secret) for half in self._halves)

    def _give_up(self, time: int, cause: Counter) -> None:
        if not self._dead:
            self._counters.add(cause)
            self._end(time)

    def _end(self, time: int) -> None:
        """Forget everything, zero the secrets."""
        self._dead = True
        self._backlog.close()
        self._store.release(self._id)
        for half in self._halves:
            half.wipe()
        self._finder.forget()
        layer, self.layer = self.layer, IGNORE
        layer.close(time)
