"""The TLS layer of one connection: records of both directions to plaintext for the layer above.

Hellos are read in the clear. TLS 1.2: ChangeCipherSpec switches a direction to keys made from the master secret that
belongs to the client_random. TLS 1.3: each protected record opens under the key in use, or else proves which of the
candidate secrets (handshake, application, early data; client, server) is the next key; Finished ends an epoch.
Records wait, bounded, while their key is missing, and go on in their order when it comes.

Losses, each counted once: LOST_KEY_MISSING a connection whose records had to be given up; LOST_CIPHER_UNSUPPORTED one
whose suite or version is not known; LOST_DECRYPT_FAILED a record that its key did not open (above it is a gap).
"""

from __future__ import annotations

from dataclasses import dataclass

from agent_py.chunk import Direction
from agent_py.connection.connection import Connection
from agent_py.connection.layer import IGNORE, UNKNOWN, Layer
from agent_py.counters import Counter, Counters
from agent_py.tls import handshake as messages
from agent_py.tls.finder import KeyFinder
from agent_py.tls.half import Half
from agent_py.tls.handshake import ClientHello, ServerHello, client_hello, server_hello
from agent_py.tls.keystore import KeyStore
from agent_py.tls.records import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Event, Record, Unseen
from agent_py.tls.suites import TLS12_SUITES, TLS13_SUITES, Suite
from common_py.contracts import Tls

TLS12 = 0x0303
TLS13 = 0x0304
EARLY_RECORDS = 16
"""Records among which the end of early data that cannot be opened is looked for."""
INGRESS = int(Direction.INGRESS)


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """``pending_limit``: bytes of records that a direction holds while its key is missing."""

    pending_limit: int = 131072


