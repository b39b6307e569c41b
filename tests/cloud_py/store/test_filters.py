from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_py.store.filters import KEYS, FilterError, Term, parse, status_range, term, toggled, write


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("sqli", [Term("type", "sqli")]),
        ("SQLi", [Term("type", "sqli")]),
        ('"sqli"', [Term("text", "sqli")]),
        ("!xss", [Term("type", "xss", True)]),
        ("ip:192.0.2.1", [Term("ip", "192.0.2.1")]),
        ("D:a U:/b", [Term("domain", "a"), Term("path", "/b")]),
        ("/login", [Term("path", "/login")]),
        ("http://a/b", [Term("text", "http://a/b")]),
        ('!d:"a b" c', [Term("domain", "a b", True), Term("text", "c")]),
        (r'"say \"hi\" \\"', [Term("text", r'say "hi" \ '.strip())]),
        ("ip:", [Term("text", "ip:")]),
        ("!", [Term("text", "!")]),
        ('"open', [Term("text", '"open')]),
    ],
)
def test_parse(text: str, terms: list[Term]):
    assert list(parse(text)) == terms


@pytest.mark.parametrize(
    ("text", "bounds"), [("404", (404, 404)), ("400-499", (400, 499)), ("500+", (500, 999)), ("399-", (0, 399))]
)
def test_status_ranges(text: str, bounds: tuple[int, int]):
    assert status_range(text) == bounds


@pytest.mark.parametrize("text", ["statuscode:abc", "statuscode:4040", "statuscode:-", "statuscode:1-2-3"])
def test_a_status_that_is_none_is_refused(text: str):
    with pytest.raises(FilterError, match="no status code"):
        parse(text)


def test_too_much_is_refused():
    with pytest.raises(FilterError, match="2001 characters"):
        parse("a" * 2001)
    with pytest.raises(FilterError, match="51 terms"):
        parse("a " * 51)


def test_toggling_adds_and_takes_out():
    change = Term("type", "sqli")
    assert toggled((), change) == (change,)
    assert toggled((Term("ip", "x"), change), change) == (Term("ip", "x"),)


FIELDS = sorted(set(KEYS.values()) - {"status"})


@given(st.lists(st.builds(term, st.sampled_from(FIELDS), st.text(max_size=20), st.booleans()), max_size=8))
def test_writing_and_parsing_is_the_identity(terms: list[Term]):
    assert list(parse(write(tuple(terms)))) == terms
