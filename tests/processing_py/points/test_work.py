"""The work list: what is queued, emitted once, decoded, and refused by the budget."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from processing_py.points.budget import Limits
from processing_py.points.containers import Part
from processing_py.points.leaf import Leaf, Path
from processing_py.points.work import LARGE, TRIVIAL_LENGTH
from tests.processing_py.points.support import MARK, places, work

PLACE: Path = (("get", "q"),)


def texts(leaves: list[Leaf]) -> list[str]:
    return [leaf.text for leaf in leaves]


@pytest.mark.parametrize("value", ["", " \t", "a" * (TRIVIAL_LENGTH - 1)])
def test_what_cannot_be_an_attack_is_not_queued(value: str) -> None:
    one = work()
    one.add(PLACE, value)
    one.run()
    assert (one.leaves, one.budget.steps) == ([], 0)


def test_a_text_is_emitted_once_a_role() -> None:
    paths: list[Path] = [
        (("get", "q"),), (("get", "r"),), (("header", "REFERER"),), (("header", "COOKIE"), ("cookie", "q")),
        (("post",), ("json_doc",), ("array", 0), ("hash", "q")), (("post",), ("multipart",), ("hash", "f"), ("file",)),
    ]  # fmt: skip
    again: list[Path] = [(("get", "q"), ("percent",)), (("post",), ("json_doc",), ("array", 7), ("hash", "q"))]
    one = work()
    for path in (*paths, *paths, *again):
        one.add(path, MARK)
    one.run()
    assert one.leaves == [Leaf(path, MARK) for path in paths]


def test_the_order_of_decoders_makes_no_other_role() -> None:
    one = work()
    one.add(PLACE, "%26lt%3Bmark&#39;1&#37;3E")
    one.run()
    assert texts(one.leaves).count(MARK) == 1


def test_names_are_roles_of_their_own_however_they_were_found() -> None:
    one = work()
    one.add(PLACE, quote('{"a": "<mark\'1>", "b": "<mark\'1>", "c": "&lt;mark\'1>"}'))
    one.run()
    assert places(one.leaves) == {
        "GET_q_PERCENT_JSON_DOC_HASH_a_value",
        "GET_q_PERCENT_JSON_DOC_HASH_b_value",
        "GET_q_PERCENT_HTMLJS_JSON_DOC_HASH_c_value",
    }
    assert texts(one.leaves).count(MARK) == 3


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("%3Cmark%271%3E", "GET_q_PERCENT_value"),
        ("%253Cmark%25271%253E", "GET_q_PERCENT_PERCENT_value"),
        ("PG1hcmsnMT4=", "GET_q_BASE64_value"),
        ("/x?r=%3Cmark%271%3E", "GET_q_GET_r_value"),
        ('{"a": "<mark\'1>"}', "GET_q_JSON_DOC_HASH_a_value"),
        ("%3Cmark%271%3E".ljust(LARGE + 1, "\0"), "GET_q_PERCENT_value"),
    ],
)
def test_what_a_value_may_mean_to_a_server(value: str, place: str) -> None:
    one = work()
    one.add(PLACE, value)
    one.run()
    assert texts(one.leaves)[0] == value
    assert any(MARK in leaf.text for leaf in one.leaves)
    if len(value) <= LARGE:
        assert places(one.leaves) == {place}


def test_structure_is_emitted_but_not_decoded() -> None:
    one = work()
    one.add_parts(PLACE, [Part((("xml",),), "<a>%3Cmark%271%3E</a>", structure=True)], 1)
    one.run()
    assert one.leaves == [Leaf((*PLACE, ("xml",)), "<a>%3Cmark%271%3E</a>", structure=True)]


def test_decoding_alone_does_not_emit_the_value_itself() -> None:
    one = work()
    one.decode(PLACE, "PG1hcmsnMT4=")
    one.run()
    assert places(one.leaves) == {"GET_q_BASE64_value"}
    assert "PG1hcmsnMT4=" not in texts(one.leaves)


def test_readings_deeper_than_the_limit_are_refused_and_recorded() -> None:
    one = work(Limits(depth=1))
    one.add(PLACE, "%253Cmark%25271%253E")
    one.run()
    assert texts(one.leaves) == ["%253Cmark%25271%253E", "%3Cmark%271%3E"]
    assert one.budget.exceeded == "depth"


def test_a_spent_budget_ends_the_run() -> None:
    one = work(Limits(nodes=2))
    for number in range(4):
        one.add(PLACE, f"value number {number}")
    one.run()
    assert len(one.leaves) == 2
    assert one.budget.exceeded == "nodes"
