import pytest

from processing_py.detect import score
from processing_py.detect.types.xss import TYPE, confirm
from tests.processing_py.detect.types.values import value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("<script>alert(1)</script>", "script"),
        ("<img src=x onerror=alert(1)>", "handler"),
        ("<a href=javascript:alert(1)>", "source"),
        ("alert(document.cookie)", "sure_call"),
    ],
)
def test_signals(text, name):
    assert name in {signal.name for signal in confirm(value(text))}


@pytest.mark.parametrize("text", ["<b>bold</b> text", "I <3 you", "a <- b"])
def test_ordinary_values_stay_under_the_threshold(text):
    assert score.score(TYPE, confirm(value(text))) < score.THRESHOLD
