from __future__ import annotations

import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_py.console import curl
from common_py.contracts import Request
from tests.cloud_py.samples import make_hit


def words(command: str) -> list[bytes]:
    """What a real bash makes of the command."""
    script = command.replace("curl --include", "printf '%s\\0' --include", 1)
    return subprocess.run(["bash", "-c", script], capture_output=True, check=True, timeout=10).stdout.split(b"\0")[:-1]


def command(request: Request, **change: object) -> str:
    exchange = make_hit("a", request=request).exchange
    return curl.command(msgspec.structs.replace(exchange, **change))


def test_a_plain_request():
    request = Request(b"GET", b"/etc/passwd", headers=[(b"Host", b"shop.example:8443"), (b"Accept", b"*/*")])
    assert command(request) == (
        "curl --include --path-as-is --globoff --request 'GET' 'https://shop.example:8443/etc/passwd' "
        "--header 'Accept: */*'"
    )
    assert " 'http://shop.example:8443/etc/passwd'" in command(request, tls=None)


class Echo(BaseHTTPRequestHandler):
    """Remembers request lines; its answers to HEAD name a size, as real ones do."""

    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline()
        if self.raw_requestline and self.parse_request():
            self.server.seen.append(self.requestline)
            self.send_response(200)
            self.send_header("Content-Length", "0" if self.command != "HEAD" else "153")
            self.end_headers()
        self.close_connection = not self.raw_requestline

    def log_message(self, *_args: object) -> None:
        pass


@pytest.mark.parametrize(
    ("method", "target"),
    [(b"GET", b"/a//../%2e?b=[1-3]&c={x}"), (b"HEAD", b"/etc/passwd"), (b"OPTIONS", b"*"),
     (b"GET", b"http://other.example/etc/passwd"), (b"GET", b"?a=b")],
)  # fmt: skip
def test_curl_sends_the_request_line_again(method: bytes, target: bytes):
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.seen = []
        Thread(target=server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{server.server_port}".encode()
        text = command(Request(method, target, headers=[(b"Host", host)]), tls=None)
        subprocess.run(["bash", "-c", text], capture_output=True, check=True, timeout=20)
        server.shutdown()
    assert server.seen == [f"{method.decode()} {target.decode()} HTTP/1.1"]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40), st.binary(min_size=1, max_size=40), st.binary(max_size=40))
def test_nothing_gets_out_of_its_quotes(target: bytes, value: bytes, body: bytes):
    request = Request(
        b"POST", b"/" + target.replace(b"\0", b""), headers=[(b"X", value.replace(b"\0", b"") or b"v")], body=body
    )
    text = command(request)
    assert all(line.isascii() and line.isprintable() for line in text.split("\n"))
    found = words(text)
    assert found[5] == b"https://127.0.0.1:8443" + request.target
    assert found[7] == b"X: " + request.headers[0][1]
    if body and b"\0" not in body:
        assert found[8:] == [b"--data-raw", body]


@pytest.mark.parametrize("host", [b"a'; rm -rf /", b"$(id)", b"a b", b"", b"-o/x", b"user@evil", b"evil/x"])
def test_a_hostile_host_is_not_used(host: bytes):
    found = words(command(Request(b"GET", b"/", headers=[(b"Host", host)])))
    assert found[5] in (b"https://127.0.0.1:8443/", b"https://" + host + b"/")
    assert b"@" not in found[5]
    assert found[5].count(b"/") == 3


def test_what_curl_cannot_be_given_is_left_out_and_said():
    request = Request(b"POST", b"/", headers=[(b"@/etc/passwd", b"x")], body=b"a\0b", body_size=10)
    text = command(request)
    assert text.split("\n")[:3] == [
        "# A header field that curl cannot be given was left out.",
        "# The body was left out: a command line cannot hold a NUL byte.",
        "# Only the first 3 of the body's 10 bytes were captured.",
    ]
    assert "--header" not in text
    assert "--data-raw" not in text
