from hypothesis import given
from hypothesis import strategies as st

from processing_py.points import multipart

BODY = (
    b'--b\r\nContent-Disposition: form-data; name="q"\r\n\r\nvalue\r\n'
    b'--b\r\nContent-Disposition: form-data; name=f; filename="a.txt"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n"
)


def test_parts():
    first, second = multipart.parts(BODY, multipart.boundary(b"multipart/form-data; boundary=b", BODY))
    assert (first.name, first.filename, first.content) == ("q", "", b"value")
    assert (second.name, second.filename, second.content) == ("f", "a.txt", b"hello")


def test_a_wrong_boundary_is_read_from_the_body():
    assert multipart.boundary(b"multipart/form-data; boundary=fake", BODY) == b"b"
    assert multipart.boundary(b"text/plain", b"no parts") == b""


@given(st.binary(max_size=300), st.binary(max_size=60))
def test_nothing_breaks_it(body, content_type):
    delimiter = multipart.boundary(content_type, body)
    list(multipart.parts(body, delimiter or b"x"))


@given(st.lists(st.text("abc xyz<>'", max_size=30), min_size=1, max_size=5))
def test_round_trip(values):
    body = b"".join(
        b'--sep\r\nContent-Disposition: form-data; name="n%d"\r\n\r\n%s\r\n' % (index, value.encode())
        for index, value in enumerate(values)
    )
    found = list(multipart.parts(body + b"--sep--\r\n", b"sep"))
    assert [part.content.decode() for part in found] == values
    assert [part.name for part in found] == [f"n{index}" for index in range(len(values))]
