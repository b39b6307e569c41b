"""Queries and form bodies: names, values, repeated names, text that is no form."""

from __future__ import annotations

from processing_py.points import parameters
from processing_py.points.budget import Limits
from processing_py.points.leaf import Leaf
from processing_py.points.names import parameter
from tests.processing_py.points.support import MARK, work


def read(data: bytes, limits: Limits | None = None) -> tuple[dict[str, str], str]:
    one = work(limits)
    parameters.add(one, data, "get", (), (("uri",),))
    one.run()
    return {_place(leaf): leaf.text for leaf in one.leaves}, one.budget.exceeded


def _place(leaf: Leaf) -> str:
    return parameter(leaf.point())


def test_values_are_decoded_once() -> None:
    assert read(b"a=1&b=%3Cmark%271%3E&c=some+words") == ({"GET_b_value": MARK, "GET_c_value": "some words"}, "")


def test_odd_names_are_values_and_the_whole_text_is_one_too() -> None:
    found, _ = read(b"<mark'1>=1")
    assert found == {"GET_<mark'1>_name": MARK, "URI_value": "<mark'1>=1"}


def test_values_of_a_repeated_name_are_joined() -> None:
    found, _ = read(b"q=<mark&q='1>")
    assert found["GET_q_POLLUTION_value"] == "<mark,'1>"


def test_a_name_repeated_without_end_is_not_joined() -> None:
    found, _ = read(b"&".join([b"q=<mark'1>"] * parameters.REPEATED))
    assert found == {"GET_q_value": MARK}


def test_more_names_than_nodes_are_over_the_budget() -> None:
    _, exceeded = read(b"&".join(b"k%d=1" % number for number in range(20)), Limits(nodes=10))
    assert exceeded == "nodes"
