"""What single parts cost, in microseconds of CPU: system calls that capture looks at, and steps of the programs.

Each part is a loop over the real code; the smallest of several runs is quoted, for all else is the machine's noise.
Pairs that are compared take turns.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import httptools

from agent_py.counters import Counters
from agent_py.forward.queue import Queue, QueueLimits
from agent_py.http.fields import FieldLines
from agent_py.http.head import HeadReader
from agent_py.loader.live import LiveLoader, LiveSettings
from common_py import ledger
from common_py.contracts import Endpoint, Exchange, Finding, Hit, Request, Response, Where, encode
from common_py.spool import Spool

RUNS = 9
TURNS = 6
HEAD = (
    b"GET /api/v1/orders?page=2&sort=-created HTTP/1.1\r\nHost: shop.example.com\r\nConnection: keep-alive\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36\r\n"
    b"Accept: application/json, text/plain, */*\r\nAccept-Language: en-GB,en;q=0.9\r\n"
    b"Accept-Encoding: gzip, deflate, br\r\n"
    b"Referer: https://shop.example.com/orders\r\nCookie: session=0123456789abcdef; theme=dark\r\n\r\n"
)
BATCH = 100

Loop = Callable[[int], object]
"""Does something a number of times."""


def cost(loop: Loop, times: int) -> float:
    """Microseconds of this process's CPU per time."""
    began = time.process_time_ns()
    loop(times)
    return (time.process_time_ns() - began) / times / 1000


def smallest(loops: dict[str, tuple[Loop, int]]) -> dict[str, float]:
    """Each loop's cost."""
    found = {name: [cost(loop, times) for _ in range(RUNS)] for name, (loop, times) in loops.items()}
    return {name: min(costs) for name, costs in found.items()}


def system_calls() -> dict[str, float]:
    """What capture adds to a call of a process that is not selected."""
    zero = os.open("/dev/zero", os.O_RDONLY)
    calls: dict[str, Callable[[], object]] = {"getppid": os.getppid, "read": lambda: os.read(zero, 1)}
    free: dict[str, list[float]] = {name: [] for name in calls}
    watched: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(TURNS):
        _calls(calls, free)
        loader = LiveLoader(LiveSettings(by_process=True, ring_bytes=1 << 16))
        with contextlib.closing(loader):
            _calls(calls, watched)
    os.close(zero)
    return {f"a {name}() of a process that is not selected": min(watched[name]) - min(free[name]) for name in calls}


def _calls(calls: dict[str, Callable[[], object]], costs: dict[str, list[float]]) -> None:
    for name, call in calls.items():

        def loop(times: int, call: Callable[[], object] = call) -> None:
            for _ in range(times):
                call()

        costs[name] += [cost(loop, 100_000) for _ in range(3)]


def heads() -> dict[str, float]:
    """A request head of nine fields by the agent's reader, and by httptools with a list of fields as result."""
    reader = HeadReader(FieldLines(), 65536)

    def ours(times: int) -> None:
        for _ in range(times):
            reader.read(HEAD, 0)

    class Protocol:
        def __init__(self) -> None:
            self.fields: list[tuple[bytes, bytes]] = []

        def on_header(self, name: bytes, value: bytes) -> None:
            self.fields.append((name, value))

    def theirs(times: int) -> None:
        for _ in range(times):
            parser = httptools.HttpRequestParser(Protocol())
            parser.feed_data(HEAD)
            parser.get_method()

    named: dict[str, tuple[Loop, int]] = {"agent's reader": (ours, 20_000), "httptools": (theirs, 20_000)}
    return {f"a request head, {name}": value for name, value in smallest(named).items()}


def exchange(number: int) -> Exchange:
    """What the agent makes of ``HEAD``."""
    fields = [tuple(line.split(b": ", 1)) for line in HEAD.split(b"\r\n")[1:-2]]
    client, server = Endpoint("192.0.2.7", 40_000), Endpoint("192.0.2.80", 443)
    return Exchange(
        id=f"{number:032x}",
        start=1_700_000_000_000_000_000 + number,
        duration=1_500_000,
        client=client,
        peer=client,
        server=server,
        request=Request(b"GET", b"/api/v1/orders?page=2&sort=-created", headers=[(a, b) for a, b in fields]),
        response=Response(status=200, body_size=12),
        where=Where(process="nginx", pid=4711, mount_namespace=4_026_531_841),
    )


def hand_on() -> dict[str, float]:
    """What the parsing thread spends to hand on an exchange."""
    queue = Queue(QueueLimits(), Counters())
    batch = [exchange(number) for number in range(BATCH)]

    def put(times: int) -> None:
        for _ in range(times // BATCH):
            queue.put([encode(one) for one in batch])

    return smallest({"an exchange from the parsing thread to the senders": (put, 10_000)})


def books(directory: Path) -> dict[str, float]:
    """What a hit costs on its way through the node, beside memory."""
    spool = Spool(directory / "bench.sqlite", Hit, 1 << 30)
    spool.read()
    finding = Finding("ptrav", [], "/etc/passwd")
    hits = [
        Hit(f"{number:032x}", "ptrav", "URI_value", [finding], "shop.example.com", "/", exchange(number))
        for number in range(BATCH)
    ]

    def keep(times: int) -> None:
        for _ in range(times // BATCH):
            spool.forget(spool.add(hits))

    account = ledger.begin(directory / "bench.ledger", ledger.nothing(), hits_kept=0)

    def settle(times: int) -> None:
        for _ in range(times):
            account.hits.give(1)

    try:
        return smallest({"a hit into and out of the spool": (keep, 2_000), "a store into the ledger": (settle, 50_000)})
    finally:
        spool.close()
        account.close()


def parts(directory: Path) -> dict[str, float]:
    """Every part's cost in microseconds."""
    return {**system_calls(), **heads(), **hand_on(), **books(directory)}
