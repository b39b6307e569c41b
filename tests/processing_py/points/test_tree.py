import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_py.contracts import Request
from processing_py.points.budget import Limits
from processing_py.points.names import parameter
from processing_py.points.tree import Tree

MARK = "<mark'1>"


def request(target=b"/", body=b"", **headers):
    fields = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    return Request(b"POST", target, "1.1", fields, body, len(body))


def places(sent):
    return {parameter(leaf.point()) for leaf in Tree(sent).leaves if leaf.text == MARK}


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        (request(b"/a?id=%3Cmark%271%3E"), "GET_id_value"),
        (request(b"/a?id=%253Cmark%25271%253E"), "GET_id_PERCENT_value"),
        (request(b"/a?id=PG1hcmsnMT4="), "GET_id_BASE64_value"),
        (request(b"/a/%3Cmark%271%3E/b"), "PATH_1_value"),
        (request(b"/a/PG1hcmsnMT4="), "ACTION_NAME_BASE64_value"),
        (request(X_Id=b"<mark'1>"), "HEADER_X-ID_value"),
        (request(Cookie=b"a=b; c=%3Cmark%271%3E"), "HEADER_COOKIE_COOKIE_c_PERCENT_value"),
        (request(Referer=b"https://x/?q=%3Cmark%271%3E"), "HEADER_REFERER_GET_q_value"),
        (request(body=b"a=1&b=%3Cmark%271%3E"), "POST_FORM_URLENCODED_b_value"),
        (request(body=b'{"p": ["<mark\'1>"]}', Content_Type=b"application/json"), "POST_JSON_DOC_HASH_p_ARRAY_0_value"),
        (request(body=b'{"p": "<mark\'1>"}', Content_Type=b"text/plain"), "POST_JSON_DOC_HASH_p_value"),
        (request(body=b"<r><q>&lt;mark'1&gt;</q></r>", Content_Type=b"text/xml"), "POST_XML_XML_TAG_r_XML_TAG_q_value"),
        (
            request(body=b"--x\r\nContent-Disposition: form-data; name=q\r\n\r\n<mark'1>\r\n--x--",
                    Content_Type=b"multipart/form-data; boundary=x"),
            "POST_MULTIPART_HASH_q_value",
        ),
        (
            request(body=gzip.compress(b"b=%3Cmark%271%3E"), Content_Encoding=b"gzip"),
            "POST_GZIP_FORM_URLENCODED_b_value",
        ),
    ],
)  # fmt: skip
def test_where_values_are_found(sent, place):
    assert place in places(sent)


TYPES = [b"", b"application/json", b"text/xml", b"multipart/form-data; boundary=a"]


@given(st.binary(max_size=400), st.binary(max_size=400), st.sampled_from(TYPES))
def test_no_request_breaks_it(target, body, content_type):
    Tree(request(target, body, Content_Type=content_type))


UNITS = [b"%25", b"a[", b"&a=b", b"[", b"\\u005c", b"&amp;", b"QUFB", b"<a>", b"eyJh.", b"../"]


@pytest.mark.parametrize("unit", UNITS)
def test_work_is_linear(unit):
    def steps(repeat):
        return Tree(request(b"/?x=" + unit * repeat, unit * repeat)).budget.steps

    assert steps(8000) <= 2.6 * steps(4000) + 20_000


def test_over_budget_is_recorded():
    tree = Tree(request(b"/?" + b"&".join(b"k%d=some+value" % index for index in range(100))), Limits(nodes=50))
    assert tree.budget.exceeded == "nodes"
