import pytest

from processing_py.detect import score
from processing_py.detect.types.nosqli import TYPE, confirm
from tests.processing_py.detect.types.values import value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a[$ne]", "bracket"),
        ('{"$where": "1"}', "object"),
        ("'; return true; var x='", "script"),
        ("\r\nset a 0 0 1\r\n", "command"),
        ("' || 'a'=='a", "tautology"),
    ],
)
def test_signals(text, name):
    assert name in {signal.name for signal in confirm(value(text))}


@pytest.mark.parametrize("text", ["$5 or $10", "a || b", "where and or not"])
def test_ordinary_values_stay_under_the_threshold(text):
    assert score.score(TYPE, confirm(value(text))) < score.THRESHOLD
