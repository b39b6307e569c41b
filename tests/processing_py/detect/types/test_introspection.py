import pytest

from processing_py.detect import score
from processing_py.detect.types.introspection import TYPE, confirm
from tests.processing_py.detect.types.values import value


@pytest.mark.parametrize(
    ("text", "name"),
    [("{ __schema { types { name } } }", "schema"), ('{__type(name: "A") { name }}', "schema")],
)
def test_signals(text, name):
    assert name in {signal.name for signal in confirm(value(text))}


@pytest.mark.parametrize("text", ["{ user(id: 1) { name } }", "the __schema word"])
def test_ordinary_values_stay_under_the_threshold(text):
    assert score.score(TYPE, confirm(value(text))) < score.THRESHOLD
