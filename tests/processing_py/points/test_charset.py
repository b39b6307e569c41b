"""Bodies whose character set hides them from a reader of bytes."""

from __future__ import annotations

from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_py.points.charset import to_utf8

TEXT = "<mark'1>"


@pytest.mark.parametrize("name", ["utf-16", "utf-16le", "utf-32", "utf-7"])
def test_wide_and_seven_bit_sets_become_utf8(name: str) -> None:
    assert to_utf8(TEXT.encode(name), f'text/plain; charset="{name}"'.encode()).decode() == TEXT


@pytest.mark.parametrize("name", [b"ibm037", b"cp037"])
def test_ebcdic_pairs_keep_their_delimiters(name: bytes) -> None:
    encoded = quote_from_bytes(TEXT.encode("cp037"), safe="").encode()
    body = to_utf8(b"%81=" + encoded + b"&%82=" + encoded, b"charset=" + name)
    assert body == b"a=%3Cmark%271%3E&b=%3Cmark%271%3E"


@pytest.mark.parametrize("content_type", [b"", b"text/plain", b"text/plain; charset=utf-8", b"charset=utf-16xyz"])
def test_others_stay_as_they_are(content_type: bytes) -> None:
    assert to_utf8(b"a\xff=1", content_type) == b"a\xff=1"


@given(st.binary(max_size=200), st.sampled_from([b"utf-16", b"utf-7", b"ibm037", b"utf-32"]))
def test_no_body_breaks_it(body: bytes, name: bytes) -> None:
    to_utf8(body, b"charset=" + name).decode("utf-8", "strict")
