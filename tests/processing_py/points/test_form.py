from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_py.points import form

WORDS = st.text(alphabet=st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=12)


def test_pairs_are_split_and_decoded_once():
    assert list(form.pairs(b"a=1&b=x%20y&&c&d=%2526=z")) == [("a", "1"), ("b", "x y"), ("c", ""), ("d", "%26=z")]


@given(st.lists(st.tuples(WORDS, WORDS), max_size=6))
def test_what_was_encoded_comes_back(pairs):
    assert list(form.pairs(urlencode(pairs).encode())) == pairs


@pytest.mark.parametrize(
    ("name", "odd"),
    [("id", False), ("user-name", False), ("a[b][]", False), ("<script>", True), ("a b", True), ("x';", True)],
)
def test_odd_names(name, odd):
    assert form.odd_name(name) is odd


def test_cookies_keep_their_encoding():
    assert list(form.cookies(b"a=1; b=%20x=y;c")) == [("a", "1"), ("b", "%20x=y"), ("c", "")]


@given(st.binary(max_size=80))
def test_no_bytes_break_it(data):
    assert len(list(form.pairs(data))) <= len(data)
    assert len(list(form.cookies(data))) == data.count(b";") + 1
