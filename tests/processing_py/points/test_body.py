"""Bodies of every format, told by their type or by their first bytes."""

from __future__ import annotations

import gzip
import zlib

import pytest

from processing_py.points import body
from processing_py.points.budget import Limits
from processing_py.points.leaf import Leaf
from tests.processing_py.points.support import places, work

PART = b"--x\r\nContent-Disposition: form-data; name=q\r\n\r\n<mark'1>\r\n--x--"
FILE = b'--x\r\nContent-Disposition: form-data; name=f; filename="a"\r\n\r\n%s\r\n--x--'
RAW = zlib.compressobj(wbits=-15)
DEFLATED = RAW.compress(b"b=%3Cmark%271%3E") + RAW.flush()


def leaves(content: bytes, content_type: bytes = b"", encoding: bytes = b"") -> list[Leaf]:
    one = work()
    body.add(one, content, content_type, encoding)
    one.run()
    return one.leaves


@pytest.mark.parametrize(
    ("content", "content_type", "place"),
    [
        (b"a=1&b=%3Cmark%271%3E", b"", "POST_FORM_URLENCODED_b_value"),
        (b'{"p": ["<mark\'1>"]}', b"application/json", "POST_JSON_DOC_HASH_p_ARRAY_0_value"),
        (b'{"p": "<mark\'1>"}', b"text/plain", "POST_JSON_DOC_HASH_p_value"),
        (b"<r><q>&lt;mark'1&gt;</q></r>", b"text/xml", "POST_XML_XML_TAG_r_XML_TAG_q_value"),
        (PART, b"multipart/form-data; boundary=x", "POST_MULTIPART_HASH_q_value"),
        (PART, b"", "POST_MULTIPART_HASH_q_value"),
        (FILE % b"<mark'1>", b"multipart/form-data; boundary=x", "POST_MULTIPART_HASH_f_FILE_value"),
        (
            FILE % (bytes(range(128, 256)) + b"\0<mark'1>\0"),
            b"multipart/form-data; boundary=x",
            "POST_MULTIPART_HASH_f_FILE_ARRAY_0_value",
        ),
        (b"<mark'1>", b"text/plain; form", "POST_value"),
        (b"\0\x01\x02\x03\x04" * 4 + b"<mark'1>\0\x01\x02\x03", b"", "POST_ARRAY_0_value"),
        ("<mark'1>".encode("utf-16"), b"text/plain; form; charset=utf-16", "POST_value"),
    ],
)
def test_formats(content: bytes, content_type: bytes, place: str) -> None:
    assert place in places(leaves(content, content_type))


@pytest.mark.parametrize(
    ("content", "encoding", "place"),
    [
        (gzip.compress(b"b=%3Cmark%271%3E", mtime=0), b"gzip", "POST_GZIP_FORM_URLENCODED_b_value"),
        (zlib.compress(b"b=%3Cmark%271%3E"), b"deflate", "POST_GZIP_FORM_URLENCODED_b_value"),
        (DEFLATED, b"deflate", "POST_GZIP_FORM_URLENCODED_b_value"),
        (gzip.compress(b"b=%3Cmark%271%3E", mtime=0), b"", "POST_FORM_URLENCODED_b_value"),
        (b"b=%3Cmark%271%3E", b"br", "POST_FORM_URLENCODED_b_value"),
    ],
)
def test_encodings(content: bytes, encoding: bytes, place: str) -> None:
    assert places(leaves(content, encoding=encoding)) == {place}


def test_markup_of_a_document_is_structure_and_that_of_a_page_is_not() -> None:
    assert leaves(b"<note>words</note>", b"text/xml")[0].structure
    assert not leaves(b"<script>words</script>", b"text/plain")[0].structure


@pytest.mark.parametrize("content_type", [b"text/xml", b"application/x-www-form-urlencoded", b""])
def test_what_only_begins_like_a_document_is_read_as_what_else_it_may_be(content_type: bytes) -> None:
    assert "POST_FORM_URLENCODED_b_value" in places(leaves(b"<!=&b=%3Cmark%271%3E", content_type))
    (leaf,) = leaves(b"<? words, no document", content_type)
    assert not leaf.structure


@pytest.mark.parametrize("content_type", [b"text/xml", b"application/x-www-form-urlencoded", b""])
@pytest.mark.parametrize("start", [b"<?xml version='1.0'?><r/>", b"<!--x--><r/>", b"<?x ?><r>"])
def test_no_document_in_front_hides_a_form(content_type: bytes, start: bytes) -> None:
    found = leaves(start + b"&b=%3Cmark%271%3E", content_type)
    assert "POST_FORM_URLENCODED_b_value" in places(found)


def test_a_piece_of_a_page_in_front_hides_no_form() -> None:
    body = b"<!-- --><p/>&b=%3Cmark%271%3E"
    assert "POST_FORM_URLENCODED_b_value" in places(leaves(body, b"application/x-www-form-urlencoded"))


def test_runs_of_a_binary_body_are_bounded() -> None:
    runs = b"".join(b"\0\x01\x02\x03\x04\x05\x06\x07\x08run number %d" % number for number in range(body.RUNS + 50))
    assert len(leaves(runs)) == body.RUNS


def test_more_parts_than_nodes_are_over_the_budget() -> None:
    one = work(Limits(nodes=3))
    parts = b"".join(b"--x\r\nContent-Disposition: form-data; name=q\r\n\r\n1\r\n" for _ in range(5))
    body.add(one, parts + b"--x--", b"multipart/form-data; boundary=x", b"")
    assert one.budget.exceeded == "nodes"
