from processing_py.detect import score
from processing_py.detect.value import AttackType, Signal

TYPE = AttackType("t", ("a",), lambda _value: [], {"strong": 6.0, "weak": 1.0})


def test_each_signal_counts_once():
    once = score.score(TYPE, [Signal("weak", "x")])
    assert score.score(TYPE, [Signal("weak", "x"), Signal("weak", "y")]) == once
    assert once < score.THRESHOLD < score.score(TYPE, [Signal("strong", "x")])


def test_the_payload_is_the_weightiest_evidence():
    assert score.payload(TYPE, [Signal("weak", "long evidence"), Signal("strong", "short")]) == "short"
