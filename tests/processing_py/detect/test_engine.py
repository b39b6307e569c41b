import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_py.contracts import Request
from processing_py.detect.engine import Engine, literals, triggers
from processing_py.detect.registry import ATTACK_TYPES
from processing_py.detect.scan import PlainScanner
from processing_py.points.budget import Limits
from tests.processing_py.detect.golden import ATTACKS, BENIGN

ENGINE = Engine()
PLAIN = Engine(scanner=PlainScanner(literals(ATTACK_TYPES), triggers(ATTACK_TYPES)))


def get(target, **headers):
    fields = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    return Request(b"GET", target, "1.1", [(b"Host", b"shop.example.com"), *fields])


def query(value):
    return get(b"/search?q=" + quote(value, safe="").encode())


def post_json(value):
    return Request(b"POST", b"/api", "1.1", [(b"Content-Type", b"application/json")], json.dumps({"q": value}).encode())


def flatten(cases):
    return [(code, value) for code, values in cases.items() for value in values]


@pytest.mark.parametrize(("code", "value"), flatten(ATTACKS))
@pytest.mark.parametrize("carry", [query, post_json])
def test_attacks_are_found_with_their_type(code, value, carry):
    assert code in {finding.type for finding in ENGINE.inspect(carry(value))}


@pytest.mark.parametrize("value", [value for _, value in flatten(ATTACKS)])
def test_attacks_are_found_in_base64(value):
    assert ENGINE.inspect(get(b"/?q=" + base64.b64encode(value.encode())))


@pytest.mark.parametrize("value", [value for _, value in flatten(BENIGN)])
@pytest.mark.parametrize("carry", [query, post_json])
def test_ordinary_values_are_benign(value, carry):
    assert ENGINE.inspect(carry(value)) == []


def test_the_first_test_of_the_product():
    (finding,) = ENGINE.inspect(get(b"/etc/passwd"))
    assert (finding.type, finding.point) == ("ptrav", [["uri"]])
    assert "etc/passwd" in finding.payload


def test_a_browser_request_is_benign():
    assert ENGINE.inspect(get(
        b"/shop/items/123?page=2&sort=price&utm_source=mail",
        User_Agent=b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0",
        Accept=b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
        Sec_Ch_Ua=b'"Chromium";v="122", "Not(A:Brand";v="24", "Google Chrome";v="122"',
        Referer=b"https://www.example.com/search?q=garden+table&x=1",
        Cookie=b"session=0a1b2c3d4e5f; _ga=GA1.2.1234567890.1234567890; theme=dark",
    )) == []  # fmt: skip


@pytest.mark.parametrize(("header", "kind"), [("sqlmap/1.7", "scanner"), ("() { :;}; /bin/cat /etc/passwd", "rce")])
def test_headers_are_inspected(header, kind):
    assert kind in {finding.type for finding in ENGINE.inspect(get(b"/", User_Agent=header.encode()))}


def test_what_was_remembered_as_clean_stays_header_bound():
    engine = Engine()
    hostile = b"1' or '1'='1"
    assert engine.inspect(get(b"/", X_Id=b"ordinary value")) == []
    assert engine.inspect(get(b"/", X_Id=b"ordinary value")) == []
    assert engine.inspect(get(b"/", X_Id=hostile)) == engine.inspect(get(b"/", X_Id=hostile)) != []


@pytest.mark.parametrize("first", ["Referer", "Host", "Cookie", "X_Other"])
@pytest.mark.parametrize("value", [b"http://169.254.169.254/latest/meta-data/", b"sqlmap/1.7", b"Nikto/2.1"])
def test_what_was_clean_in_one_header_is_looked_at_in_another(first, value):
    engine = Engine()
    engine.inspect(get(b"/", **{first: value}))
    assert engine.inspect(get(b"/", User_Agent=value)) == Engine().inspect(get(b"/", User_Agent=value)) != []


@pytest.mark.parametrize(
    ("header", "value"),
    [(b"Referer", b"http://169.254.169.254/"), (b"Accept", b"1' or '1'='1"), (b"If-None-Match", b"1' or '1'='1")],
)
def test_a_copy_where_it_is_harmless_hides_no_attack(header, value):
    request = Request(b"POST", b"/", headers=[(header, value)], body=b"url=" + quote(value).encode())
    (finding,) = ENGINE.inspect(request)
    assert finding.point[:2] == [["post"], ["form_urlencoded", "url"]]


def test_what_was_not_looked_at_is_not_remembered_as_clean(monkeypatch):
    hostile = get(b"/", X_Id=b"1' or '1'='1")
    engine = Engine()
    with monkeypatch.context() as patch:
        patch.setattr("processing_py.detect.engine.ALL_CHARACTERS", -1)
        assert [finding.type for finding in engine.inspect(hostile)] == ["overlimit_res"]
    assert engine.inspect(hostile) == Engine().inspect(hostile) != []


def test_over_budget_is_a_finding():
    engine = Engine(limits=Limits(nodes=10))
    found = engine.inspect(get(b"/?" + b"&".join(b"k%d=some+value" % index for index in range(50))))
    assert [finding.type for finding in found] == ["overlimit_res"]


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=80))
def test_no_request_breaks_it(target, body, header):
    ENGINE.inspect(Request(b"POST", target, "1.1", [(b"X", header), (b"Content-Type", header)], body))


@given(st.sampled_from([value for _, value in flatten(ATTACKS) + flatten(BENIGN)]))
def test_both_scanners_give_the_same_findings(value):
    assert ENGINE.inspect(query(value)) == PLAIN.inspect(query(value))


@pytest.mark.parametrize(
    "unit", ["' or ", "<a ", "../", ";cat ", "{{", "$(", "\\", "[", "select ", " ", "\n", "(", "on", "new date "]
)
def test_work_is_linear(unit):
    def work(repeat):
        ENGINE.inspect(post_json(unit * repeat))
        return ENGINE.work

    assert work(8000) <= 2.6 * work(4000) + 50_000


@pytest.mark.parametrize("noise", ["\x80", "\xff", "\x01", "\x80\xe9"])
def test_binary_noise_around_an_attack_hides_nothing(noise):
    for attack in ("1' or '1'='1", "<script>alert(1)</script>", "; cat /etc/shadow"):
        found = ENGINE.inspect(post_json(noise * 80 + " " + attack))
        assert found, (noise, attack)


@pytest.mark.parametrize("attack", ["1' union select null,version()-- -", "<script>alert(document.cookie)</script>"])
def test_a_large_value_in_base64_is_decoded(attack):
    padding = "lorem ipsum " * 900
    assert ENGINE.inspect(post_json(base64.b64encode((padding + attack).encode()).decode()))
    assert ENGINE.inspect(post_json((padding + attack).encode().hex()))
