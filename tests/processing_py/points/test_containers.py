import json

from hypothesis import given
from hypothesis import strategies as st

from processing_py.points import containers

SCALARS = st.text(max_size=20)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


def strings(document):
    if isinstance(document, str):
        return [document]
    items = document.values() if isinstance(document, dict) else document
    return [text for item in items for text in strings(item)]


@given(st.dictionaries(st.text(max_size=8), DOCUMENTS, max_size=4))
def test_every_string_of_a_document_is_a_part(document):
    parts = containers.json_doc(json.dumps(document))
    assert parts is not None
    assert set(strings(document)) <= {part.text for part in parts}


@given(st.text(max_size=100))
def test_no_text_breaks_it(value):
    containers.json_doc("{" + value)
    containers.json_doc("[" + value)


def test_duplicate_keys_are_all_kept():
    parts = containers.json_doc('{"a": "first", "a": "second"}')
    assert parts is not None
    assert {"first", "second"} <= {part.text for part in parts}


def test_malformed_documents_are_read_by_their_strings():
    parts = containers.json_doc('\ufeff{"a": "x", /* c */ "b": "\\u0027y"} trailing')
    assert parts is not None
    assert {"x", "'y"} <= {part.text for part in parts}


def test_deep_nesting_ends():
    assert containers.json_doc("[" * 100_000) is None
    parts = containers.json_doc("[" * 500 + '"deep"' + "]" * 500)
    assert parts is not None
    assert "deep" in {part.text for part in parts}


def test_bracket_parameters():
    assert containers.key_path("get", "a[b][]") == (("get", "a"), ("hash", "b"), ("array", 0))
    assert containers.key_path("get", "plain") == (("get", "plain"),)


def test_graphql_literals_are_values():
    parts = containers.gql('query Q { user(name: "x\' or 1=1") { id } }')
    assert parts is not None
    assert [part.text for part in parts] == ["x' or 1=1"]
    assert containers.gql("an ordinary question") is None
