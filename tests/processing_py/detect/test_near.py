import re

from hypothesis import given
from hypothesis import strategies as st

from processing_py.detect.near import follows

FIRST = re.compile(r"\{\{|<%")
SECOND = re.compile(r"class|env")


def test_the_second_must_be_near_and_not_behind_a_stop():
    assert follows(FIRST, SECOND, "a {{ x.class }}", 20) == (2, 12)
    assert follows(FIRST, SECOND, "{{" + "x" * 30 + "class", 20) is None
    assert follows(FIRST, SECOND, "{{ } class", 20, "}") is None
    assert follows(FIRST, SECOND, "class {{", 20) is None


@given(st.lists(st.sampled_from(["{{", "<%", "class", "env", "x", " ", "xxxxx"]), max_size=30).map("".join))
def test_it_finds_whenever_one_expression_would(text):
    whole = re.compile(rf"(?:{FIRST.pattern})(?=(.{{0,12}})).{{0,12}}?(?:{SECOND.pattern})", re.DOTALL)
    near = follows(FIRST, SECOND, text, 12)
    if near is not None:
        assert whole.search(text) is not None
    inside = re.compile(rf"(?:{FIRST.pattern})(?=.{{0,7}}(?:class|env)).{{0,12}}", re.DOTALL)
    assert near is not None or inside.search(text) is None


def test_many_openings_are_not_read_again_and_again():
    class Counting:
        read = 0

        def search(self, text, begin, limit):
            self.read += limit - begin

    second = Counting()
    assert follows(FIRST, second, "{{" * 5000, 200) is None
    assert second.read < 20 * 10_000
