from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cli_py.client import TOKEN_VARIABLE, URL_VARIABLE, Client
from common_py import ports
from common_py.errors import UserError
from common_py.health import serve

TOKEN = "a-very-secret-token"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data directory of a running host."""
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    (tmp_path / "host.json").write_text('{"url": "http://127.0.0.1:1"}')
    (tmp_path / "administrator.token").write_text(TOKEN)
    return tmp_path


def test_options_win_over_the_environment_and_that_over_the_running_host(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Client.find(None, None, data) == Client("http://127.0.0.1:1", TOKEN)
    monkeypatch.setenv(URL_VARIABLE, "http://environment/")
    monkeypatch.setenv(TOKEN_VARIABLE, "of-the-environment")
    assert Client.find(None, None, data) == Client("http://environment", "of-the-environment")
    (data / "other").write_text("of-the-option\n")
    assert Client.find("http://option", data / "other", data) == Client("http://option", "of-the-option")


def test_the_token_of_this_host_is_sent_to_no_other(data: Path) -> None:
    assert Client.find("http://127.0.0.1:1/", None, data).token == TOKEN
    with pytest.raises(UserError, match=r"No token is known for http://elsewhere\. Name its file by --token-file"):
        Client.find("http://elsewhere", None, data)
    (data / "host.json").unlink()
    with pytest.raises(UserError, match="No token is known for http://elsewhere"):
        Client.find("http://elsewhere", None, data)


@pytest.mark.parametrize("content", [None, "{", "[]", "{}"])
def test_without_a_cloud_it_says_how_to_get_one(data: Path, content: str | None) -> None:
    (data / "host.json").unlink()
    if content is not None:
        (data / "host.json").write_text(content)
    with pytest.raises(UserError, match=r"No cloud is known\. Start one with oobctl run") as caught:
        Client.find(None, None, data)
    assert caught.value.exit_code == 78


def test_the_token_is_in_no_representation(data: Path) -> None:
    assert TOKEN not in repr(Client.find(None, None, data))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:{port}", "connection refused"),
        ("ftp://127.0.0.1", "that is no http:// or https:// address"),
        ("https://127.0.0.1:{other}", "does not speak TLS"),
    ],
)
def test_what_cannot_be_reached(url: str, words: str) -> None:
    server = serve("127.0.0.1", 0, dict)
    try:
        (port,) = ports.free(1)
        client = Client(url.format(port=port, other=server.server_port), TOKEN)
        with pytest.raises(UserError, match="cannot be reached") as caught:
            client.get("/v1/attacks")
    finally:
        server.shutdown()
        server.server_close()
    assert words in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert caught.value.exit_code == 69


def answered(status: int, body: bytes) -> UserError | dict[str, object]:
    """What the client makes of an answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """No line per request."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        try:
            return Client(f"http://127.0.0.1:{server.server_port}", TOKEN).get("/x")
        except UserError as error:
            return error
        finally:
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "code", "words"),
    [
        (401, b"{}", 77, "does not accept this token"),
        (403, b"", 77, "does not accept this token"),
        (500, b"oops", 1, "answered 500: no reason given."),
        (400, json.dumps({"error": "q is wrong."}).encode(), 1, "answered 400: q is wrong."),
        (200, b"<html>", 69, "is not the cloud's API"),
        (200, b"[1]", 69, "is not the cloud's API"),
    ],
)
def test_answers_that_are_errors(status: int, body: bytes, code: int, words: str) -> None:
    error = answered(status, body)
    assert isinstance(error, UserError)
    assert words in str(error)
    assert TOKEN not in str(error)
    assert error.exit_code == code


def test_an_answer() -> None:
    assert answered(200, b'{"a": 1}') == {"a": 1}
