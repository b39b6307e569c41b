import pytest

from processing_py.detect import score
from processing_py.detect.types.redir import TYPE, confirm
from tests.processing_py.detect.types.values import value


@pytest.mark.parametrize(
    ("text", "name"),
    [("//\\evil.example", "disguised"), ("https:evil.example", "disguised")],
)
def test_signals(text, name):
    assert name in {signal.name for signal in confirm(value(text))}


@pytest.mark.parametrize("text", ["https://example.com/a", "/home/page"])
def test_ordinary_values_stay_under_the_threshold(text):
    assert score.score(TYPE, confirm(value(text))) < score.THRESHOLD
