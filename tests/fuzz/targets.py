"""Fuzz targets, one per parser: any bytes, no exception but the parser's own, no state beyond its bound.

``python -m tests.fuzz.run NAME SECONDS`` runs one alone; pytest runs each briefly (test_fuzz.py). A target takes the
bytes that steer it; what it asserts are the parser's promises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import msgspec

from agent_py.chunk import HEADER, Chunk, unpack
from agent_py.connection.detect import HELD, Detection, Verdict
from agent_py.connection.layer import IGNORE
from agent_py.counters import Counters
from agent_py.http.connection import HttpSettings
from agent_py.http.fields import FieldLines
from agent_py.http.request import RequestReader
from agent_py.http.response import ResponseReader
from agent_py.pipeline import Pipeline, Settings
from agent_py.tls.handshake import LONGEST as LONGEST_MESSAGE
from agent_py.tls.handshake import HandshakeReader, client_hello, encrypted_protocol, server_hello
from agent_py.tls.records import HEADER as RECORD_HEADER
from agent_py.tls.records import LONGEST, RecordReader
from agent_py.tls.session import TlsSettings
from cloud_py.store.intake import check
from common_py.contracts import Hit
from processing_py.detect.engine import Engine
from processing_py.hits import hits
from processing_py.points.names import parameter
from tests.support import exchanges

Target = Callable[[bytes], None]
HEAD_LIMIT = 512


def pieces(data: bytes) -> Iterator[tuple[int, bytes]]:
    """A steering byte and up to 63 bytes, again and again."""
    position = 0
    while position + 1 < len(data):
        size = data[position + 1] & 63
        yield data[position], data[position + 2 : position + 2 + size]
        position += 2 + size


def requests(data: bytes) -> None:
    reader = RequestReader(FieldLines(), Counters(), head_limit=HEAD_LIMIT, body_limit=64)
    for steer, part in pieces(data):
        if steer >= 224:
            messages = (reader.gap if steer & 1 else reader.hole)(steer & 31, 0)
        else:
            messages = reader.data(part, 0)
        assert len(reader._head.held) <= HEAD_LIMIT + 4
        assert all(message.kept <= 64 for message in messages)
    reader.close()


def responses(data: bytes) -> None:
    methods = [b"GET", b"HEAD", b"CONNECT", b""]
    state = {"method": b"GET"}
    reader = ResponseReader(FieldLines(), lambda: state["method"], head_limit=HEAD_LIMIT)
    for steer, part in pieces(data):
        state["method"] = methods[steer & 3]
        if steer >= 224:
            (reader.gap if steer & 4 else reader.hole)(steer & 31, 0, lambda _message: None)
        else:
            reader.data(part, 0, lambda _message: None)
        assert len(reader._head.held) <= HEAD_LIMIT + 4


def detection(data: bytes) -> None:
    verdicts: list[Verdict] = []

    def choose(verdict: Verdict, _joined: bool) -> object:
        verdicts.append(verdict)
        return IGNORE

    layer = Detection(choose, late=bool(data[:1] and data[0] & 1))  # type: ignore[arg-type]  # any layer will do
    for steer, part in pieces(data):
        if steer >= 240:
            layer.gap(steer & 1, 5, 1, 0)
        elif part:
            layer.data(steer & 1, part, 0)
        assert sum(len(held) for held, _time in layer._held) <= HELD
    layer.close(0)
    assert len(verdicts) <= 1


def records(data: bytes) -> None:
    reader = RecordReader()
    for steer, part in pieces(data):
        if steer >= 224:
            reader.unseen(1 + (steer & 31) ** 3, 1 if steer & 1 else -1, 0)
        else:
            reader.data(part, 0)
        assert len(reader._held) <= RECORD_HEADER + LONGEST


def handshake(data: bytes) -> None:
    reader = HandshakeReader()
    for _steer, part in pieces(data):
        for _kind, body in reader.data(part):
            for parse in (client_hello, server_hello, encrypted_protocol):
                parse(body)
        assert len(reader._held) <= LONGEST_MESSAGE + 4 + 64
    for parse in (client_hello, server_hello, encrypted_protocol):
        parse(data)


def chunk(data: bytes) -> None:
    try:
        assert len(unpack(data).payload) <= len(data)
    except ValueError:
        assert len(data) < HEADER.size or int.from_bytes(data[28:32], "little") > len(data) - HEADER.size


SNIPPETS = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 20\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",
    b"\x17\x03\x03\x00\x05hello",
    b"\x14\x03\x03\x00\x01\x01",
]


def chunks(data: bytes) -> None:
    """Arbitrary chunk streams through the whole pipeline: connections, offsets, kinds and bytes as they come."""
    settings = Settings(
        HttpSettings(request_body_limit=64, head_limit=HEAD_LIMIT, pipeline_depth=4),
        connections=3,
        tls=TlsSettings(pending_limit=4096),
        keys=4,
    )
    pipeline = Pipeline(settings, Counters(), prefix="0" * 16, clock_offset=0, record=lambda _chunk: None)
    offsets: dict[tuple[int, int], int] = {}
    for number, (steer, part) in enumerate(pieces(data)):
        conn, direction, kind = steer & 3, steer >> 2 & 1, 2 if steer & 128 else steer >> 3 & 7
        payload = SNIPPETS[part[0] % len(SNIPPETS)] if len(part) == 1 else part
        offset = offsets.get((conn, direction), 0) + (steer >> 3 & 7 if steer & 64 else 0)
        size = len(payload) + (steer >> 5 & 3)
        offsets[conn, direction] = offset + size
        flags = steer >> 4 & 3
        pipeline.receive(
            Chunk(conn, number, offset, size, len(payload), 1, 1, 1, 1, steer & 1, kind, direction, flags, payload)
        )
        if steer == 255:
            pipeline.expire(number + 10**12)
        assert len(pipeline) <= 3
        assert len(pipeline._keys) <= 4
        for exchange in pipeline.take():
            assert len(exchange.request.body) <= 64
    pipeline.close(10**15)
    assert len(pipeline) == 0


MEDIA = (
    b"", b"text/plain", b"application/x-www-form-urlencoded", b"application/json", b"text/xml; charset=utf-16",
    b"application/xml", b"multipart/form-data; boundary=b", b"text/html; charset=utf-7", b"text/plain; charset=ibm037",
)  # fmt: skip
VALUES = (
    b"../../etc/passwd", b"%ud800", b"%2e%2e%5c", b"\\ud83d", b'{"', b'": "', b'"}', b"[", b"a[b][]=", b"&", b"=",
    b";", b"--b\r\n", b'Content-Disposition: form-data; name="', b'"\r\n\r\n', b"<!DOCTYPE a [<!ENTITY x 'y'>]>",
    b"<a b='&x;'>", b"' or 1=1 --", b"<script>", b"\x1f\x8b\x08", b"\x00", b"\xff\xfe", b"Li4vLi4vZXRjL3Bhc3N3ZA==",
    b"eyJhbGciOiJub25lIn0.e30.",
)  # fmt: skip
"""What requests are made of, so that chance gets below the first parser."""


@cache
def engine() -> Engine:
    return Engine()


def findings(data: bytes) -> None:
    """Any request through points and detection to hits that can be sent on and that the cloud takes."""
    media = MEDIA[data[0] % len(MEDIA)] if data else b""
    parts = [VALUES[steer % len(VALUES)] + part if steer < 192 else part for steer, part in pieces(data[1:])]
    body = b"".join(parts)
    target = b"/" + b"".join(parts[::2])
    headers = [(b"Content-Type", media), (parts[0] if parts else b"X", body[:99]), (b"Cookie", b"".join(parts[1::2]))]
    sent = exchanges.exchange(target=target, method=b"POST", headers=headers, body=body)
    found = hits(sent, engine().inspect(sent.request), "node", parameter)
    assert msgspec.json.decode(msgspec.json.encode(found), type=list[Hit]) == found
    assert len(check(found)) == len(found)


TARGETS: dict[str, Target] = {
    "requests": requests,
    "responses": responses,
    "detection": detection,
    "records": records,
    "handshake": handshake,
    "chunk": chunk,
    "chunks": chunks,
    "findings": findings,
}
