"""Sends exchanges to the processing node: HTTPS, batches, retries; never in the way of the parsing side.

``put`` encodes into the bounded queue and returns. Each sender thread leases a batch, posts it and settles the lease:
2xx is sent; 4xx is rejected for good, except 408 and 429; everything else, from a refused connection to 503, is
restored to the queue and tried again after a jittered exponential pause, which begins behind what Retry-After asks for
(at most ``RETRY_AFTER_LIMIT``). All bookkeeping is the queue's: put = sent + queue_full + rejected + shutdown.

Threads, because the worker's main loop is a busy reader of a ring and not an event loop; the TLS library and the
sockets release the interpreter lock. Start them after privileges are dropped, so that they run without any too.
"""

from __future__ import annotations

import codecs
import random
import time
from dataclasses import dataclass, field
from threading import Event, Thread

import urllib3

from agent_py.counters import Counters
from agent_py.forward.batch import BatchLimits, frame
from agent_py.forward.credentials import Credentials
from agent_py.forward.queue import Lease, Queue, QueueLimits
from common_py import logging
from common_py.contracts import Exchange, encode
from common_py.retry import Backoff, retry_after

PATH = "/v1/exchanges"
TOKEN_FIELD = "X-WallarmApi-Token"
RETRY_AFTER_LIMIT = 120.0
"""Longest pause in seconds that a server's Retry-After is obeyed for."""
BACKOFF = Backoff(first=0.1, limit=2.0)
"""Short, because the queue is: what waits longer than a moment is pushed out by what comes."""
RETRIED_CLIENT_ERRORS = frozenset({408, 429})


@dataclass(frozen=True, slots=True)
class Settings:
    """Where and how to send. Times in seconds."""

    url: str
    """Origin of the processing node, ``https://processing.example:18443``."""
    credentials: Credentials
    server_name: str = ""
    """Name that the server's certificate must carry; empty: the URL's host."""
    senders: int = 2
    connect_timeout: float = 5.0
    answer_timeout: float = 30.0
    queue: QueueLimits = field(default_factory=QueueLimits)
    batch: BatchLimits = field(default_factory=BatchLimits)
    backoff: Backoff = BACKOFF


class Forwarder:
    """``put`` from the parsing side; ``start`` and ``stop`` by the worker. Construct it before dropping privileges."""

    def __init__(self, settings: Settings, counters: Counters) -> None:
        codecs.lookup("idna")  # loaded on the first connection otherwise, from files that may be closed by then
        self._settings = settings
        self._queue = Queue(settings.queue, counters)
        self._stopping = Event()
        self._deadline = float("inf")
        self._log = logging.get("forward")
        self.reload(settings.credentials)
        self._threads = [
            Thread(target=self._send_all, name=f"sender-{number}", daemon=True) for number in range(settings.senders)
        ]

    def reload(self, credentials: Credentials) -> None:
        """Use these credentials for connections from now on. Raises UserError and keeps the old ones if unusable."""
        headers = {"Content-Type": "application/msgpack", "User-Agent": "oob-agent"}
        if credentials.token:
            headers[TOKEN_FIELD] = credentials.token
        self._pool = urllib3.PoolManager(
            maxsize=self._settings.senders,
            headers=headers,
            retries=False,
            ssl_context=credentials.context(),
            server_hostname=self._settings.server_name or None,
        )

    def start(self) -> None:
        """Start the senders."""
        for thread in self._threads:
            thread.start()

    def put(self, exchanges: list[Exchange]) -> None:
        """Queue exchanges for sending; returns at once, whatever processing does."""
        self._queue.put([encode(exchange) for exchange in exchanges])

    def gauge(self) -> int:
        """Exchanges queued or on the wire."""
        return len(self._queue)

    def stop(self, timeout: float) -> None:
        """Send what is queued for at most ``timeout`` seconds; count the rest as lost by shutdown."""
        self._deadline = time.monotonic() + timeout
        self._stopping.set()
        self._queue.flush()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, self._deadline - time.monotonic()))
        self._queue.close()
        self._pool.clear()

    def _send_all(self) -> None:
        failures = 0
        while (lease := self._queue.take(self._settings.batch)) is not None:
            asked = self._send(lease)
            if asked is None:
                failures = 0
                continue
            wait = self._settings.backoff.pause(asked, failures, random.random())
            failures += 1
            self._rest(wait)

    def _send(self, lease: Lease) -> float | None:
        """Post a lease and settle it. None: settled for good; else the seconds that processing asks to pause for."""
        try:
            answer = self._pool.request(
                "POST",
                self._settings.url + PATH,
                body=frame(lease.items),
                timeout=urllib3.Timeout(connect=self._settings.connect_timeout, read=self._settings.answer_timeout),
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            self._queue.restore(lease)
            self._log.warning("processing not reached", error=type(error).__name__, exchanges=len(lease.items))
            return 0.0
        return self._settle(lease, answer.status, answer.headers.get("Retry-After"))

    def _settle(self, lease: Lease, status: int, asked: str | None) -> float | None:
        if 200 <= status < 300:
            self._queue.sent(lease)
            return None
        if 400 <= status < 500 and status not in RETRIED_CLIENT_ERRORS:
            self._queue.rejected(lease)
            self._log.error("processing refused a batch", status=status, exchanges=len(lease.items))
            return None
        self._queue.restore(lease)
        self._log.warning("processing is not ready", status=status, exchanges=len(lease.items))
        return min(retry_after(asked, time.time()) or 0.0, RETRY_AFTER_LIMIT)

    def _rest(self, seconds: float) -> None:
        """Pause; while stopping, in slices that end at the deadline."""
        if not self._stopping.wait(seconds):
            return
        time.sleep(max(0.0, min(seconds, 0.05, self._deadline - time.monotonic())))
