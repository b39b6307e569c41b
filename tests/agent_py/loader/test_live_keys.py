"""TLS secrets of a real nginx, compared with those that the client wrote down (SSLKEYLOGFILE format)."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent_py.chunk import Direction, KeyInfo, KeyProtocol, Kind, key_info
from agent_py.discover import libraries
from demo.nginx import Nginx
from tests.agent_py.loader.capture import SECONDS, Capture, opened, stream

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with Nginx(tmp_path_factory.mktemp("nginx")) as server:
        yield server


@pytest.fixture
def captured(capture: Capture, nginx: Nginx) -> Iterator[Capture]:
    """The capture with nginx selected and its libcrypto probed."""
    (target,) = libraries.view(nginx.worker_pids[0]).targets
    probe = capture.loader.attach_keys(target.file.opened, target.offset)
    for pid in [nginx.pid, *nginx.worker_pids]:
        capture.loader.select_process(pid)
    yield capture
    probe.close()
    for pid in [nginx.pid, *nginx.worker_pids]:
        capture.loader.deselect_process(pid)


@dataclass
class Client:
    """A TLS client of nginx that writes down its secrets."""

    nginx: Nginx
    log: Path
    version: ssl.TLSVersion

    def __post_init__(self) -> None:
        self.context = ssl.create_default_context(cafile=str(self.nginx.certificate))
        self.context.minimum_version = self.context.maximum_version = self.version
        self.context.keylog_filename = str(self.log)

    def get(self, requests: int = 1, session: ssl.SSLSession | None = None) -> ssl.SSLSession | None:
        """Make a connection with that many requests; the session to resume."""
        with (
            socket.create_connection(("127.0.0.1", self.nginx.https_port), timeout=SECONDS) as plain,
            self.context.wrap_socket(plain, server_hostname="localhost", session=session) as connection,
        ):
            for _ in range(requests):
                connection.sendall(b"GET /api/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            assert connection.session_reused is (session is not None)
            return connection.session

    def secrets(self) -> dict[str, list[tuple[bytes, bytes]]]:
        """Label → (client random, secret) of each connection."""
        found: dict[str, list[tuple[bytes, bytes]]] = {}
        for line in self.log.read_text().splitlines():
            if not line.startswith("#"):
                label, random, secret = line.split()
                found.setdefault(label, []).append((bytes.fromhex(random), bytes.fromhex(secret)))
        return found


def keys(capture: Capture, count: int) -> list[KeyInfo]:
    chunks = capture.until(lambda chunks: sum(chunk.kind == Kind.KEY for chunk in chunks) >= count)
    time.sleep(0.02)
    return [key_info(chunk.payload) for chunk in capture.read() if chunk.kind == Kind.KEY and chunks]


@pytest.mark.parametrize("resumed", [False, True])
def test_traffic_secrets_of_version_1_3(captured: Capture, nginx: Nginx, tmp_path: Path, resumed: bool) -> None:
    client = Client(nginx, tmp_path / "keys", ssl.TLSVersion.TLSv1_3)
    session = client.get()
    if resumed:
        client.get(session=session)
    captured_keys = keys(captured, 8 if resumed else 4)
    assert {key.protocol for key in captured_keys} == {KeyProtocol.TLS13_TRAFFIC_SECRET}
    wanted = {
        secret
        for label, of in client.secrets().items()
        if label.endswith(("SECRET", "SECRET_0"))
        for _, secret in of
        if label != "EXPORTER_SECRET"
    }
    assert {key.secret for key in captured_keys} == wanted
    assert len(captured_keys) == len(wanted)


@pytest.mark.parametrize("resumed", [False, True])
def test_master_secret_and_randoms_of_version_1_2(
    captured: Capture, nginx: Nginx, tmp_path: Path, resumed: bool
) -> None:
    client = Client(nginx, tmp_path / "keys", ssl.TLSVersion.TLSv1_2)
    session = client.get()
    if resumed:
        client.get(session=session)
    captured_keys = keys(captured, 2 if resumed else 1)
    assert {key.protocol for key in captured_keys} == {KeyProtocol.TLS12_MASTER_SECRET}
    assert [(key.client_random, key.secret) for key in captured_keys] == client.secrets()["CLIENT_RANDOM"]
    hello = stream([chunk for chunk in captured.chunks if chunk.conn == first(captured)], Direction.EGRESS).payload
    assert captured_keys[0].server_random == hello[11:43], "ServerHello.random (RFC 5246 7.4.1.3)"


def first(capture: Capture) -> int:
    return next(chunk.conn for chunk in capture.chunks if chunk.kind == Kind.OPEN)


def test_keys_name_the_connection_that_the_thread_read_last(captured: Capture, nginx: Nginx, tmp_path: Path) -> None:
    client = Client(nginx, tmp_path / "keys", ssl.TLSVersion.TLSv1_3)
    for _ in range(5):
        client.get()
    keys(captured, 20)
    connections = [chunk.conn for chunk in captured.chunks if chunk.kind == Kind.OPEN]
    assert [chunk.conn for chunk in captured.chunks if chunk.kind == Kind.KEY] == [
        connection for connection in connections for _ in range(4)
    ]


def test_no_secret_is_derived_per_request(captured: Capture, nginx: Nginx, tmp_path: Path) -> None:
    client = Client(nginx, tmp_path / "keys", ssl.TLSVersion.TLSv1_3)
    client.get(requests=30)
    assert len(keys(captured, 4)) == 4
    assert captured.counted("keys") == 4


def test_no_secret_of_what_is_not_selected(captured: Capture, nginx: Nginx, tmp_path: Path) -> None:
    for pid in nginx.worker_pids:
        captured.loader.deselect_process(pid)
    Client(nginx, tmp_path / "keys", ssl.TLSVersion.TLSv1_3).get()
    time.sleep(0.05)
    assert captured.counted("keys") == 0
    # This test itself is a client that derives keys with the same libcrypto or its own: not selected either.
    assert not [chunk for chunk in captured.read() if chunk.kind == Kind.KEY]


def test_plaintext_keep_alive_of_nginx(captured: Capture, nginx: Nginx) -> None:
    request = b"GET /api/?n=%d HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(("127.0.0.1", nginx.http_port), timeout=SECONDS) as client:
        for number in range(100):
            client.sendall(request % number)
            assert client.recv(65536).startswith(b"HTTP/1.1 200 OK")
    chunks = captured.until_closed()
    assert stream(chunks, Direction.INGRESS).payload == b"".join(request % number for number in range(100))
    answers = stream(chunks, Direction.EGRESS)
    assert answers.payload.count(b"HTTP/1.1 200 OK\r\n") == 100
    (info,) = opened(chunks)
    assert (info.comm, info.local_port, info.pid) == ("nginx", nginx.http_port, nginx.worker_pids[0])
    assert not [name for name in captured.loader.counters() if name.startswith("lost") and captured.counted(name)]
