import pytest

from processing_py.detect import score
from processing_py.detect.types.ldapi import TYPE, confirm
from tests.processing_py.detect.types.values import value


@pytest.mark.parametrize(
    ("text", "name"),
    [("(&(uid=admin)(!(a=b)))", "filter"), ("*)(uid=*))(|(uid=*", "pair"), ("(cn:2.5.13.2.1:=x)", "rule")],
)
def test_signals(text, name):
    assert name in {signal.name for signal in confirm(value(text))}


@pytest.mark.parametrize("text", ["f(x)(y)", "(see the note above)", "a*(b+c)"])
def test_ordinary_values_stay_under_the_threshold(text):
    assert score.score(TYPE, confirm(value(text))) < score.THRESHOLD
