import pytest

from processing_py.detect import score
from processing_py.detect.types.ssi import TYPE, confirm
from tests.processing_py.detect.types.values import value


@pytest.mark.parametrize(
    ("text", "name"),
    [('<!--#exec cmd="id" -->', "directive"), ('<esi:include src="http://evil.example"/>', "esi")],
)
def test_signals(text, name):
    assert name in {signal.name for signal in confirm(value(text))}


@pytest.mark.parametrize("text", ["<!-- a comment -->", "# exec summary"])
def test_ordinary_values_stay_under_the_threshold(text):
    assert score.score(TYPE, confirm(value(text))) < score.THRESHOLD
