"""Hostile values cost time linear in their length: four times the length costs less than twelve times the time."""

import json
import time

import pytest

from common_py.contracts import Request
from processing_py.detect.engine import Engine
from processing_py.detect.registry import ATTACK_TYPES
from processing_py.detect.value import Value
from processing_py.points.leaf import Leaf

ENGINE = Engine()
FILLERS = (" \t", "\r\n", "'", '"', "(", ")", "\\", "a", "a ", "../", "%2e", "{", "$", "`", "<", "<a ", "[", "=", "|",
           ";", "-", "/", "*)(", "\xa0", "\x00", "0x", "&#", "+", "::", "@a")  # fmt: skip
SHORT = 1000
LEAST = 0.004
"""Seconds under which a measure says nothing about growth."""


def seconds(function, argument):
    begin = time.process_time()
    function(argument)
    return time.process_time() - begin


def value(head, filler, length):
    text = (head + filler * (length // len(filler)))[:length]
    return Value(Leaf((("get", "q"),), text), part=True)


@pytest.mark.parametrize("attack", ATTACK_TYPES, ids=lambda attack: attack.code)
def test_no_confirmer_backtracks(attack):
    """Every literal before every filler: a run of one filler is what nested or adjacent quantifiers stumble over."""
    heads = attack.literals[:: max(1, len(attack.literals) // 8)]
    for head in heads:
        for filler in FILLERS:
            short = seconds(attack.confirm, value(head, filler, SHORT))
            if short < LEAST:
                continue
            long = seconds(attack.confirm, value(head, filler, 4 * SHORT))
            assert long < 12 * short, (head, filler)


@pytest.mark.parametrize("attack", ATTACK_TYPES, ids=lambda attack: attack.code)
def test_a_window_is_cheap_whatever_it_holds(attack):
    """The bound that the budget of characters rests on: 20 µs a character is ten times what is usual."""
    for head in attack.literals[:: max(1, len(attack.literals) // 4)]:
        for filler in FILLERS:
            hostile = value((head + filler * 4) * 60, filler, 4 * SHORT)
            assert seconds(attack.confirm, hostile) < 4 * SHORT * 20e-6, (head, filler)


def body(unit, length):
    document = json.dumps({"q": unit * (length // len(unit))}).encode()
    return Request(b"POST", b"/", "1.1", [(b"Content-Type", b"application/json")], document)


@pytest.mark.parametrize(
    "unit", ["' or ", "<a ", "$(", "{{", " \t", "\\", "'||'", "select ", "; cat /", "etc\\", "&#x41;", "eyJ"]
)
def test_large_bodies_are_linear(unit):
    short = seconds(ENGINE.inspect, body(unit, 1 << 16))
    long = seconds(ENGINE.inspect, body(unit, 1 << 18))
    assert long < 12 * max(short, LEAST)


def test_a_hostile_megabyte_ends_over_budget():
    found = ENGINE.inspect(body("<a ", 1 << 20))
    assert "overlimit_res" in {finding.type for finding in found}