class TlsSession:
    """See the module's text. ``layer`` takes the plaintext."""

    __slots__ = (
        "_client", "_connection", "_counters", "_dead", "_finder", "_halves", "_random", "_retrying", "_server",
        "_settings", "_settled", "_store", "_suite", "_waiting", "id", "layer", "tgid",
    )  # fmt: skip

    def __init__(self, connection: Connection, settings: TlsSettings, store: KeyStore, counters: Counters) -> None:
        self.id = connection.id
        self.tgid = connection.tgid
        self.layer: Layer = IGNORE
        self._connection = connection
        self._settings = settings
        self._store = store
        self._counters = counters
        self._halves = (Half(0), Half(1))
        self._client: ClientHello | None = None
        self._server: ServerHello | None = None
        self._suite: Suite | None = None
        self._finder = KeyFinder(store, connection.id, connection.tgid)
        self._waiting = False
        self._random = b""
        self._retrying = False
        self._settled = False
        self._dead = False

    def data(self, direction: int, data: bytes, time: int) -> None:
        """Bytes of either direction."""
        if self._dead:
            return
        half = self._halves[direction]
        for event in half.reader.data(data, time):
            self._take(half, event)

    def hole(self, direction: int, size: int, time: int) -> None:
        """Bytes left out by design."""
        self._unseen(direction, size, -1, time)

    def gap(self, direction: int, size: int, lost: int, time: int) -> None:
        """Lost bytes."""
        self._unseen(direction, size, lost, time)

    def _unseen(self, direction: int, size: int, lost: int, time: int) -> None:
        if self._dead:
            return
        half = self._halves[direction]
        for event in half.reader.unseen(size, lost, time):
            self._take(half, event)

    def _take(self, half: Half, event: Event) -> None:
        if self._dead:
            return
        if half.pending or not self._handle(half, event):
            half.hold(event)
            self._wait()
            if half.pending_bytes > self._settings.pending_limit:
                self._give_up(event.time, Counter.LOST_KEY_MISSING)
            elif self._client is not None and self._client.early_data and len(half.pending) <= EARLY_RECORDS:
                self._retry(event.time)

    def _handle(self, half: Half, event: Event) -> bool:
        """Deal with one event; False when it must wait for a key."""
        if isinstance(event, Unseen):
            self._pass_over(half, event)
            return True
        if self._server is None:
            return self._before_hello(half, event)
        if self._server.version == TLS13:
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
            if half.direction == INGRESS and self._client is not None and self._client.early_data:
                return False
            self._give_up(record.time, Counter.LOST_KEY_MISSING)
        return True

    def _clear_handshake(self, half: Half, record: Record) -> None:
        for kind, body in half.handshake.data(record.fragment):
            self._hello(half, kind, body, record.time)
        if record.cut:
            half.handshake.reset()

    def _hello(self, half: Half, kind: int, body: bytes, time: int) -> None:
        if kind == messages.CLIENT_HELLO and half.direction == INGRESS:
            self._client = client_hello(body) or self._client
        elif kind == messages.SERVER_HELLO and half.direction != INGRESS:
            hello = server_hello(body)
            if hello is None or self._client is None:
                self._give_up(time, Counter.LOST_KEY_MISSING)
            elif not hello.retry:
                self._choose(hello, time)

    def _choose(self, hello: ServerHello, time: int) -> None:
        suites = {TLS12: TLS12_SUITES, TLS13: TLS13_SUITES}.get(hello.version, {})
        self._suite = suites.get(hello.suite)
        if self._suite is None:
            self._give_up(time, Counter.LOST_CIPHER_UNSUPPORTED)
            return
        self._server = hello
        self._finder.forget()
        self._show(hello.protocol)
        self._retry(time)

    def _show(self, protocol: str) -> None:
        if self._client is not None and self._server is not None and self._suite is not None:
            version = "1.3" if self._server.version == TLS13 else "1.2"
            self._connection.tls = Tls(version, self._suite.name, self._client.server_name, protocol)

    def _pass_over(self, half: Half, event: Unseen) -> None:
        half.uncertain = True
        half.handshake.reset()
        if self._server is None:
            self._give_up(event.time, Counter.LOST_KEY_MISSING)
        elif event.lost < 0:
            self.layer.hole(half.direction, UNKNOWN, event.time)
        else:
            self.layer.gap(half.direction, UNKNOWN, event.lost, event.time)

    def _protected(self, half: Half, record: Record) -> bool:
        """Open one record; False when its key is missing, or when it must not overtake the client's records."""
        if half.direction != INGRESS and self._halves[INGRESS].pending:
            return False
        tls13 = self._server is not None and self._server.version == TLS13
        if not tls13 and half.opener is None and not self._equip(half):
            return False
        if record.cut:
            return self._cut(half, record, tls13=tls13)
        result = half.open(record)
        if result is None and tls13:
            result = self._finder.prove(half, record, self._suite) if self._suite is not None else None
            if result is None and not half.application:
                return False
        if result is None:
            self._counters.add(Counter.LOST_DECRYPT_FAILED)
            half.sequence += 1
            half.uncertain = True
            self.layer.gap(half.direction, UNKNOWN, 0, record.time)
            return True
        kind, plaintext = result
        if kind == APPLICATION_DATA:
            half.application = True
            if not self._settled:
                self._settle()
            if plaintext:
                self.layer.data(half.direction, plaintext, record.time)
        elif kind == HANDSHAKE:
            self._protected_handshake(half, plaintext, record.time, tls13=tls13)
        return True

    def _equip(self, half: Half) -> bool:
        if self._client is None or self._server is None or self._suite is None:
            return False
        return self._finder.equip(half, self._client, self._server, self._suite)

    def _cut(self, half: Half, record: Record, *, tls13: bool) -> bool:
        """A record of which only the start was seen; False when its key is missing."""
        if tls13 and not half.application and not self._adopt(half, record):
            # A long handshake message, or the start of something that no key at hand explains.
            half.sequence += half.opener is not None
            return half.opener is not None
        data = half.open_cut(record)
        size = half.opener.plain_size(record) if half.opener is not None else -1
        if data:
            self._connection.unauthenticated = True
            self.layer.data(half.direction, data, record.time)
            self._connection.unauthenticated = False
        rest = UNKNOWN if data is None or size < 0 else size - len(data)
        if record.lost:
            self.layer.gap(half.direction, rest, 0, record.time)
        else:
            self.layer.hole(half.direction, rest, record.time)
        return True

    def _adopt(self, half: Half, record: Record) -> bool:
        """TLS 1.3: the first record of the server's application data is cut: a response's start proves the secret."""
        if self._suite is None or half.direction == INGRESS:
            return False
        found = self._finder.recognise(half, record, self._suite)
        if found:
            self._settle()
        return found

    def _protected_handshake(self, half: Half, data: bytes, time: int, *, tls13: bool) -> None:
        for kind, body in half.handshake.data(data):
            if not tls13:
                self._hello(half, kind, body, time)
            elif kind == messages.ENCRYPTED_EXTENSIONS:
                self._show(messages.encrypted_protocol(body))
            elif kind in (messages.FINISHED, messages.END_OF_EARLY_DATA):
                half.use(None, None, None)
                half.application = False
            elif kind == messages.KEY_UPDATE:
                half.update()
            elif kind == messages.NEW_SESSION_TICKET:
                half.application = True
                self._settle()

    def _settle(self) -> None:
        """Both directions carry application data: no further secret is wanted."""
        if not self._settled and all(half.application or half.protected for half in self._halves):
            self._settled = True
            self._store.settle(self.id)

    def _wait(self) -> None:
        if not self._waiting:
            self._waiting = True
            self._random = self._client.random if self._client is not None else b""
            self._store.wait(self, self._random)

    def _stop_waiting(self) -> None:
        if self._waiting:
            self._waiting = False
            self._store.stop_waiting(self, self._random)

    def keys_arrived(self, time: int) -> None:
        """A secret came: try the records that wait."""
        self._retry(time)

    def _retry(self, time: int) -> None:
        if self._retrying:
            return
        self._retrying = True
        for half in self._halves:
            while half.pending and (self._handle(half, half.pending[0]) or self._skip_early(half)):
                if self._dead:
                    return
                half.unhold()
        self._retrying = False
        if not any(half.pending for half in self._halves):
            self._stop_waiting()

    def _skip_early(self, half: Half) -> bool:
        """Early data that its server did not take, or whose secret never came: find the record that follows it."""
        early = self._client is not None and self._client.early_data and half.direction == INGRESS
        if not early or half.opener is not None or self._server is None or self._server.version != TLS13:
            return False
        for position, event in enumerate(half.pending):
            if position and isinstance(event, Record) and event.type == APPLICATION_DATA and self._handle(half, event):
                for _ in range(position):
                    half.unhold()
                    self._counters.add(Counter.LOST_DECRYPT_FAILED)
                return not self._dead
        return False

    def expire(self, time: int) -> None:
        """Records waited for a key for the response timeout."""
        if any(half.pending for half in self._halves):
            self._give_up(time, Counter.LOST_KEY_MISSING)
        elif not self._dead:
            self.layer.expire(time)

    def _give_up(self, time: int, cause: Counter) -> None:
        if not self._dead:
            self._counters.add(cause)
            self._end(time)

    def close(self, time: int) -> None:
        """The connection ended."""
        if self._dead:
            return
        if any(half.pending for half in self._halves):
            self._counters.add(Counter.LOST_KEY_MISSING)
        self._end(time)

    def _end(self, time: int) -> None:
        """Forget everything, zero the secrets."""
        self._dead = True
        self._stop_waiting()
        self._store.release(self.id)
        for half in self._halves:
            half.wipe()
            half.pending.clear()
        self._finder.forget()
        layer, self.layer = self.layer, IGNORE
        layer.close(time)
