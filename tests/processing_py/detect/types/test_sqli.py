import pytest

from processing_py.detect import score
from processing_py.detect.types.sqli import TYPE, confirm
from tests.processing_py.detect.types.values import value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("1' or '1'='1", "break_logic"),
        ("1 union select 1,2", "union_select"),
        ("admin'--", "break_comment"),
        ("1; drop table users--", "statement"),
        ("1 and sleep(5)", "strong_function"),
        ("1 order by 10--", "order_by"),
    ],
)
def test_signals(text, name):
    assert name in {signal.name for signal in confirm(value(text))}


@pytest.mark.parametrize("text", ["O'Brien & Sons", "black and white", '7" #2 needle'])
def test_ordinary_values_stay_under_the_threshold(text):
    assert score.score(TYPE, confirm(value(text))) < score.THRESHOLD
