import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_py.points import text


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"plain", "plain"),
        ("grün".encode(), "grün"),
        (b"\xc0\xae\xc0\xae\xc0\xaf", "../"),
        (b"\xe0\x80\xae", "."),
        (b"\xff\xfea\0b\0", "ab"),
        (b"a\0b\0", "ab"),
        (b"\0a\0b", "ab"),
        (b"\xfe\xfd", "\xfe\xfd"),
    ],
)
def test_decode(data, expected):
    assert text.decode(data) == expected


@given(st.binary(max_size=300))
def test_decode_never_fails(data):
    assert isinstance(text.decode(data), str)


@given(st.text(max_size=2000))
def test_printable_is_printable_and_short(value):
    shown = text.printable(value)
    assert shown.isprintable()
    assert len(shown.encode("utf-8", "surrogatepass")) <= text.PAYLOAD_BYTES


def test_fold_makes_fullwidth_plain():
    assert text.fold("＜ｓｃｒｉｐｔ＞") == "<script>"


def test_mostly_text():
    assert text.mostly_text(b"hello world")
    assert text.mostly_text("привет мир".encode())
    assert not text.mostly_text(bytes(range(128, 200)))
    assert not text.mostly_text(b"")
