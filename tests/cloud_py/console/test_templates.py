"""The pages without a browser: what the strict policy demands of the markup, and who sees what."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from starlette.testclient import TestClient

from cloud_py.console import templating
from common_py.contracts import Finding, Request, Tls, Where
from tests.cloud_py.samples import ADMINISTRATOR_TOKEN, NODE_TOKEN, make_hit

TEMPLATES = sorted((Path(templating.__file__).parent / "templates").glob("*.html"))
XSS = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{7654321*3}}'


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_inline_code_style_or_unescaped_values(path: Path):
    text = path.read_text()
    assert not re.search(r"\|\s*safe\b|Markup|autoescape", text)
    assert not re.search(r"\sstyle\s*=|<style|javascript:|\son[a-z]+\s*=|hx-on", text, re.IGNORECASE)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))


def login(client: TestClient, token: str, **form: str):
    client.get("/login")
    secret = client.cookies.get("oob_form")
    return client.post("/login", data={"token": token, "secret": secret, **form})


def send(client: TestClient, node: dict, *hits) -> None:
    assert client.post("/v1/hits", content=msgspec.json.encode(list(hits)), headers=node).status_code == 200


def test_login_and_logout(client: TestClient, services):
    answer = login(client, ADMINISTRATOR_TOKEN, next="/attacks?q=sqli")
    assert (answer.status_code, answer.headers["location"]) == (303, "/attacks?q=sqli")
    cookie = next(line for line in answer.headers.get_list("set-cookie") if line.startswith("oob_session="))
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert ADMINISTRATOR_TOKEN not in cookie
    assert client.get("/session").json() == {"active": True}
    page = client.get("/attacks")
    assert page.status_code == 200
    assert ADMINISTRATOR_TOKEN not in page.text
    assert client.post("/logout").headers["location"] == "/login"
    assert client.get("/attacks").headers["location"] == "/login?next=%2Fattacks"
    assert client.get("/session").json() == {"active": False}


def test_over_tls_cookies_are_secure(client: TestClient, services):
    services.secure = True
    client.base_url = "https://testserver"
    answer = login(client, ADMINISTRATOR_TOKEN)
    assert all("Secure" in line for line in answer.headers.get_list("set-cookie"))


@pytest.mark.parametrize(
    ("token", "sentence"),
    [("wrong", "This token is not known."), ("", "This token is not known."), (NODE_TOKEN, "This token sends hits;")],
)
def test_other_tokens_do_not_log_in(client: TestClient, token: str, sentence: str):
    answer = login(client, token)
    assert answer.status_code == 403
    assert sentence in answer.text
    assert "oob_session" not in client.cookies
    assert NODE_TOKEN not in answer.text


def test_a_form_from_elsewhere_does_not_log_in(client: TestClient):
    client.get("/login")
    for secret in ("", "x" * 32):
        answer = client.post("/login", data={"token": ADMINISTRATOR_TOKEN, "secret": secret})
        assert answer.status_code == 403
        assert "oob_session" not in client.cookies


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/attacks\r\nX: y", "javascript:alert(1)"]
)
def test_a_login_leads_only_to_the_console(client: TestClient, target: str):
    assert login(client, ADMINISTRATOR_TOKEN, next=target).headers["location"] == "/attacks"


@pytest.mark.parametrize("path", ["/", "/attacks", "/attacks/list", "/attacks/rows", "/attacks/drawer"])
def test_every_page_needs_a_session(client: TestClient, path: str):
    assert client.get(path).status_code == 303
    part = client.get(path, headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["hx-redirect"], part.text) == (401, "/login", "")


def test_empty_states_tell_what_to_do(client: TestClient, node: dict):
    login(client, ADMINISTRATOR_TOKEN)
    page = client.get("/attacks").text
    assert "No attacks yet" in page
    assert "No processing node has sent any hit so far." in page
    send(client, node, make_hit("a"))
    assert "Nothing matches" in client.get("/attacks?q=sqli").text
    assert "statuscode:x is no status code" in client.get("/attacks?q=statuscode:x").text
    assert "This attack is no longer stored" in client.get("/attacks?attack=gone").text


def test_a_page_has_what_its_address_says(client: TestClient, node: dict, administrator: dict):
    send(client, node, make_hit("a"), make_hit("b", at=-60, type="sqli", path="/login", payload="1 or 1=1"))
    attacks = client.get("/v1/attacks", headers=administrator).json()["attacks"]
    login(client, ADMINISTRATOR_TOKEN)
    page = client.get("/attacks?q=sqli").text
    assert 'id="total-attacks">1<' in page
    assert "/etc/passwd" not in page
    opened = client.get(f"/attacks?attack={attacks[0]['id']}&hit=a").text
    assert 'data-hit="a"' in opened
    assert "<mark>/etc/passwd</mark>" in opened
    assert "TLS_AES_256_GCM_SHA384" in opened
    part = client.get(f"/attacks/drawer?attack={attacks[0]['id']}")
    assert part.headers["hx-push-url"] == f"/attacks?attack={attacks[0]['id']}"


def test_pages_of_rows(client: TestClient, node: dict):
    send(client, node, *[make_hit(f"h{n}", at=-n, path=f"/{n:03}") for n in range(120)])
    login(client, ADMINISTRATOR_TOKEN)
    text, seen = client.get("/attacks/list").text, []
    while True:
        seen += re.findall(r'class="path mono" title="(/\d+)"', text)
        more = re.search(r'hx-get="(/attacks/rows[^"]+)"', text)
        if not more:
            break
        text = client.get(more[1].replace("&amp;", "&")).text
    assert seen == [f"/{n:03}" for n in range(120)]


class Tags(HTMLParser):
    """Collects tags and attribute names."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.found.update(f"{tag}.{name}" for name, _ in attrs if name.startswith("on") or name == "style")


def test_nothing_that_a_client_chose_becomes_markup(client: TestClient, node: dict, administrator: dict):
    raw = XSS.encode()
    request = Request(raw, raw, headers=[(raw, raw), (b"Host", raw)], body=raw)
    hostile = make_hit(
        "x", request=request, ip=XSS, domain=XSS, path=XSS, parameter=XSS, node=XSS, payload=XSS,
        where=Where(process=XSS, pid=1, container=XSS, pod=XSS, namespace=XSS, node=XSS, host_ip=XSS),
        tls=Tls(XSS, XSS, XSS, XSS), findings=[Finding("xss", [[XSS, 1]], XSS, signals=[XSS])],
    )  # fmt: skip
    hostile.exchange.id, hostile.exchange.incomplete = XSS, [XSS]
    send(client, node, hostile)
    (attack,) = client.get("/v1/attacks", headers=administrator).json()["attacks"]
    login(client, ADMINISTRATOR_TOKEN)
    for query in ("", f"?attack={attack['id']}", f"?q={XSS}"):
        text = client.get(f"/attacks{query}").text
        tags = Tags()
        tags.feed(text)
        assert not {name for name in tags.found if "." in name}
        assert text.count("<script") == 3
        assert "<img src=x" not in text
        assert "22962963" not in text
