"""Target, header fields and cookies: where their values are found."""

from __future__ import annotations

import pytest

from processing_py.points import head
from processing_py.points.head import SEGMENTS
from tests.processing_py.points.support import MARK, places, work


def of_target(target: bytes) -> set[str]:
    one = work()
    head.add_target(one, target)
    one.run()
    return places(one.leaves)


def of_header(name: bytes, value: bytes) -> set[str]:
    one = work()
    head.add_headers(one, [(name, value)])
    one.run()
    return places(one.leaves)


@pytest.mark.parametrize(
    ("target", "place"),
    [
        (b"/a?id=%3Cmark%271%3E", "GET_id_value"),
        (b"https://shop.example/a?id=%3Cmark%271%3E", "GET_id_value"),
        (b"/a?id=%253Cmark%25271%253E", "GET_id_PERCENT_value"),
        (b"/a?id=PG1hcmsnMT4=", "GET_id_BASE64_value"),
        (b"/a/%3Cmark%271%3E/b", "PATH_1_value"),
        (b"/a/PG1hcmsnMT4=", "ACTION_NAME_BASE64_value"),
    ],
)
def test_values_of_a_target(target: bytes, place: str) -> None:
    assert place in of_target(target)


def test_segments_are_looked_at_up_to_a_number() -> None:
    assert f"PATH_{SEGMENTS - 1}_value" in of_target(b"/a" * (SEGMENTS - 1) + b"/%3Cmark%271%3E/b")
    assert not of_target(b"/a" * SEGMENTS + b"/%3Cmark%271%3E/b")


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        (b"X-Id", MARK.encode(), "HEADER_X-ID_value"),
        (b"Cookie", b"a=b; c=%3Cmark%271%3E", "HEADER_COOKIE_COOKIE_c_PERCENT_value"),
        (b"Cookie", b"%3Cmark%271%3E", "HEADER_COOKIE_PERCENT_value"),
        (b"Referer", b"https://x/?q=%3Cmark%271%3E", "HEADER_REFERER_GET_q_value"),
    ],
)
def test_values_of_header_fields(name: bytes, value: bytes, place: str) -> None:
    assert place in of_header(name, value)


def test_a_header_name_that_is_none_is_a_value() -> None:
    one = work()
    head.add_headers(one, [(MARK.encode(), b"x")])
    one.run()
    assert places(one.leaves, MARK.upper()) == {f"HEADER_{MARK.upper()}_name"}


def test_type_and_encoding_of_the_body_are_returned() -> None:
    fields = [(b"content-TYPE", b"Text/Plain"), (b"Content-Encoding", b"GZip"), (b"Host", b"a")]
    assert head.add_headers(work(), fields) == (b"Text/Plain", b"gzip")
    assert head.add_headers(work(), []) == (b"", b"")
