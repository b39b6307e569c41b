"""The cloud's address, its TLS, and its end with an open event stream."""

from __future__ import annotations

import ssl
import time
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from cloud_py.config import TlsFiles
from cloud_py.server import GRACE_SECONDS, base_url, context
from common_py import server
from tests.cloud_py.samples import ADMINISTRATOR_TOKEN, running_cloud
from tests.support.pki import issue

HEADERS = {"X-WallarmApi-Token": ADMINISTRATOR_TOKEN}


@pytest.mark.parametrize(
    ("host", "secure", "expected"),
    [
        ("127.0.0.1", False, "http://127.0.0.1:"),
        ("0.0.0.0", True, "https://localhost:"),
        ("::", False, "http://localhost:"),
        ("::1", True, "https://[::1]:"),
    ],
)
def test_the_address_is_one_that_this_machine_reaches(host: str, secure: bool, expected: str):
    with closing(server.listen(host, 0)) as listener:
        assert base_url(listener, secure=secure) == f"{expected}{listener.getsockname()[1]}"


def test_without_a_certificate_there_is_no_tls():
    assert context(TlsFiles("", "")) is None


def test_it_serves_over_tls(tmp_path: Path):
    files = issue(tmp_path)
    tls = {"certificate": str(files.certificate), "key": str(files.key)}
    trusted = ssl.create_default_context(cafile=files.authority)
    with running_cloud(tmp_path, tls=tls) as cloud:
        assert cloud.address.startswith("https://127.0.0.1:")
        assert httpx2.get(f"{cloud.address}/v1/attacks", headers=HEADERS, verify=trusted).json()["attacks"] == []


def test_an_open_event_stream_does_not_delay_the_end(tmp_path: Path):
    with running_cloud(tmp_path) as cloud:
        stream = httpx2.stream("GET", f"{cloud.address}/v1/events", headers=HEADERS)
        answer = stream.__enter__()
        assert answer.status_code == 200
        began = time.monotonic()
    assert time.monotonic() - began < GRACE_SECONDS
    stream.__exit__(None, None, None)
