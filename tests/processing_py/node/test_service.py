"""The node over real HTTPS with real worker processes: answers, crashes, back-pressure, certificates."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from pathlib import Path

import httpx
import pytest

from common_py.ledger import Ledger
from processing_py.node import intake
from processing_py.node.worker import USER
from tests.processing_py.node.support import MSGPACK, Node, node, run, settings
from tests.support.exchanges import exchange
from tests.support.pki import Files, issue

pytestmark = pytest.mark.program

ATTACK = b"/static/../../etc/passwd"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return issue(tmp_path_factory.mktemp("pki"))


def test_a_batch_becomes_hits_and_summaries(files: Files, tmp_path: Path) -> None:
    async def main() -> None:
        async with node(settings(files, tmp_path), files) as running:
            answer = await running.post(
                exchange(1), exchange(2, ATTACK, body=b"1 union select 2", status=404), exchange(3, b"/slow")
            )
            assert (answer.status_code, answer.json()) == (200, {"taken": 3, "lost": 0})
            hits = await running.hits.read(10)
            assert [(hit.type, hit.exchange.id[-1], hit.node) for hit in hits] == [
                ("ptrav", "2", "node-a"),
                ("sqli", "2", "node-a"),
                ("overlimit_res", "3", "node-a"),
            ]
            assert [summary.attacks for summary in await running.summaries.read(10)] == [
                [],
                ["ptrav", "sqli"],
                ["overlimit_res"],
            ]
            await running.post(exchange(2, ATTACK))
            assert (await running.hits.read(1))[0].id == hits[0].id
            assert running.value("wallarm_requests") == 4
            assert running.value("wallarm_attacks") == 4
            assert running.value("wallarm_abnormal") == 3
            assert running.value("wallarm_overlimits_time") == 1
            assert running.value("wallarm_requests_lost") == 0

    run(main())


def test_refusals_are_one_sentence(files: Files, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("sesame\n")
    deep = b"\x91\x81\xa1x" + b"\x91" * 60_000

    async def main() -> None:
        config = settings(files, tmp_path, agent_token_file=str(token), batch_bytes_limit=65536)
        async with node(config, files) as running:
            cases = [
                (await running.send(b"\x90"), 401, "X-WallarmApi-Token"),
                (await running.send(b"\x90", X_WallarmApi_Token="wrong"), 401, "X-WallarmApi-Token"),
                (await running.send(b"\xc1", X_WallarmApi_Token="sesame"), 400, "not a msgpack array of exchanges"),
                (await running.send(deep, X_WallarmApi_Token="sesame"), 400, "maximum recursion depth"),
                (await running.send(b"\x91\x80", X_WallarmApi_Token="sesame"), 400, "missing required field `id`"),
                (await running.send(b"x" * 65537, X_WallarmApi_Token="sesame"), 413, "65536 bytes"),
                (await chunked(running, 65537), 413, "65536 bytes"),
            ]
            for answer, status, words in cases:
                assert answer.status_code == status
                assert words in answer.json()["error"]
                assert "sesame" not in answer.text
            other = {"Content-Type": "application/json", "X-WallarmApi-Token": "sesame"}
            url = f"https://{running.address}/v1/exchanges"
            assert (await running.client.post(url, content=b"[]", headers=other)).status_code == 415
            assert (await running.send(b"\x90", X_WallarmApi_Token="sesame")).json() == {"taken": 0, "lost": 0}
            assert running.value("wallarm_batches_total", status="401") == 2

    async def chunked(running: Node, size: int) -> httpx.Response:
        async def body():  # type: ignore[no-untyped-def]  # httpx takes any asynchronous iterable of bytes
            for _ in range(2):
                yield b"x" * (size // 2 + 1)

        headers = {"Content-Type": "application/msgpack", "X-WallarmApi-Token": "sesame"}
        return await running.client.post(f"https://{running.address}/v1/exchanges", content=body(), headers=headers)

    run(main())


def test_one_hostile_exchange_does_not_take_its_neighbours_with_it(files: Files, tmp_path: Path) -> None:
    async def main() -> None:
        async with node(settings(files, tmp_path), files) as running:
            answer = await running.post(exchange(1), exchange(2, b"/crash"), exchange(3, ATTACK))
            assert answer.json() == {"taken": 2, "lost": 1}
            assert [hit.exchange.id[-1] for hit in await running.hits.read(10)] == ["3"]
            assert running.value("wallarm_requests_lost") == 1
            assert running.value("wallarm_losses_total", cause="worker_ended", unit="exchanges") == 1
            assert running.value("wallarm_segfaults") == 2
            assert (await running.post(exchange(4))).json() == {"taken": 1, "lost": 0}

    run(main())


def test_a_batch_that_ends_worker_after_worker_is_given_up(files: Files, tmp_path: Path) -> None:
    async def main() -> None:
        async with node(settings(files, tmp_path), files) as running:
            answer = await running.post(*[exchange(number, b"/crash") for number in range(5)], exchange(6))
            assert answer.json() == {"taken": 0, "lost": 6}
            assert running.value("wallarm_requests_lost") == 6

    run(main())


def test_a_killed_worker_costs_nothing(files: Files, tmp_path: Path) -> None:
    async def main() -> None:
        async with node(settings(files, tmp_path), files) as running:
            before = worker_of(os.getpid())
            os.kill(before, signal.SIGKILL)
            answer = await running.post(exchange(1, ATTACK))
            assert answer.json() == {"taken": 1, "lost": 0}
            assert worker_of(os.getpid()) != before
            assert running.value("wallarm_memfaults") == 1

    run(main())


def worker_of(parent: int) -> int:
    """The one child process that runs the tiny worker."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    (worker,) = [pid for pid in children if b"tiny_worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return int(worker)


