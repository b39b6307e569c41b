"""A whole request: head and body together, any bytes at all, and the cost of hostile ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_py.points.budget import Limits
from processing_py.points.tree import Tree
from tests.processing_py.points.support import MARK, places, request

MARKED = b"%3Cmark%271%3E"


def test_values_come_from_every_part_of_a_request() -> None:
    for sent, place in (
        (request(b"/a?id=" + MARKED), "GET_id_value"),
        (request(Cookie=b"c=" + MARKED), "HEADER_COOKIE_COOKIE_c_PERCENT_value"),
        (request(body=b"b=" + MARKED), "POST_FORM_URLENCODED_b_value"),
    ):
        assert places(Tree(sent).leaves) == {place}


def test_the_head_tells_how_the_body_is_read() -> None:
    sent = request(body=b'"<mark\'1>"', Content_Type=b"application/json")
    assert "POST_JSON_DOC_value" in places(Tree(sent).leaves)


TYPES = [b"", b"application/json", b"text/xml", b"multipart/form-data; boundary=a"]


@given(st.binary(max_size=400), st.binary(max_size=400), st.sampled_from(TYPES))
def test_no_request_breaks_it(target: bytes, body: bytes, content_type: bytes) -> None:
    Tree(request(target, body, Content_Type=content_type))


def test_trailers_are_read_like_headers_and_do_not_change_the_bodys_format() -> None:
    made = request(b"/", b"a=" + MARKED, Content_Type=b"application/x-www-form-urlencoded")
    made.trailers = [(b"X-Checksum", MARK.encode() + b"!"), (b"Content-Type", b"text/plain")]
    leaves = Tree(made).leaves
    assert places(leaves) == {"POST_FORM_URLENCODED_a_value"}
    assert places(leaves, MARK + "!") == {"HEADER_X-CHECKSUM_value"}


UNITS = [b"%25", b"a[", b"&a=b", b"[", b"\\u005c", b"&amp;", b"QUFB", b"<a>", b"eyJh.", b"../"]


@pytest.mark.parametrize("unit", UNITS)
def test_work_is_linear(unit: bytes) -> None:
    def steps(repeat: int) -> int:
        return Tree(request(b"/?x=" + unit * repeat, unit * repeat)).budget.steps

    assert steps(8000) <= 2.6 * steps(4000) + 20_000


def test_over_budget_is_recorded() -> None:
    tree = Tree(request(b"/?" + b"&".join(b"k%d=some+value" % index for index in range(100))), Limits(nodes=50))
    assert tree.budget.exceeded == "nodes"
