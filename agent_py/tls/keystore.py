"""Secrets until a session proves that they are its own.

Secrets come before or after the records that they open. A TLS 1.2 master secret names its connection exactly, by
client_random. A TLS 1.3 traffic secret comes with a hint: the connection that its thread read last, or 0. A hint is
almost always right; it is wrong where one thread reads and another derives, where a thread reads another connection in
between, and where the process is itself a TLS client. So a session tries the secrets hinted at it, and, when those do
not do, the others of its process (``KeyFinder`` decides). Proof is the AEAD tag. A session in want of a secret waits
here and is told when one may be its own.

Bounds: ``limit`` secrets, ``lifetime`` nanoseconds each; ``PER_CONNECTION`` hints at one connection; of a process the
newest ``NEIGHBOURS`` secrets are looked at for one record, and its newest ``WAITERS`` waiting sessions for one secret;
``expire`` looks at ``DUE`` sessions, each once per wait. A secret that leaves unclaimed is counted once. Every method
is O(1) but for these bounds and ``expire``, which is O(what leaves + processes).

Secrets are kept in buffers of the store's own that are zeroed when they leave; Python may have moved short-lived copies
before, so this narrows the exposure and does not end it. Nothing here has a ``repr`` that shows one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import Protocol

from agent_py.chunk import KeyInfo, KeyProtocol
from agent_py.counters import Counter, Counters
from agent_py.tls.secret import Secret

NEIGHBOURS = 128
WAITERS = 32
DUE = 256
PER_CONNECTION = 16
"""A handshake makes four or five secrets."""
PATIENCE = 5_000_000
"""Nanoseconds that a session waits for a secret hinted at it before it looks at those hinted at others. The secret of a
record that was just read is derived by the same thread next; only a wrong hint takes longer."""


class Waiter(Protocol):
    """A session that lacks a secret."""

    id: int
    tgid: int

    def keys_arrived(self, time: int) -> None:
        """A secret came that may be the session's own, or it has waited for ``PATIENCE``."""


class _Process:
    """TLS 1.3 secrets and waiting sessions of one process, oldest first."""

    __slots__ = ("astray", "secrets", "waiting")

    def __init__(self) -> None:
        self.secrets: OrderedDict[int, Secret] = OrderedDict()
        self.waiting: OrderedDict[int, Waiter] = OrderedDict()
        self.astray = 0
        """Time until which its hints are not believed: one was absent or proved wrong."""


