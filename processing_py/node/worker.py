"""A detection process: batches come in on standard input, replies go out on standard output.

Started and restarted by the pool; ends when its input ends, and with the node by the kernel's hand. It holds nothing
that would be missed. Before each exchange it notes the position in memory shared with the node, so that after a crash
the node knows which exchange was the last one touched, and one hostile request cannot take its neighbours with it.
"""

from __future__ import annotations

import argparse
import mmap
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec

from common_py import logging
from common_py.contracts import Exchange, Finding, Request, decode_exchanges
from common_py.process import die_with_parent, drop_privileges
from processing_py import hits
from processing_py.node.frames import FrameReader, frame
from processing_py.node.messages import Reply, encode_reply, read_job
from processing_py.points import names

READ_BYTES = 1 << 20
OVERLIMIT = "overlimit_res"
PROGRESS_BYTES = 8
USER = 65532
"""User and group id of a worker whose node runs as root, as in host mode: it parses what clients sent."""


class Detector(Protocol):
    """What finds attacks in a request."""

    def inspect(self, request: Request) -> list[Finding]:
        """Findings in the request, most telling first; an empty list for a benign one."""


def detector() -> Detector:
    """The product's detection engine, ready to inspect."""
    from processing_py.detect.engine import Engine

    return Engine()


class Inspection:
    """Batches to replies. ``note`` is told the position of each exchange before it is inspected."""

    def __init__(self, engine: Detector, node: str, note: Callable[[int], None]) -> None:
        self._engine = engine
        self._node = node
        self._note = note

    def batch(self, batch: bytes | memoryview, skip: frozenset[int] = frozenset()) -> Reply:
        """Inspect every exchange of the batch but those at the positions ``skip``."""
        try:
            exchanges = decode_exchanges(batch)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Reply(error=f"The body is not a msgpack array of exchanges: {error}.")
        reply = Reply(lost=len(skip))
        started = time.perf_counter()
        for position, exchange in enumerate(exchanges):
            if position not in skip:
                self._note(position)
                self._inspect(exchange, reply)
        reply.seconds = time.perf_counter() - started
        return reply

    def _inspect(self, exchange: Exchange, reply: Reply) -> None:
        findings = self._engine.inspect(exchange.request)
        found = hits.hits(exchange, findings, self._node, names.parameter)
        attacks = [hit.type for hit in found]
        reply.taken += 1
        reply.hits.extend(found)
        reply.summaries.append(hits.summary(exchange, attacks))
        reply.overlimits += OVERLIMIT in attacks


def jobs(descriptor: int) -> Iterator[bytes]:
    """Payloads of the frames that come through ``descriptor`` until it ends."""
    reader = FrameReader()
    while data := os.read(descriptor, READ_BYTES):
        yield from reader.feed(data)


def run(engine: Detector, arguments: list[str] | None = None) -> None:
    """Serve the node that started this process: the whole life of a worker."""
    options = parser().parse_args(arguments)
    drop_privileges(USER)
    die_with_parent(options.parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.configure("processing-worker", options.log_level)
    output = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not end up between the frames
    with open(output, "wb", buffering=0) as pipe, mmap.mmap(options.progress, PROGRESS_BYTES) as shared:
        progress = memoryview(shared).cast("Q")
        inspection = Inspection(engine, options.node, lambda position: progress.__setitem__(0, position))
        pipe.write(frame(encode_reply(Reply())))
        for payload in jobs(0):
            batch, skip = read_job(payload)
            write_all(pipe.fileno(), frame(encode_reply(inspection.batch(batch, skip))))
        progress.release()


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data`` to a pipe."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def parser() -> argparse.ArgumentParser:
    """The worker's command line; the pool writes it."""
    options = argparse.ArgumentParser(description="A detection process of the processing node, started by it.")
    options.add_argument("--parent", type=int, required=True, help="process id of the node")
    options.add_argument("--node", required=True, help="name that hits carry")
    options.add_argument("--progress", type=int, required=True, help="descriptor of the shared progress memory")
    options.add_argument("--log-level", default="info")
    return options


if __name__ == "__main__":
    run(detector())
