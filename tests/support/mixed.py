"""Random requests, most of them odd in one or two places, that a server may accept or not."""

from __future__ import annotations

from random import Random

PAYLOADS = (b"", b"hello", b"GET /hidden HTTP/1.1\r\nHost: shop\r\n\r\n", b"x" * 100)


class Mixer:
    """``request(tag)`` gives the bytes of a request whose target ends in ``tag``, and its body."""

    def __init__(self, seed: int, oddity: float = 0.08) -> None:
        self._random = Random(seed)
        self._oddity = oddity

    def _usually(self, usual: bytes, *odd: bytes) -> bytes:
        return self._random.choice(odd) if self._random.random() < self._oddity else usual

    def _end(self) -> bytes:
        return self._usually(b"\r\n", b"\n", b"\r\r\n", b" \r\n", b"\t\r\n")

    def request(self, tag: bytes) -> tuple[bytes, bytes]:
        body = self._random.choice(PAYLOADS)
        framing, sent = self._fixed(body) if self._random.random() < 0.5 else self._chunked(body)
        fields = [b"Host: shop", framing, self._usually(b"X-A: b", b"X-A", b"X A: b", b": b", b"X-A: a\rb", b" fold")]
        self._random.shuffle(fields)
        head = self._start(tag) + b"".join(field + self._end() for field in fields)
        return head + self._usually(b"\r\n", b"\n", b"\r\r\n") + sent, body

    def _start(self, tag: bytes) -> bytes:
        target = self._usually(
            b"/", b"//", b"/a b", b"/\xff", b"/\t", b"http://h/", b"a.b+c://h:1/", b"http://h?", b"*"
        )
        return b"".join((
            self._usually(b"", b"\r\n", b"\n\n", b"\r", b" ", b"\0"),
            self._usually(b"POST", b"GET", b"_", b"-", b"A" * 300, b"post", b"G!T"),
            self._usually(b" ", b"   ", b"\t"),
            target + b"echo?" + tag,
            self._usually(b" ", b"  ", b"\t"),
            self._usually(
                b"HTTP/1.1", b"HTTP/1.10", b"HTTP/1.01", b"HTTP/1.999", b"HTTP/1.1000", b"HTTP/1.", b"HTTP/2.0"
            ),
            self._end(),
        ))  # fmt: skip

    def _fixed(self, body: bytes) -> tuple[bytes, bytes]:
        name = self._usually(b"Content-Length", b"content-length", b"Content-Length ", b"Content_Length")
        size = b"%d" % len(body)
        odd = (b"0" * 40 + size, b"+" + size, b"-" + size, size + b"," + size, b"0x" + size, size + b"\r", b"")
        again = self._usually(b"", b"\r\nContent-Length: 3", b"\r\nTransfer-Encoding: chunked")
        return name + self._usually(b": ", b":", b":\t") + self._usually(size, *odd) + again, body

    def _chunked(self, body: bytes) -> tuple[bytes, bytes]:
        coding = self._usually(
            b"chunked",
            b"Chunked",
            b"chunked\r",
            b"identity, chunked",
            b"chunked, identity",
            b"chunked;q=1",
            b"\tchunked",
        )
        sent = b""
        while body:
            size = self._random.randint(1, len(body))
            zeros = self._usually(b"", b"0", b"0" * 9000, b" ", b"0x")
            words = self._usually(b"", b";a=b", b" ", b"\t", b" b", b";" + b"e" * 9000, b"h", b";a\rb")
            sent += zeros + b"%x" % size + words + self._usually(b"\r\n", b"\n", b"\r\r\n") + body[:size] + b"\r\n"
            body = body[size:]
        trailer = self._usually(b"", b"T: u\r\n", b"T\r\n", b"Content-Length: 3\r\n", b"T: u\n")
        return b"Transfer-Encoding: " + coding, sent + self._usually(b"0\r\n", b"00\n", b"0;a\r\n") + trailer + b"\r\n"
