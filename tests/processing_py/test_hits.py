"""Hits and summaries from an exchange and its findings."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_py.contracts import Finding, Hit, Point, Request
from processing_py.detect.engine import Engine
from processing_py.hits import NAME_LIMIT, domain, hit_id, hits, printable, request_path, summary
from processing_py.points import names
from tests.support.exchanges import exchange

FIRST = Finding("sqli", [["get", "id"]], "1 union select")
SECOND = Finding("ptrav", [["uri"]], "../etc/passwd")
THIRD = Finding("sqli", [["post"]], "union")


def name(point: Point) -> str:
    return "/".join(str(part[0]) for part in point)


def test_one_hit_per_attack_type_named_after_its_first_finding() -> None:
    item = exchange(7, b"/a?id=1")
    found = hits(item, [FIRST, SECOND, THIRD], "node-a", name)
    assert [(hit.type, hit.parameter, hit.findings) for hit in found] == [
        ("sqli", "get", [FIRST, THIRD]),
        ("ptrav", "uri", [SECOND]),
    ]
    assert {(hit.domain, hit.path, hit.node) for hit in found} == {("shop.example", "/a", "node-a")}
    assert found[0].exchange is item
    assert hits(item, [], "node-a", name) == []


def test_an_id_depends_on_exchange_and_type_alone() -> None:
    assert hit_id("a", "sqli") == hit_id("a", "sqli")
    assert len({hit_id("a", "sqli"), hit_id("a", "xss"), hit_id("b", "sqli"), hit_id("as", "qli")}) == 4
    assert len(hit_id("a", "sqli")) == 32


@pytest.mark.parametrize(
    ("target", "headers", "expected"),
    [
        (b"/", [(b"Host", b"Shop.Example:8443")], "shop.example"),
        (b"/", [(b"hOsT", b"[2001:DB8::1]:443")], "[2001:db8::1]"),
        (b"/", [(b"Host", b"first"), (b"Host", b"second")], "first"),
        (b"/", [(b":authority", b"h2.example"), (b"host", b"other")], "h2.example"),
        (b"http://proxy.example:81/x?y", [(b"Host", b"other")], "proxy.example"),
        (b"http://user:pass@proxy.example/x", [(b"Host", b"other")], "proxy.example"),
        (b"http://only.example?q", [], "only.example"),
        (b"/?u=http://not.example/", [(b"Host", b"a")], "a"),
        (b"/", [], ""),
        (b"/", [(b"Host", b"a\xff<b>")], "a\\xff<b>"),
    ],
)
def test_domain(target: bytes, headers: list[tuple[bytes, bytes]], expected: str) -> None:
    assert domain(Request(b"GET", target, headers=headers)) == expected


def test_connect_names_its_host_in_the_target() -> None:
    assert domain(Request(b"CONNECT", b"Db.example:443")) == "db.example"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"/a/b?c=/d", "/a/b"),
        (b"/a%20b", "/a%20b"),
        (b"http://h.example/x?y", "/x"),
        (b"http://h.example", "/"),
        (b"http://h.example?q=/x", "/"),
        (b"*", "*"),
        (b"/a\x00\xffb\\", "/a\\x00\\xffb\\\\"),
    ],
)
def test_path(target: bytes, expected: str) -> None:
    assert request_path(Request(b"GET", target)) == expected


@given(st.binary(max_size=3 * NAME_LIMIT))
def test_printable_is_printable_and_bounded(raw: bytes) -> None:
    text = printable(raw)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= NAME_LIMIT


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_printable_keeps_different_bytes_different(one: bytes, other: bytes) -> None:
    assert (printable(one) == printable(other)) == (one == other)


def test_a_summary_has_no_values_in_it() -> None:
    item = exchange(3, b"/pay?card=4111", body=b"secret", headers=[(b"Host", b"a.example")], status=201)
    made = summary(item, ["sqli"])
    assert (made.method, made.domain, made.path, made.status) == ("GET", "a.example", "/pay", 201)
    assert (made.client, made.request_size, made.response_size) == ("192.0.2.7", 6, 12)
    assert made.attacks == ["sqli"]
    assert "4111" not in repr(made)
    assert "secret" not in repr(made)


LONG = b"k" * 40_000
ATTACK = b"../../../../etc/passwd"


@pytest.mark.parametrize(
    ("target", "media_type", "body"),
    [
        pytest.param(b"/?%ud800=" + ATTACK, b"", b"", id="half a surrogate pair in a query's name"),
        pytest.param(b"/", b"application/x-www-form-urlencoded", b"%udfff[%ud83d]=" + ATTACK, id="in a form's name"),
        pytest.param(b"/", b"application/json", b'{"\\ud800": "' + ATTACK + b'"}', id="in a key of JSON"),
        pytest.param(b"/", b"application/json", b'{"' + LONG + b'": "' + ATTACK + b'"}', id="a long key of JSON"),
        pytest.param(b"/", b"application/x-www-form-urlencoded", LONG + b"=" + ATTACK, id="a long name in a form"),
        pytest.param(b"/", b"application/xml", b"<" + LONG + b">" + ATTACK + b"</" + LONG + b">", id="a long tag"),
    ],
)
def test_no_name_that_a_client_chose_keeps_its_attack_from_the_cloud(
    target: bytes, media_type: bytes, body: bytes
) -> None:
    """A hit that cannot be encoded ends the worker, one that the cloud refuses is dropped: both would hide attacks."""
    sent = exchange(target=target, method=b"POST", headers=[(b"Content-Type", media_type)], body=body)
    found = hits(sent, Engine().inspect(sent.request), "node", names.parameter)
    assert [hit.type for hit in found] == ["ptrav"]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=list[Hit]) == found
    assert msgspec.json.decode(msgspec.json.encode(found), type=list[Hit]) == found
    assert all(len(hit.parameter) <= names.LONGEST for hit in found)
