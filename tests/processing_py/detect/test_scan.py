import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_py.contracts import Request
from processing_py.detect import scan
from processing_py.detect.engine import Engine, literals, triggers
from processing_py.detect.registry import ATTACK_TYPES

LITERALS = literals(ATTACK_TYPES)
WORDS = st.sampled_from([*LITERALS, "a", " ", "Ж", "İ", "\x00", "\n", "K", "é"])
TEXTS = st.lists(st.lists(WORDS, max_size=12).map("".join) | st.text(max_size=40), max_size=8)
TRIGGERS = triggers(ATTACK_TYPES)
FAST = scan.HyperscanScanner(LITERALS, TRIGGERS)
PLAIN = scan.PlainScanner(LITERALS, TRIGGERS)


@given(TEXTS)
def test_both_scanners_agree(texts):
    # A joined scan could find a literal across two values only if it held a line end.
    joined = FAST.scan(texts)
    plain = PLAIN.scan(texts)
    assert all(plain[index] & ~joined.get(index, 0) == 0 for index in plain)
    assert joined.keys() >= plain.keys()


@given(st.text(max_size=60))
def test_one_value_gives_equal_results(text):
    assert FAST.scan([text]) == PLAIN.scan([text])


def test_case_is_folded_and_masks_are_united():
    scanner = scan.HyperscanScanner({"union": 1, "select": 2})
    assert scanner.scan(["nothing", "UNION SeLeCt", "union"]) == {1: 3, 2: 1}


def test_a_flood_falls_back_to_single_reports():
    texts = ["union " * scan.REPORTS, "none", "select"]
    scanner = scan.HyperscanScanner({"union": 1, "select": 2})
    assert scanner.scan(texts) == {0: 1, 2: 2} == scan.PlainScanner({"union": 1, "select": 2}).scan(texts)


@pytest.mark.parametrize("attack", ATTACK_TYPES, ids=lambda attack: attack.code)
def test_literals_are_lower_case_and_scannable(attack):
    assert all(literal and literal.lower() == literal for literal in attack.literals if literal.isascii())
    assert all(literal.encode("latin-1") for literal in attack.literals)


def test_a_joint_wakes_nobody():
    scanner = scan.HyperscanScanner({"\n": 1}, {"[;|]a": 2})
    assert scanner.scan(["plain", "values", "of;", "a"]) == {}
    assert scanner.scan(["plain", "two\nlines", "x;a"]) == {1: 1, 2: 2}


def test_the_engine_starts_without_hyperscan_and_finds_the_same():
    program = """
import json, sys
sys.modules["hyperscan"] = None
from common_py.contracts import Request
from processing_py.detect.engine import Engine
targets = json.load(sys.stdin)
engine = Engine()
print(json.dumps([[f.type for f in engine.inspect(Request(b"GET", t.encode()))] for t in targets]))
"""
    targets = [
        "/?q=1%27%20or%20%271%27=%271",
        "/?q=;cat%20/etc/passwd",
        "/?q=plain",
        "/?q=%3Cscript%3Ealert(1)%3C/script%3E",
    ]
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(targets), capture_output=True, text=True, check=True
    )
    engine = Engine()
    expected = [[found.type for found in engine.inspect(Request(b"GET", target.encode()))] for target in targets]
    assert json.loads(done.stdout) == expected
    assert [bool(types) for types in expected] == [True, True, False, True]
