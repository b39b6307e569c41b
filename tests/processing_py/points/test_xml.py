import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_py.points import xml


def parts_of(data):
    document = xml.read(data)
    assert document is not None
    return document.parts


@pytest.mark.parametrize(
    ("data", "well_formed"),
    [
        (b"<r>x</r>", True),
        (b"<r/>\n<!-- end -->\n", True),
        (b"<r/>&id=1", False),
        (b"<r>", False),
        (b"<r>&id=1</r>", False),
    ],
)
def test_what_strict_parsers_refuse_is_told(data, well_formed):
    assert xml.read(data).well_formed == well_formed


def test_texts_attributes_and_comments():
    parts = parts_of(b'<a x="one"><b>two</b><!--three-->four</a>')
    assert {part.text for part in parts} == {"one", "two", "three", "four"}
    assert (("xml_tag", "a"), ("xml_attr", "x")) in {part.path for part in parts}


def test_entities_are_not_resolved():
    parts = parts_of(b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><a>&e;</a>')
    assert all("\n" not in part.text for part in parts)


def test_deep_documents_end():
    xml.read(b"<a>" * 20_000)


@pytest.mark.parametrize("reference", [b"&#xD800;", b"&#xdfFF;", b"&#55296;", b"&#x0000dc00;", b"&#0057343;"])
def test_a_surrogate_takes_nothing_with_it(reference):
    document = b'<a b="%sone" xmlns="%s"><c>%stwo</c>%sthree&#20320;&#55203;</a>'.replace(b"%s", reference)
    parts = parts_of(document)
    assert {part.text for part in parts} == {"\ufffdone", "\ufffdtwo", "\ufffdthree\u4f60\ud7a3"}


PIECES = (
    b"<a>", b"</a>", b'<a b="', b'">', b"<!--", b"-->", b"<?x ", b"?>", b"<![CDATA[", b"]]>", b"<!DOCTYPE a [",
    b"]>", b'<!ENTITY e "', b"&e;", b"&#xD800;", b"&#xFFFE;", b"&#0;", b"&#x110000;", b"xmlns:p='", b"p:a", b"\0",
    b"\xed\xa0\x80",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=20).map(b"".join))
def test_no_document_breaks_it(data):
    xml.read(b"<a>" + data)


@given(st.binary(max_size=200))
def test_nothing_breaks_it(data):
    xml.read(data)
