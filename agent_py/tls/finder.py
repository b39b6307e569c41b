"""Finds the key of a direction among the secrets in the store, and proves it.

TLS 1.2: the master secret of the handshake's client_random, from which both directions' keys follow. TLS 1.3: the
candidate that opens the record at hand (the AEAD tag is the proof), or, where only a record's start was seen, under
which a response begins.

Candidates of TLS 1.3 are the secrets hinted at the connection; then, for a direction without its key, when the session
waits longer than a right hint takes (``wide``) or hints of its process proved wrong, the other secrets of the process.
Cost: a record is tried at most once under a secret, that is one AEAD operation, or ``WINDOW`` after unseen records
(``NEAR`` under a secret not hinted at it). Under secrets not hinted at it, a session makes at most ``GUESSES``
operations in its life and ``NEIGHBOURS`` trials on one look at a record, whatever peers and processes do.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent_py.tls.half import RESPONSE_START, WINDOW, Half
from agent_py.tls.handshake import ClientHello, ServerHello
from agent_py.tls.keystore import KeyStore
from agent_py.tls.protection import tls12_opener
from agent_py.tls.records import Record
from agent_py.tls.schedule import RecordKeys, tls12_keys
from agent_py.tls.secret import Secret
from agent_py.tls.suites import Suite

GUESSES = 1024
NEAR = 4
"""Sequence numbers tried under secrets of others after unseen records. What is unseen is mostly the server's
certificate, the end of an epoch; the first record of the next one has number 0."""


class KeyFinder:
    """For one session: connection ``conn`` of process ``tgid``."""

    __slots__ = ("_conn", "_guesses", "_keys", "_store", "_tgid", "wide")

    def __init__(self, store: KeyStore, conn: int, tgid: int) -> None:
        self._store = store
        self._conn = conn
        self._tgid = tgid
        self._keys: tuple[RecordKeys, RecordKeys] | None = None
        self._guesses = GUESSES
        self.wide = False
        """Whether to try secrets that are hinted at other connections."""

    def forget(self) -> None:
        """A new handshake begins, or the session ends."""
        self._keys = None

    def equip(self, half: Half, client: ClientHello, server: ServerHello, suite: Suite) -> bool:
        """TLS 1.2: give ``half`` its key; False when the master secret is not there yet."""
        if self._keys is None:
            secret = self._store.master(client.random)
            if secret is None:
                return False
            master = self._store.claim(secret, self._conn)
            self._keys = tls12_keys(master, client.random, server.random, suite)
            master[:] = bytes(len(master))
        keys = self._keys[half.direction]
        half.use(tls12_opener(suite, keys, encrypt_then_mac=server.encrypt_then_mac), None, suite)
        return True

    def prove(self, half: Half, record: Record, suite: Suite) -> tuple[int, bytes] | None:
        """TLS 1.3: find the secret that opens ``record``, the first of its epoch unless records went by unseen."""
        for secret, numbers in self._candidates(half, record, suite):
            opener = secret.opener(suite)
            for sequence in range(numbers):
                result = opener.open(record, sequence)
                if result is not None:
                    half.use(opener, self._store.claim(secret, self._conn), suite, sequence + 1)
                    half.uncertain = False
                    return result
        return None

    def recognise(self, half: Half, record: Record, suite: Suite) -> bool:
        """TLS 1.3: find the secret under which the start of ``record`` is the start of a response."""
        for secret, numbers in self._candidates(half, record, suite):
            opener = secret.opener(suite)
            for sequence in range(numbers):
                if opener.open_cut(record, sequence).startswith(RESPONSE_START):
                    half.use(opener, self._store.claim(secret, self._conn), suite, sequence)
                    half.application, half.uncertain = True, False
                    return True
        return False

    def _candidates(self, half: Half, record: Record, suite: Suite) -> Iterator[tuple[Secret, int]]:
        """Secrets that ``record`` was not tried under yet, likeliest first; how many sequence numbers it may have."""
        hinted = self._store.hinted(self._conn, suite.secret_size, record.tried)
        if hinted:
            record.tried = hinted[-1].number
        for secret in hinted:
            yield secret, WINDOW if half.uncertain else 1
        if half.application or not (self.wide or self._store.astray(self._tgid)):
            return
        others = self._store.others(self._conn, self._tgid, suite.secret_size, record.guessed)
        if others:
            record.guessed = others[0].number
        for secret in others:
            numbers = min(NEAR if half.uncertain else 1, self._guesses)
            if not numbers:
                return
            self._guesses -= numbers
            yield secret, numbers
