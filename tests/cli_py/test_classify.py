import base64
import gzip
import json

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cli_py.classify import classify, read_request, split_request
from common_py.errors import UserError


def line(raw):
    return json.dumps({"raw": base64.b64encode(raw).decode(), "label": 1}) + "\n"


ATTACK = b"GET /?id=1'%20or%20'1'='1 HTTP/1.1\r\nHost: a\r\n\r\n"
BENIGN = b"GET /index.html?page=2 HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("packed", [False, True])
def test_one_result_a_line_in_order(tmp_path, packed):
    source = tmp_path / ("requests.jsonl.gz" if packed else "requests.jsonl")
    data = (line(ATTACK) + line(BENIGN) + line(ATTACK)).encode()
    source.write_bytes(gzip.compress(data) if packed else data)
    target = tmp_path / "out.jsonl"
    result = CliRunner().invoke(classify, [str(source), "--output", str(target)], catch_exceptions=False)
    assert result.exit_code == 0
    first, second, third = [json.loads(row) for row in target.read_text().splitlines()]
    assert first["attacks"][0]["type"] == "sqli"
    assert first["attacks"][0]["point"] == [["query", "id"]]
    assert set(first["attacks"][0]) == {"type", "point", "payload"}
    assert first["us"] > 0
    assert second["attacks"] == []
    assert third["attacks"] == first["attacks"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (line(BENIGN) + "{\n", "line 2 is no JSON object"),
        ('{"raw": 5}\n', "line 1 is no JSON object"),
        ('{"raw": "%%%"}\n', "line 1 has a raw that is not base64"),
    ],
)
def test_a_bad_line_is_named(tmp_path, content, words):
    source = tmp_path / "bad.jsonl"
    source.write_text(content)
    with pytest.raises(UserError, match=words) as caught:
        CliRunner().invoke(classify, [str(source)], catch_exceptions=False)
    assert str(source) in str(caught.value)


def test_a_missing_or_damaged_file_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="Cannot read"):
        CliRunner().invoke(classify, [str(tmp_path / "none.jsonl")], catch_exceptions=False)
    damaged = tmp_path / "damaged.jsonl.gz"
    damaged.write_bytes(gzip.compress(line(BENIGN).encode() * 50)[:-20])
    with pytest.raises(UserError, match="damaged"):
        CliRunner().invoke(classify, [str(damaged)], catch_exceptions=False)


def test_requests_are_split_tolerantly():
    request = split_request(
        b"POST /a b c HTTP/1.0\nHost: x\nTransfer-Encoding: chunked\n\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    assert (request.method, request.target, request.version, request.body) == (b"POST", b"/a b c", "1.0", b"abcde")
    assert request.headers[0] == (b"Host", b"x")


@given(st.binary(max_size=300))
def test_no_bytes_break_the_splitter(raw):
    split_request(raw)
    split_request(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + raw)


def test_whole_requests_are_read_by_the_agents_reader():
    raw = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n"
    request = read_request(raw)
    assert (request.target, request.body, request.trailers) == (b"/a", b"abc", [(b"X", b"y")])


@pytest.mark.parametrize(
    ("raw", "target", "body"),
    [
        (b"GET /a b c HTTP/1.1\r\nHost: x\r\n\r\n", b"/a b c", b""),
        (b"POST /a HTTP/1.1\r\nHost: x\r\n\r\nno length", b"/a", b"no length"),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\ncut", b"/a", b"cut"),
    ],
)
def test_what_that_reader_does_not_take_whole_is_split_leniently(raw, target, body):
    request = read_request(raw)
    assert (request.target, request.body) == (target, body)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(raw):
    read_request(raw)
    read_request(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n" + raw)
