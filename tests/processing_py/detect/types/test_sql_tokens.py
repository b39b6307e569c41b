import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_py.detect.types.sql_tokens import TOKENS, tokenize


@pytest.mark.parametrize(
    ("text", "quote", "shape"),
    [
        ("1 union select 1,2", "", "nUEn,n"),
        ("1/**/or/**/1=1--", "", "n&nonc"),
        ("a' or '1'='1", "'", "s&sos"),
        ("sleep(5)", "", "x(n)"),
        ("concat(a)", "", "f(w)"),
        ("@@version", "", "v"),
    ],
)
def test_shapes(text, quote, shape):
    assert tokenize(text, quote).shape == shape


def test_comments_that_split_or_carry_a_version_are_known():
    assert tokenize("a/**/b").split
    assert tokenize("/*!50000union*/").versioned


@given(st.text(max_size=80), st.sampled_from(["", "'", '"']))
def test_one_letter_a_token_whatever_the_text(text, quote):
    tokens = tokenize(text, quote)
    assert len(tokens.shape) == len(tokens.words) <= TOKENS
