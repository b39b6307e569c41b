"""``oobctl classify``: recorded requests in, the attacks found in each out. The contract of the accuracy measure.

Input: one JSON object a line, of which ``raw`` (base64 of a whole HTTP/1.1 request) is used. Output: one JSON object a
line, in the same order: ``{"attacks": [{"type", "point", "payload"}], "us": microseconds of inspection}``.
"""

from __future__ import annotations

import binascii
import gzip
import re
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import click
import msgspec

from agent_py.counters import Counters
from agent_py.http.fields import FieldLines
from agent_py.http.request import RequestReader
from common_py.contracts import Headers, Request
from common_py.errors import CONFIGURATION, NO_INPUT, UNAVAILABLE, UserError
from processing_py.detect.engine import Engine
from processing_py.points.names import documented

_BLANK = re.compile(rb"\r?\n\r?\n")
_LINES = FieldLines()


def read_request(raw: bytes) -> Request:
    """Return the request in ``raw`` as the agent's reader gives it.

    What that reader refuses, or does not take for exactly one whole request, is split leniently (``split_request``):
    recordings of other tools have bare spaces in targets, bodies without Content-Length, or lengths that are wrong.
    """
    reader = RequestReader(_LINES, Counters(), head_limit=len(raw) + 1, body_limit=len(raw))
    begun = reader.data(raw, 0)
    if len(begun) == 1 and begun[0].complete and reader.idle and not begun[0].incomplete:
        return begun[0].request
    return split_request(raw)


def split_request(raw: bytes) -> Request:
    """Split a whole HTTP/1.1 request (RFC 9112 §2.1) as tolerantly as servers do; never fails.

    The request line ends at the first line end; the target is what stands between the first and the last space, so
    that targets with spaces stay whole. A chunked body is joined as far as its framing holds.
    """
    blank = _BLANK.search(raw)
    head, body = (raw[: blank.start()], raw[blank.end() :]) if blank else (raw, b"")
    line, _, rest = head.partition(b"\n")
    method, _, target = line.strip(b"\r").partition(b" ")
    before, _, protocol = target.rpartition(b" ")
    version = "1.1"
    if protocol.startswith(b"HTTP/"):
        target = before
        version = protocol[5:].decode("latin-1")
    headers: Headers = []
    for field in rest.split(b"\n"):
        name, colon, value = field.partition(b":")
        if colon:
            headers.append((name.strip(), value.strip()))
    chunked = any(name.lower() == b"transfer-encoding" and b"chunked" in value.lower() for name, value in headers)
    body = _unchunk(body) if chunked else body
    return Request(method, target, version, headers, body, len(body))


def _unchunk(data: bytes) -> bytes:
    """Join chunks (RFC 9112 §7.1); when a size is not one, what is left is taken as it stands."""
    parts: list[bytes] = []
    position = 0
    while position < len(data):
        end = data.find(b"\n", position)
        size_field = data[position : end if end >= 0 else len(data)].partition(b";")[0].strip()
        try:
            size = int(size_field, 16)
        except ValueError:
            parts.append(data[position:])
            break
        if size <= 0 or end < 0:
            break
        parts.append(data[end + 1 : end + 1 + size])
        position = end + 1 + size
        position += 2 if data[position : position + 2] == b"\r\n" else 1
    return b"".join(parts)


class _Line(msgspec.Struct):
    raw: str


_decode_line = msgspec.json.Decoder(_Line).decode


def requests(path: Path) -> Iterator[Request]:
    """Yield the requests of ``path`` (``.gz`` or plain). Raises UserError naming file and line."""
    number = 0
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield read_request(_raw(line, path, number))
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, OSError) and error.strerror:
            reason = error.strerror
        else:
            reason = f"its gzip data is damaged after line {number}"
        raise UserError(f"Cannot read {path}: {reason}.", exit_code=NO_INPUT) from error


def _open(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _raw(line: bytes, path: Path, number: int) -> bytes:
    try:
        return binascii.a2b_base64(_decode_line(line).raw, strict_mode=True)
    except msgspec.DecodeError as error:
        problem = f"is no JSON object with a text in raw ({error})"
    except (binascii.Error, ValueError):
        problem = "has a raw that is not base64"
    raise UserError(f"{path}, line {number} {problem}.", "Mend or remove that line.", exit_code=CONFIGURATION)


def results(engine: Engine, path: Path) -> Iterator[dict[str, Any]]:
    """Yield the result object of each request in ``path``."""
    clock = time.perf_counter_ns
    for request in requests(path):
        start = clock()
        findings = engine.inspect(request)
        spent = clock() - start
        attacks = [
            {"type": finding.type, "point": documented(finding.point), "payload": finding.payload}
            for finding in findings
        ]
        yield {"attacks": attacks, "us": round(spent / 1000, 1)}


@click.command(short_help="Tell the attacks in recorded requests.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="Write there instead of standard output.")
def classify(file: Path, output: Path | None) -> None:
    """Tell the attacks in each recorded request of FILE (.jsonl or .jsonl.gz), one JSON object a line."""
    encode = msgspec.json.Encoder().encode
    lines = (encode(result) + b"\n" for result in results(Engine(), file))
    if output is None:
        for line in lines:
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        return
    try:
        with output.open("wb") as target:
            target.writelines(lines)
    except OSError as error:
        raise UserError(f"Cannot write {output}: {error.strerror}.", exit_code=UNAVAILABLE) from error
