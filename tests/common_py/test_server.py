"""Listening, address files, and the end of a server with idle clients."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from common_py import server
from common_py.errors import UserError
from tests.support.pki import issue


def test_an_address_in_use_is_one_sentence() -> None:
    with server.listen("127.0.0.1", 0) as first:
        host, _, port = server.bound(first).rpartition(":")
        with pytest.raises(UserError, match=rf"Cannot listen on 127\.0\.0\.1:{port}: ") as caught:
            server.listen(host, int(port))
    assert caught.value.exit_code == 69


def test_addresses_of_both_families() -> None:
    assert server.address("::1", 80) == "[::1]:80"
    assert server.address("127.0.0.1", 80) == "127.0.0.1:80"
    with server.listen("::1", 0) as listener:
        assert listener.family is socket.AF_INET6
        assert server.bound(listener).startswith("[::1]:")


def test_an_address_file_appears_whole(tmp_path: Path) -> None:
    server.write_address("", "ignored")
    server.write_address(str(tmp_path / "a"), "127.0.0.1:80")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "127.0.0.1:80\n"


def test_unusable_files_are_one_sentence(tmp_path: Path) -> None:
    files = issue(tmp_path)
    with pytest.raises(UserError, match=r"Cannot read .*absent"):
        server.ServerTls(tmp_path / "absent", files.key).context()
    with pytest.raises(UserError, match="usable set of PEM files"):
        server.ServerTls(files.certificate, files.client_key).context()
    with pytest.raises(UserError, match="usable set of PEM files"):
        server.ServerTls(files.certificate, files.key, files.key).context()


def test_the_end_finishes_requests_and_does_not_wait_for_idle_clients(tmp_path: Path) -> None:
    files = issue(tmp_path)
    started, release = asyncio.Event(), asyncio.Event()
    ending: list[bool] = []

    async def slow(_request: Request) -> Response:
        started.set()
        await release.wait()
        return PlainTextResponse("done")

    async def main() -> None:
        stop = asyncio.Event()
        listener = server.listen("127.0.0.1", 0)
        port = listener.getsockname()[1]
        tls = server.ServerTls(files.certificate, files.key).context()
        app = Starlette(routes=[Route("/slow", slow)])
        serving = asyncio.create_task(
            server.serve(app, listener, stop, tls=tls, grace=100, ending=lambda: ending.append(release.is_set()))
        )
        context = ssl.create_default_context(cafile=files.authority)
        idle = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.write(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        await started.wait()
        stop.set()
        while listener.fileno() >= 0:
            await asyncio.sleep(0.01)
        assert not serving.done()
        assert ending == [False]
        release.set()
        assert (await reader.read()).endswith(b"done")
        await serving
        for one in (writer, idle[1]):
            one.transport.abort()

    asyncio.run(main())
