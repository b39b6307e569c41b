import pytest

from processing_py.detect import score
from processing_py.detect.types.xxe import TYPE, confirm
from tests.processing_py.detect.types.values import value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>", "entity"),
        ("<!DOCTYPE r [<!ENTITY % p SYSTEM 'x'>]>", "parameter"),
        ("<xi:include href='x'/>", "include"),
    ],
)
def test_signals(text, name):
    assert name in {signal.name for signal in confirm(value(text))}


@pytest.mark.parametrize("text", ["<!doctype html>", "<note>x</note>"])
def test_ordinary_values_stay_under_the_threshold(text):
    assert score.score(TYPE, confirm(value(text))) < score.THRESHOLD
