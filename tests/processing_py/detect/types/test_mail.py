import pytest

from processing_py.detect import score
from processing_py.detect.types.mail import TYPE, confirm
from tests.processing_py.detect.types.values import value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a@example.com\r\nBcc: b@example.com", "header"),
        ("x\r\nRCPT TO:<a@example.com>", "smtp"),
        ("\r\nA001 LOGIN a b", "imap"),
    ],
)
def test_signals(text, name):
    assert name in {signal.name for signal in confirm(value(text))}


@pytest.mark.parametrize("text", ["a@example.com", "from: me\nthanks for the fetch"])
def test_ordinary_values_stay_under_the_threshold(text):
    assert score.score(TYPE, confirm(value(text))) < score.THRESHOLD
