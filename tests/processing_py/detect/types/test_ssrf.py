import pytest

from processing_py.detect import score
from processing_py.detect.types.ssrf import TYPE, confirm
from tests.processing_py.detect.types.values import value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("http://169.254.169.254/latest/", "metadata"),
        ("gopher://127.0.0.1:6379/", "scheme"),
        ("http://127.0.0.1/", "inner_host"),
        ("http://[::1]/", "inner_host"),
        ("http://localhost:22/", "inner_port"),
    ],
)
def test_signals(text, name):
    assert name in {signal.name for signal in confirm(value(text))}


@pytest.mark.parametrize("text", ["https://example.com/path?x=1", "10.0.0.1", "mailto:a@example.com"])
def test_ordinary_values_stay_under_the_threshold(text):
    assert score.score(TYPE, confirm(value(text))) < score.THRESHOLD
