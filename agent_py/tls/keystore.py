"""Secrets until a session proves that they are its own.

Secrets come before or after the records that they open. A TLS 1.2 master secret names its connection exactly, by
client_random. A TLS 1.3 traffic secret comes with a hint: the connection that its thread read last. Sessions try the
secrets hinted at them; only where no hint ever named a session, it may try those of its process whose hint named none.
Proof is the AEAD tag. A session in want of a secret waits here and is told when one may be its own.

Bounds: ``limit`` secrets, ``lifetime`` nanoseconds each, ``NEIGHBOURS`` unhinted secrets or waiting sessions looked at.
Secrets are kept in buffers of the store's own that are zeroed when they leave; Python may have moved short-lived copies
before, so this narrows the exposure and does not end it. Nothing here has a ``repr`` that shows one.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from typing import Protocol

from agent_py.chunk import KeyInfo, KeyProtocol
from agent_py.counters import Counter, Counters

NEIGHBOURS = 32
PER_CONNECTION = 16
"""Unclaimed secrets of one connection; a handshake makes four or five."""


class Waiter(Protocol):
    """A session that lacks a secret."""

    id: int
    tgid: int

    def keys_arrived(self, time: int) -> None:
        """A secret came that may be the session's own."""


class Secret:
    """A secret in the store. ``master`` ones carry the randoms of their handshake."""

    __slots__ = ("client_random", "conn", "number", "server_random", "tgid", "time", "value")

    def __init__(self, info: KeyInfo, conn: int, tgid: int, time: int, number: int) -> None:
        self.value = bytearray(info.secret)
        self.client_random = info.client_random
        self.server_random = info.server_random
        self.conn = conn
        self.tgid = tgid
        self.time = time
        self.number = number

    def wipe(self) -> None:
        """Zero the secret."""
        self.value[:] = bytes(len(self.value))


class KeyStore:
    """The secrets and the sessions of one worker."""

    def __init__(self, counters: Counters, *, limit: int = 16384, lifetime: int = 30_000_000_000) -> None:
        self._counters = counters
        self._limit = limit
        self._lifetime = lifetime
        self._number = 0
        self._all: OrderedDict[int, Secret] = OrderedDict()
        self._masters: dict[bytes, Secret] = {}
        self._hinted: dict[int, list[Secret]] = {}
        self._unhinted: dict[int, OrderedDict[int, Secret]] = {}
        self._settled: set[int] = set()
        self._waiting: dict[int, Waiter] = {}
        self._waiting_process: dict[int, dict[int, Waiter]] = {}
        self._waiting_random: dict[bytes, Waiter] = {}

    def __len__(self) -> int:
        return len(self._all)

    def add(self, info: KeyInfo, conn: int, tgid: int, time: int) -> None:
        """Take a secret in and tell the sessions that may want it. ``conn`` 0: no hint."""
        self._counters.add(Counter.KEYS)
        self._number += 1
        secret = Secret(info, conn, tgid, time, self._number)
        if info.protocol == KeyProtocol.TLS12_MASTER_SECRET:
            self._add_master(secret)
        elif info.protocol == KeyProtocol.TLS13_TRAFFIC_SECRET and len(info.secret) in (32, 48):
            self._add_traffic(secret)
        else:
            self._counters.add(Counter.LOST_KEY_UNMATCHED)
        while len(self._all) > self._limit:
            self._unmatched(next(iter(self._all.values())))

    def _add_master(self, secret: Secret) -> None:
        known = self._masters.get(secret.client_random)
        if known is not None:
            self._drop(known)
        self._all[secret.number] = secret
        self._masters[secret.client_random] = secret
        waiter = self._waiting_random.get(secret.client_random)
        if waiter is not None:
            waiter.keys_arrived(secret.time)

    def _add_traffic(self, secret: Secret) -> None:
        conn, tgid = secret.conn, secret.tgid
        if conn in self._settled:
            secret.wipe()
            return
        if conn:
            hinted = self._hinted.setdefault(conn, [])
            if any(known.value == secret.value for known in hinted):
                return
            hinted.append(secret)
        else:
            self._unhinted.setdefault(tgid, OrderedDict())[secret.number] = secret
        self._all[secret.number] = secret
        if len(self._hinted.get(conn, ())) > PER_CONNECTION:
            self._unmatched(self._hinted[conn][0])
        if conn:
            waiter = self._waiting.get(conn)
            if waiter is not None:
                waiter.keys_arrived(secret.time)
            return
        for waiter in list(islice(self._waiting_process.get(tgid, {}).values(), NEIGHBOURS)):
            waiter.keys_arrived(secret.time)
            if secret.number not in self._all:
                return

    def candidates(self, conn: int, tgid: int, size: int) -> list[Secret]:
        """TLS 1.3 traffic secrets of ``size`` bytes that may belong to the connection, likeliest first."""
        hinted = self._hinted.get(conn)
        if hinted is not None:
            return [secret for secret in hinted if len(secret.value) == size]
        near = islice(reversed(self._unhinted.get(tgid, {}).values()), NEIGHBOURS)
        return [secret for secret in near if len(secret.value) == size]

    def master(self, client_random: bytes) -> Secret | None:
        """The TLS 1.2 master secret of a handshake."""
        return self._masters.get(client_random)

    def claim(self, secret: Secret) -> bytearray:
        """A session proved the secret to be its own: it leaves the store, its bytes belong to the caller."""
        value = bytearray(secret.value)
        self._drop(secret)
        return value

    def wait(self, waiter: Waiter, client_random: bytes) -> None:
        """Tell ``waiter`` when a secret comes that may be its own."""
        self._waiting[waiter.id] = waiter
        self._waiting_process.setdefault(waiter.tgid, {})[waiter.id] = waiter
        self._waiting_random[client_random] = waiter

    def stop_waiting(self, waiter: Waiter, client_random: bytes) -> None:
        """The session has what it wants, or gave up."""
        self._waiting.pop(waiter.id, None)
        self._waiting_random.pop(client_random, None)
        process = self._waiting_process.get(waiter.tgid)
        if process is not None:
            process.pop(waiter.id, None)
            if not process:
                del self._waiting_process[waiter.tgid]

    def settle(self, conn: int) -> None:
        """The session has all its secrets: what is hinted at it, now and later, is a spent or a derived one."""
        self._settled.add(conn)
        for secret in list(self._hinted.get(conn, ())):
            self._drop(secret)

    def release(self, conn: int) -> None:
        """The connection ended: what is still hinted at it will not be asked for."""
        self._settled.discard(conn)
        for secret in list(self._hinted.get(conn, ())):
            self._unmatched(secret)

    def expire(self, now: int) -> None:
        """Forget secrets that nobody asked for."""
        while self._all:
            oldest = next(iter(self._all.values()))
            if now - oldest.time < self._lifetime:
                return
            self._unmatched(oldest)

    def _unmatched(self, secret: Secret) -> None:
        self._counters.add(Counter.LOST_KEY_UNMATCHED)
        self._drop(secret)

    def _drop(self, secret: Secret) -> None:
        if self._all.pop(secret.number, None) is None:
            return
        if self._masters.get(secret.client_random) is secret:
            del self._masters[secret.client_random]
        hinted = self._hinted.get(secret.conn)
        if hinted is not None and secret in hinted:
            hinted.remove(secret)
            if not hinted:
                del self._hinted[secret.conn]
        unhinted = self._unhinted.get(secret.tgid)
        if unhinted is not None and unhinted.pop(secret.number, None) is not None and not unhinted:
            del self._unhinted[secret.tgid]
        secret.wipe()