def test_too_much_in_flight_is_answered_with_retry_after(files: Files, tmp_path: Path) -> None:
    async def main() -> None:
        config = settings(files, tmp_path, batches_in_flight=1, batch_seconds_limit=0.5)
        async with node(config, files) as running:
            stuck = asyncio.create_task(running.post(exchange(1, b"/stuck")))
            while running.value("wallarm_batches_in_flight") != 1:
                await asyncio.sleep(0.01)
            answer = await running.post(exchange(2))
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "1"
            assert (await stuck).json() == {"taken": 0, "lost": 1}
            assert (await running.post(exchange(2))).json() == {"taken": 1, "lost": 0}

    run(main())


def test_bodies_that_arrive_are_bounded_like_batches_in_flight(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many agents send at once, and however slowly, memory is that of two times the batches in flight."""
    monkeypatch.setattr(intake, "ARRIVAL_SECONDS", 1.0)
    begun, ended = asyncio.Event(), asyncio.Event()

    async def slow():  # type: ignore[no-untyped-def]  # httpx takes any asynchronous iterable of bytes
        yield b"\x90"
        begun.set()
        await ended.wait()

    async def main() -> None:
        async with node(settings(files, tmp_path, batches_in_flight=1), files) as running:
            url = f"https://{running.address}/v1/exchanges"
            arriving = asyncio.create_task(running.client.post(url, content=slow(), headers=MSGPACK))
            await begun.wait()
            answer = await running.post(exchange(1))
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            while (answer := await running.post(exchange(1))).status_code == 503:
                await asyncio.sleep(0.05)
            assert answer.status_code == 200
            ended.set()
            assert (await arriving).status_code == 503

    run(main())


def test_a_worker_has_no_privileges(files: Files, tmp_path: Path) -> None:
    async def main() -> None:
        async with node(settings(files, tmp_path), files):
            status = Path(f"/proc/{worker_of(os.getpid())}/status").read_text().splitlines()
            fields = {name: value.split() for name, _, value in (line.partition(":") for line in status)}
            user = str(USER if os.geteuid() == 0 else os.getuid())
            assert fields["Uid"] == [user] * 4
            assert fields["CapEff"] == ["0000000000000000"]
            assert fields["NoNewPrivs"] == ["1"]

    run(main())


def test_mutual_tls(files: Files, tmp_path: Path) -> None:
    config = settings(files, tmp_path, tls_client_ca=str(files.authority))

    async def main() -> None:
        async with node(config, files, certificate=True) as running:
            assert (await running.post(exchange(1))).status_code == 200
            stranger = ssl.create_default_context(cafile=str(files.authority))
            async with httpx.AsyncClient(verify=stranger) as client:
                with pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
                    await client.post(f"https://{running.address}/v1/exchanges", content=b"\x90")
            assert running.value("wallarm_requests") == 1

    run(main())


def test_health_endpoints(files: Files, tmp_path: Path) -> None:
    async def main() -> None:
        async with node(settings(files, tmp_path), files) as running:
            await running.post(exchange(1))
            async with httpx.AsyncClient() as client:
                assert (await client.get(f"http://{running.health}/live")).status_code == 200
                assert (await client.get(f"http://{running.health}/ready")).json() == {"status": "ok", "problems": {}}
                assert "wallarm_requests 1.0" in (await client.get(f"http://{running.health}/metrics")).text
            assert (await running.client.get(f"https://{running.address}/ready")).status_code == 200
            assert (await running.client.get(f"https://{running.address}/metrics")).status_code == 404

    run(main())


def test_the_end_waits_for_what_is_in_flight(files: Files, tmp_path: Path) -> None:
    async def main() -> None:
        config = settings(files, tmp_path, batch_seconds_limit=0.5)
        async with node(config, files) as running:
            answers = [asyncio.create_task(running.post(exchange(number, ATTACK))) for number in range(3)]
            await asyncio.sleep(0)
            statuses = [(await answer).status_code for answer in answers]
        assert statuses == [200, 200, 200]
        assert len(running.hits) == 3

    run(main())


def test_exchanges_are_in_the_books_until_their_batch_is_answered(files: Files, tmp_path: Path) -> None:
    async def main() -> None:
        config = settings(files, tmp_path, batches_in_flight=1, batch_seconds_limit=0.5)
        async with node(config, files) as running:
            books = running.books.exchanges
            stuck = asyncio.create_task(running.post(exchange(1, b"/stuck"), exchange(2)))
            while running.value("wallarm_batches_in_flight") != 1:
                await asyncio.sleep(0.01)
            assert books.held == 2
            assert (await running.post(exchange(3))).status_code == 503
            assert books.held == 2
            assert (await stuck).status_code == 200
            assert books.held == 0
            # What is no batch, and a header that announces more than there is.
            assert [(await running.send(body)).status_code for body in (b"\x81", b"\xdd\xff\xff\xff\xff")] == [400] * 2
            assert (books.held, books.plausible()) == (0, True)

    run(main())


def test_what_nodes_before_lost_is_in_the_metrics(files: Files, tmp_path: Path) -> None:
    before, books = Ledger(), Ledger()
    before.hits.give(7)
    before.summaries.give(2)
    before.exchanges.give(40)
    books.hits.inherit(before.hits, 3)
    books.summaries.inherit(before.summaries, 0)
    books.exchanges.inherit(before.exchanges, 0)

    async def main() -> None:
        async with node(settings(files, tmp_path), files, ledger=books) as running:
            assert running.value("wallarm_losses_total", cause="killed", unit="hits") == 4
            assert running.value("wallarm_losses_total", cause="killed", unit="summaries") == 2
            assert running.value("wallarm_exchanges_interrupted_total") == 40

    run(main())
