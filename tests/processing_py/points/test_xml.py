from hypothesis import given
from hypothesis import strategies as st

from processing_py.points import xml


def test_texts_attributes_and_comments():
    parts = xml.split(b'<a x="one"><b>two</b><!--three-->four</a>')
    assert parts is not None
    assert {part.text for part in parts} == {"one", "two", "three", "four"}
    assert (("xml_tag", "a"), ("xml_attr", "x")) in {part.path for part in parts}


def test_entities_are_not_resolved():
    parts = xml.split(b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><a>&e;</a>')
    assert parts is not None
    assert all("\n" not in part.text for part in parts)


def test_deep_documents_end():
    xml.split(b"<a>" * 20_000)


@given(st.binary(max_size=200))
def test_nothing_breaks_it(data):
    xml.split(data)
