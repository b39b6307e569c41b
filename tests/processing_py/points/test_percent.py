from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_py.points import percent


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        ("%41", "A"),
        ("%2e%2E", ".."),
        ("%u0041", "A"),
        ("%U2215", "\u2215"),
        ("100%", "100%"),
        ("%zz", "%zz"),
        ("%", "%"),
        ("%2541", "%41"),
        ("é%41", "éA"),
    ],
)
def test_triplets_are_resolved_once(encoded, decoded):
    assert percent.decode(encoded) == decoded


def test_a_form_has_plus_for_space():
    assert percent.decode_form(b"a+b%2Bc") == "a b+c"


@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters="\0"), max_size=60))
def test_what_was_quoted_comes_back(text):
    assert percent.decode(quote(text, safe="")) == text


@given(st.binary(max_size=80))
def test_no_bytes_break_it(data):
    assert isinstance(percent.decode_form(data), str)
