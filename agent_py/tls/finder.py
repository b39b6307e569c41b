"""Finds the key of a direction among the secrets in the store, and proves it.

TLS 1.2: the master secret of the handshake's client_random, from which both directions' keys follow. TLS 1.3: the
candidate that opens the record at hand (the AEAD tag is the proof), or, where only a record's start was seen, under
which a response begins.
"""

from __future__ import annotations

from agent_py.tls.half import RESPONSE_START, WINDOW, Half
from agent_py.tls.handshake import ClientHello, ServerHello
from agent_py.tls.keystore import KeyStore
from agent_py.tls.protection import Tls13Opener, tls12_opener
from agent_py.tls.records import Record
from agent_py.tls.schedule import RecordKeys, tls12_keys, tls13_keys
from agent_py.tls.suites import Suite


class KeyFinder:
    """For one session: connection ``conn`` of process ``tgid``."""

    __slots__ = ("_conn", "_keys", "_store", "_tgid")

    def __init__(self, store: KeyStore, conn: int, tgid: int) -> None:
        self._store = store
        self._conn = conn
        self._tgid = tgid
        self._keys: tuple[RecordKeys, RecordKeys] | None = None

    def forget(self) -> None:
        """A new handshake begins, or the session ends."""
        self._keys = None

    def equip(self, half: Half, client: ClientHello, server: ServerHello, suite: Suite) -> bool:
        """TLS 1.2: give ``half`` its key; False when the master secret is not there yet."""
        if self._keys is None:
            secret = self._store.master(client.random)
            if secret is None:
                return False
            master = self._store.claim(secret)
            self._keys = tls12_keys(master, client.random, server.random, suite)
            master[:] = bytes(len(master))
        keys = self._keys[half.direction]
        half.use(tls12_opener(suite, keys, encrypt_then_mac=server.encrypt_then_mac), None, suite)
        return True

    def prove(self, half: Half, record: Record, suite: Suite) -> tuple[int, bytes] | None:
        """TLS 1.3: find the secret that opens ``record``, the first of its epoch unless records went by unseen."""
        for secret in self._store.candidates(self._conn, self._tgid, suite.secret_size):
            opener = Tls13Opener(suite, tls13_keys(secret.value, suite))
            for sequence in range(WINDOW if half.uncertain else 1):
                result = opener.open(record, sequence)
                if result is not None:
                    half.use(opener, self._store.claim(secret), suite, sequence + 1)
                    half.uncertain = False
                    return result
        return None

    def recognise(self, half: Half, record: Record, suite: Suite) -> bool:
        """TLS 1.3: find the secret under which the start of ``record`` is the start of a response."""
        for secret in self._store.candidates(self._conn, self._tgid, suite.secret_size):
            opener = Tls13Opener(suite, tls13_keys(secret.value, suite))
            for sequence in range(WINDOW if half.uncertain else 1):
                if opener.open_cut(record, sequence).startswith(RESPONSE_START):
                    half.use(opener, self._store.claim(secret), suite, sequence)
                    half.application, half.uncertain = True, False
                    return True
        return False
