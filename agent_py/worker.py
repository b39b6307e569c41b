"""A worker: chunks from its ring through the pipeline into the forwarder. Started by the parent, unprivileged.

Order matters. While still privileged it reads the certificates, maps the ring and imports everything; then it drops
user, groups and capabilities for good; only then it reads the first byte that came from a client. It never blocks on
anything but an empty ring: the forwarder's threads do the sending, and drop the oldest when processing is slower.

The source paces the loop (agent_py.ring): no sleep while chunks are there, naps after the last one, then sleep until
woken.
"""

from __future__ import annotations

import gc
import mmap
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import msgspec

from agent_py.config import AgentConfig
from agent_py.counters import BLOCK_BYTES, Counter, Counters, Gauge
from agent_py.forward.batch import BatchLimits
from agent_py.forward.client import Forwarder
from agent_py.forward.client import Settings as ForwardSettings
from agent_py.forward.credentials import Credentials
from agent_py.forward.queue import QueueLimits
from agent_py.http.connection import HttpSettings
from agent_py.loader.protocol import ChunkSource
from agent_py.loader.replay import ReplaySource
from agent_py.pipeline import Pipeline
from agent_py.pipeline import Settings as PipelineSettings
from agent_py.recording import Writer, read
from agent_py.ring import Ring, Sleepers
from agent_py.workers import WorkerSetup
from common_py import logging
from common_py.contracts import Exchange
from common_py.errors import USAGE, UserError
from common_py.process import die_with_parent, drop_privileges, forbid_dumps
from common_py.secret import read_file

DRAIN_BYTES = 4 << 20
SLEEP = 0.5
"""Longest sleep in seconds: timers (expiry, the end) are looked at at least this often."""
EXPIRY = 1.0
LAST_DRAIN = 2.0
"""Seconds that the end takes at most to read what is still in the ring; nothing is added to it then."""
FLUSH = 5.0
"""Seconds that the end waits for processing to take what is queued."""


class Worker:
    """``run`` until SIGTERM, or until a recording ends."""

    def __init__(self, source: ChunkSource, pipeline: Pipeline, forwarder: Forwarder, counters: Counters) -> None:
        self._source = source
        self._now = time.monotonic_ns if not isinstance(source, ReplaySource) else lambda: source.last_time
        self._pipeline = pipeline
        self._forwarder = forwarder
        self._counters = counters
        self._stopping = False
        self._expired = 0.0

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        """Signal handler: end after the next drain."""
        self._stopping = True

    def run(self) -> None:
        """Read until told to stop; then send what is there."""
        self._forwarder.start()
        while not self._stopping:
            self._step(time.monotonic())
            self._source.wait(SLEEP)
        self._drain_rest(time.monotonic() + LAST_DRAIN)
        self._pipeline.close(self._now())
        self._counters.set(Gauge.CONNECTION_BYTES, 0)
        self._forward(self._pipeline.take())
        self._forwarder.stop(FLUSH)
        self._source.close()

    def _drain_rest(self, deadline: float) -> None:
        while self._step(time.monotonic()):
            if time.monotonic() > deadline:
                unread = self._source.unread()
                self._counters.add(Counter.LOST_UNREAD, unread)
                logging.get(__name__).warning("the end did not wait for all chunks", seconds=LAST_DRAIN, bytes=unread)
                return

    def _step(self, now: float) -> bool:
        """Drain once, and let the clock pass. Returns whether there were chunks."""
        chunks = self._source.drain(DRAIN_BYTES)
        self._counters.add(Counter.CHUNKS, len(chunks))
        receive = self._pipeline.receive
        for chunk in chunks:
            receive(chunk)
        self._counters.set(Gauge.CONNECTION_BYTES, self._pipeline.held)
        if now - self._expired > EXPIRY:
            self._expired = now
            self._pipeline.expire(self._now())
        self._forward(self._pipeline.take())
        return bool(chunks)

    def _forward(self, exchanges: list[Exchange]) -> None:
        if exchanges:
            self._forwarder.put(exchanges)


def build(setup: WorkerSetup) -> Worker:
    """Everything that needs privileges or files. Raises UserError."""
    config = setup.config
    counters = Counters(memoryview(mmap.mmap(setup.counters_fd, BLOCK_BYTES)))
    forwarder = Forwarder(forward_settings(config), counters)
    record = None
    if config.record_file and setup.index == 0:
        record = Writer(Path(config.record_file), resume=setup.restarts > 0).write
    source: ChunkSource
    if config.replay_file:
        check(Path(config.replay_file))
        source = ReplaySource(Path(config.replay_file))
        # The recording plays now: its first chunk gets this moment's time.
        clock_offset = time.time_ns() - source.last_time
    else:
        clock_offset = time.time_ns() - time.monotonic_ns()
        source = Ring(
            setup.ring_fd,
            config.ring_bytes,
            sleepers=Sleepers(setup.sleepers_fd),
            index=setup.index,
            counters=counters,
        )
    pipeline = Pipeline(
        PipelineSettings(
            HttpSettings(request_body_limit=config.request_body_limit),
            config.connections_limit,
            config.connections_bytes,
        ),
        counters,
        prefix=setup.id_prefix,
        clock_offset=clock_offset,
        record=record,
    )
    return Worker(source, pipeline, forwarder, counters)


def check(recording: Path) -> None:
    """Read a recording once to its end: a damaged one is refused before anything is sent. Raises UserError."""
    for _chunk in read(recording).chunks:
        pass


def forward_settings(config: AgentConfig) -> ForwardSettings:
    """The forwarder's settings, with the credentials read from their files. Raises UserError."""

    def path(name: str) -> Path | None:
        return Path(name) if name else None

    token = read_file(Path(config.node_token_file)) if config.node_token_file else ""
    return ForwardSettings(
        url=f"https://{config.node_host}:{config.node_port}",
        credentials=Credentials.read(
            Path(config.node_tls_ca), path(config.node_tls_client_cert), path(config.node_tls_client_key), token
        ),
        server_name=config.node_server_name,
        queue=QueueLimits(config.netchan_size, config.netchan_bytes),
        batch=BatchLimits(age=config.batch_interval_ms / 1000),
    )


def main() -> None:
    """Entry point of ``python -m agent_py.worker``; the parent writes the setup to standard input."""
    try:
        setup = msgspec.json.decode(sys.stdin.buffer.read(), type=WorkerSetup)
        logging.configure("agent-worker", setup.config.log_level)
        forbid_dumps()
        # A recording that is a pipe keeps it waiting, for longer than its parent may live.
        die_with_parent(setup.parent)
        worker = build(setup)
    except msgspec.DecodeError:
        print("A worker is started by the agent: run python -m agent_py.", file=sys.stderr)
        sys.exit(USAGE)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    drop_privileges(setup.config.worker_user)
    die_with_parent(setup.parent)
    signal.signal(signal.SIGTERM, worker.stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What is alive now stays alive: the collector need not look at it again.
    gc.freeze()
    os.write(setup.ready_fd, b"1")
    os.close(setup.ready_fd)
    logging.get(__name__).info("worker runs", worker=setup.index)
    worker.run()


if __name__ == "__main__":
    main()
