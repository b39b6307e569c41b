import pytest

from processing_py.detect import score
from processing_py.detect.types.ssti import TYPE, confirm
from tests.processing_py.detect.types.values import value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{{7*7}}", "arithmetic"),
        ("${7*7}", "arithmetic"),
        ("{{config.items()}}", "object"),
        ("{{''.__class__.__mro__}}", "dunder"),
        ("<#assign x=1>", "directive"),
    ],
)
def test_signals(text, name):
    assert name in {signal.name for signal in confirm(value(text))}


@pytest.mark.parametrize("text", ["{name}", "100%", "use #tag"])
def test_ordinary_values_stay_under_the_threshold(text):
    assert score.score(TYPE, confirm(value(text))) < score.THRESHOLD