class KeyStore:
    """The secrets and the sessions of one worker."""

    def __init__(self, counters: Counters, *, limit: int = 16384, lifetime: int = 30_000_000_000) -> None:
        self._counters = counters
        self._limit = limit
        self._lifetime = lifetime
        self._now = 0
        self._number = 0
        self._all: OrderedDict[int, Secret] = OrderedDict()
        self._masters: dict[bytes, Secret] = {}
        self._hinted: dict[int, list[Secret]] = {}
        self._processes: dict[int, _Process] = {}
        self._settled: dict[int, Callable[[bytearray], bool]] = {}
        self._waiting: dict[int, Waiter] = {}
        self._waiting_random: dict[bytes, Waiter] = {}
        self._due: OrderedDict[int, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._all)

    def add(self, info: KeyInfo, conn: int, tgid: int, time: int) -> None:
        """Take a secret in and tell the sessions that may want it. ``conn`` 0: no hint."""
        self._counters.add(Counter.KEYS)
        self._now = time
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
        if not self._hint(secret):
            secret.wipe()
            return
        self._all[secret.number] = secret
        process = self._process(secret.tgid)
        process.secrets[secret.number] = secret
        if not secret.conn:
            process.astray = secret.time + self._lifetime
        if not self._waiting:
            return
        hinted = self._waiting.get(secret.conn)
        others = [waiter for waiter in islice(reversed(process.waiting.values()), WAITERS) if waiter is not hinted]
        for waiter in others if hinted is None else [hinted, *others]:
            waiter.keys_arrived(secret.time)
            if secret.number not in self._all:
                return

    def _hint(self, secret: Secret) -> bool:
        """Note whom the secret is hinted at; False when that session has it already."""
        derived = self._settled.get(secret.conn)
        if derived is not None:
            return not derived(secret.value)
        if secret.conn:
            hinted = self._hinted.setdefault(secret.conn, [])
            if any(known.value == secret.value for known in hinted):
                return False
            hinted.append(secret)
            if len(hinted) > PER_CONNECTION:
                hinted.pop(0).conn = 0
        return True

    def _process(self, tgid: int) -> _Process:
        process = self._processes.get(tgid)
        if process is None:
            process = self._processes[tgid] = _Process()
        return process

    def hinted(self, conn: int, size: int, after: int) -> list[Secret]:
        """TLS 1.3 secrets of ``size`` bytes hinted at the connection and numbered behind ``after``, oldest first."""
        hinted = self._hinted.get(conn, ())
        return [secret for secret in hinted if secret.number > after and len(secret.value) == size]

    def others(self, conn: int, tgid: int, size: int, after: int) -> list[Secret]:
        """Those of the process that are not hinted at the connection, newest first, of the newest ``NEIGHBOURS``."""
        found: list[Secret] = []
        process = self._processes.get(tgid)
        for secret in islice(reversed(process.secrets.values()), NEIGHBOURS) if process is not None else ():
            if secret.number <= after:
                break
            if secret.conn != conn and len(secret.value) == size:
                found.append(secret)
        return found

    def astray(self, tgid: int) -> bool:
        """Whether the hints of a process are not to be believed at the moment."""
        process = self._processes.get(tgid)
        return process is not None and self._now < process.astray

    def master(self, client_random: bytes) -> Secret | None:
        """The TLS 1.2 master secret of a handshake."""
        return self._masters.get(client_random)

    def claim(self, secret: Secret, conn: int) -> bytearray:
        """A session proved the secret to be its own: it leaves the store, its bytes belong to the caller."""
        if secret.conn != conn and not secret.client_random:
            self._process(secret.tgid).astray = self._now + self._lifetime
        value = bytearray(secret.value)
        self._drop(secret)
        return value

    def wait(self, waiter: Waiter, client_random: bytes, time: int) -> None:
        """Tell ``waiter`` when a secret comes that may be its own, and once when it has waited for ``PATIENCE``."""
        self._waiting[waiter.id] = waiter
        self._process(waiter.tgid).waiting[waiter.id] = waiter
        self._waiting_random[client_random] = waiter
        self._due[waiter.id] = time

    def stop_waiting(self, waiter: Waiter, client_random: bytes) -> None:
        """The session has what it wants, or gave up."""
        self._waiting.pop(waiter.id, None)
        self._waiting_random.pop(client_random, None)
        self._process(waiter.tgid).waiting.pop(waiter.id, None)
        self._due.pop(waiter.id, None)

    def settle(self, conn: int, derived: Callable[[bytearray], bool]) -> None:
        """The session has all its secrets: those still hinted at it are another's.

        ``derived`` tells which of those to come follow from the session's own (KeyUpdate, RFC 8446 §7.2): no news.
        """
        self._settled[conn] = derived
        self._unhint(conn)

    def release(self, conn: int) -> None:
        """The connection ended: what is still hinted at it may be another's."""
        self._settled.pop(conn, None)
        self._unhint(conn)

    def _unhint(self, conn: int) -> None:
        for secret in self._hinted.pop(conn, ()):
            secret.conn = 0

    def release_process(self, tgid: int) -> None:
        """The process ended: nobody will ask for its TLS 1.3 secrets."""
        process = self._processes.pop(tgid, _Process())
        for secret in list(process.secrets.values()):
            self._unmatched(secret)

    def expire(self, now: int) -> None:
        """Forget secrets that nobody asked for; tell sessions that have waited for ``PATIENCE``."""
        self._now = now
        for conn, since in list(islice(self._due.items(), DUE)):
            if now - since < PATIENCE:
                break
            if self._due.pop(conn, None) is not None:
                self._waiting[conn].keys_arrived(now)
        while self._all:
            oldest = next(iter(self._all.values()))
            if now - oldest.time < self._lifetime:
                break
            self._unmatched(oldest)
        for tgid, process in list(self._processes.items()):
            if not process.secrets and not process.waiting and process.astray <= now:
                del self._processes[tgid]

    def _unmatched(self, secret: Secret) -> None:
        self._counters.add(Counter.LOST_KEY_UNMATCHED)
        self._drop(secret)

    def _drop(self, secret: Secret) -> None:
        if self._all.pop(secret.number, None) is None:
            return
        if self._masters.get(secret.client_random) is secret:
            del self._masters[secret.client_random]
        process = self._processes.get(secret.tgid)
        if process is not None:
            process.secrets.pop(secret.number, None)
        hinted = self._hinted.get(secret.conn)
        if hinted is not None and secret in hinted:
            hinted.remove(secret)
            if not hinted:
                del self._hinted[secret.conn]
        secret.wipe()
