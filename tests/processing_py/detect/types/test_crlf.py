import pytest

from processing_py.detect import score
from processing_py.detect.types.crlf import TYPE, confirm
from tests.processing_py.detect.types.values import value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("x\r\nSet-Cookie: a=b", "header"),
        ("a%0d%0aLocation: http://evil.example", "header"),
        ("\r\nHTTP/1.1 200 OK", "status"),
        ("\r\n\r\n<html>", "body"),
    ],
)
def test_signals(text, name):
    assert name in {signal.name for signal in confirm(value(text))}


@pytest.mark.parametrize("text", ["first line\r\nsecond line", "a\nb\nc"])
def test_ordinary_values_stay_under_the_threshold(text):
    assert score.score(TYPE, confirm(value(text))) < score.THRESHOLD
