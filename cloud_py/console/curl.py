"""A hit's request as a curl command. Pure.

What a client chose must neither get out of its quotes nor name files to curl.
"""

from __future__ import annotations

import re

from common_py.contracts import Exchange

_AUTHORITY = re.compile(rb"[0-9A-Za-z._-]{1,253}(:[0-9]{1,5})?\Z|\[[0-9a-fA-F:.]{2,45}\](:[0-9]{1,5})?\Z")
_LEFT_OUT = frozenset({b"content-length", b"host", b"transfer-encoding", b"connection"})


def command(exchange: Exchange) -> str:
    """A command for bash, printable ASCII only. Comments tell what a command line cannot carry."""
    request = exchange.request
    hosts = [value for name, value in request.headers if name.lower() in (b"host", b":authority")]
    known = bool(hosts) and _AUTHORITY.match(hosts[0]) is not None
    address = exchange.server.address
    server = f"[{address}]" if ":" in address else address
    authority = hosts[0] if known else f"{server}:{exchange.server.port}".encode()
    scheme = b"https://" if exchange.tls else b"http://"
    origin_form = request.target.startswith(b"/")
    words = ["curl", "--include", "--path-as-is", "--globoff"]
    # Of a request that is only called HEAD curl waits for a body.
    words += ["--head"] if request.method == b"HEAD" and not request.body else ["--request", quote(request.method)]
    words += [quote(scheme + authority + (request.target if origin_form else b"/"))]
    if not origin_form:
        words += ["--request-target", quote(request.target)]
    remarks: list[str] = []
    for name, value in request.headers:
        if name.lower() in _LEFT_OUT or name.startswith(b":"):
            continue
        if name.startswith(b"@") or b"\0" in name + value:
            remarks.append("# A header field that curl cannot be given was left out.")
            continue
        words += ["--header", quote(name + (b": " + value if value else b";"))]
    if request.body and b"\0" in request.body:
        remarks.append("# The body was left out: a command line cannot hold a NUL byte.")
    elif request.body:
        words += ["--data-raw", quote(request.body)]
    if request.body_size > len(request.body):
        remarks.append(f"# Only the first {len(request.body)} of the body's {request.body_size} bytes were captured.")
    return "\n".join([*dict.fromkeys(remarks), " ".join(words)])


def quote(value: bytes) -> str:
    """``value`` as one word for bash: 'plain' when it can be, else $'…' with escapes (bash manual §3.1.2.4)."""
    if all(0x20 <= byte < 0x7F and byte not in b"'\\" for byte in value):
        return "'" + value.decode("ascii") + "'"
    return "$'" + "".join(_escaped(byte) for byte in value if byte) + "'"


def _escaped(byte: int) -> str:
    if byte in b"'\\":
        return "\\" + chr(byte)
    # Octal, always three digits: a hexadecimal escape could swallow the digit that follows it.
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}"
