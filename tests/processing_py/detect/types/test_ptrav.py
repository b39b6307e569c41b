import pytest

from processing_py.detect import score
from processing_py.detect.types.ptrav import TYPE, confirm
from tests.processing_py.detect.types.values import value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("../../etc/passwd", "run"),
        ("/etc/passwd", "file"),
        ("php://filter/resource=x", "wrapper"),
        ("..%c0%af..%c0%afetc/passwd", "run"),
        ("c:\\windows\\win.ini", "drive"),
    ],
)
def test_signals(text, name):
    assert name in {signal.name for signal in confirm(value(text))}


@pytest.mark.parametrize("text", ["version 1.2.3...", "docs/readme.md", "let me know etc. and so on"])
def test_ordinary_values_stay_under_the_threshold(text):
    assert score.score(TYPE, confirm(value(text))) < score.THRESHOLD
