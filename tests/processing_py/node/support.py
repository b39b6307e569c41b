"""A processing node inside a test: real HTTPS, real worker processes, memory streams behind it."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvloop
from prometheus_client import CollectorRegistry

from common_py.contracts import Exchange, Hit, Summary
from common_py.contracts import encode as encode_contract
from common_py.ledger import Ledger
from common_py.stream import MemoryStream
from processing_py.config import ProcessingConfig
from processing_py.node import service
from tests.support.pki import Files

TINY = (sys.executable, "-m", "tests.processing_py.node.tiny_worker")
MSGPACK = {"Content-Type": "application/msgpack"}


def settings(files: Files, directory: Path, **changes: object) -> ProcessingConfig:
    """A node's configuration on free loopback ports."""
    options: dict[str, object] = {
        "listen_host": "127.0.0.1",
        "listen_port": 0,
        "tls_certificate": str(files.certificate),
        "tls_key": str(files.key),
        "tls_client_ca": "",
        "agent_token_file": "",
        "health_probe_host": "127.0.0.1",
        "health_probe_port": 0,
        "health_address_file": str(directory / "health"),
        "workers": 1,
        "batch_bytes_limit": 1 << 20,
        "batches_in_flight": 4,
        "batch_seconds_limit": 20,
        "grace_seconds": 5,
        "node_name": "node-a",
        "address_file": str(directory / "address"),
        "log_level": "error",
        **changes,
    }
    return ProcessingConfig(**options)  # type: ignore[arg-type]  # a dict of any keys


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run ``main`` on the event loop that the programs use."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


@dataclass
class Node:
    """A running node."""

    address: str
    health: str
    hits: MemoryStream[Hit]
    summaries: MemoryStream[Summary]
    registry: CollectorRegistry
    books: Ledger
    client: httpx.AsyncClient

    async def post(self, *exchanges: Exchange) -> httpx.Response:
        """Send a batch."""
        return await self.send(b"".join([bytes([0x90 | len(exchanges)]), *map(encode_contract, exchanges)]))

    async def send(self, body: bytes, **headers: str) -> httpx.Response:
        """Send any body."""
        fields = MSGPACK | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(f"https://{self.address}/v1/exchanges", content=body, headers=fields)

    def value(self, metric: str, **labels: str) -> float:
        """A metric's value, 0 when it was never set."""
        return self.registry.get_sample_value(metric, labels) or 0.0


@asynccontextmanager
async def node(
    config: ProcessingConfig, files: Files, *, certificate: bool = False, ledger: Ledger | None = None
) -> AsyncIterator[Node]:
    """Start a node with the tiny engine, and end it."""
    hits: MemoryStream[Hit] = MemoryStream(1000)
    summaries: MemoryStream[Summary] = MemoryStream(1000)
    registry, books = CollectorRegistry(), ledger or Ledger()
    stop = asyncio.Event()
    context = ssl.create_default_context(cafile=str(files.authority))
    if certificate:
        context.load_cert_chain(files.client_certificate, files.client_key)
    running = asyncio.create_task(
        service.serve(config, hits, summaries, stop, worker=TINY, registry=registry, ledger=books)
    )
    try:
        address = await appears(Path(config.address_file), running)
        health = await appears(Path(config.health_address_file), running)
        async with httpx.AsyncClient(verify=context, timeout=30) as client:
            yield Node(address, health, hits, summaries, registry, books, client)
    finally:
        stop.set()
        await running


async def appears(path: Path, running: asyncio.Task[None]) -> str:
    """The content of an address file, once it is there."""
    while not path.exists():
        if running.done():
            await running
            raise AssertionError("the node ended before it was ready")
        await asyncio.sleep(0.01)
    return path.read_text().strip()
