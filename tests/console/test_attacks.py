"""The page *Attacks* in a real browser, over the real cloud."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, Route, expect

from common_py.contracts import Finding, Request, Tls, Where
from tests.cloud_py.samples import ADMINISTRATOR_TOKEN, Cloud, make_hit
from tests.console.browser import Console, open_console

pytestmark = pytest.mark.page

XSS = '"><script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>'


def fresh(identifier: str, ago: float = 0.0, **change):
    """A hit of just now."""
    return make_hit(identifier, start=time.time_ns() - int(ago * 1e9), **change)


def test_a_login_link_leaves_no_token_behind(cloud: Cloud, console: Console):
    page = console.page
    assert page.url == f"{cloud.address}/attacks"
    page.go_back()
    assert ADMINISTRATOR_TOKEN not in page.url
    assert not [url for url in console.requests if ADMINISTRATOR_TOKEN in url]
    assert ADMINISTRATOR_TOKEN not in cloud.log.read_text()
    page.goto(f"{cloud.address}/attacks")
    assert ADMINISTRATOR_TOKEN not in page.content()
    assert page.evaluate("document.cookie") == ""
    page.click("text=Log out")
    page.wait_for_url("**/login")
    page.goto(f"{cloud.address}/attacks")
    assert page.url == f"{cloud.address}/login?next=%2Fattacks"


def test_an_attack_appears_by_itself_and_is_opened(cloud: Cloud, console: Console):
    page = console.page
    page.wait_for_selector("text=No attacks yet")
    begin = time.monotonic()
    cloud.send(fresh("a"))
    row = page.wait_for_selector("tr.row")
    assert time.monotonic() - begin < 3
    text = row.inner_text()
    for expected in ("now", "Path traversal", "192.0.2.7", "shop.example", "/etc/passwd", "404", "URI_value", "nginx"):
        assert expected in text
    row.click()
    drawer = page.wait_for_selector(".drawer")
    assert page.locator("#raw mark").inner_text() == "/etc/passwd"
    assert page.locator("#raw").inner_text().startswith("GET /etc/passwd HTTP/1.1\nHost: shop.example:8443\n")
    text = drawer.inner_text()
    for expected in ("TLS_AES_256_GCM_SHA384", "4026531841", "4242", "1.5 ms", "153 B", "node-1"):
        assert expected in text
    assert "attack=" in page.url


def test_more_hits_and_attacks_arrive_while_one_is_open(cloud: Cloud, console: Console):
    page = console.page
    cloud.send(fresh("a", ago=10))
    page.click("tr.row")
    page.wait_for_selector("#hit")
    cloud.send(fresh("b"), fresh("c", type="sqli", path="/login", payload="1 or 1=1"))
    page.wait_for_selector("tr.row.fresh >> text=SQL injection")
    expect(page.locator("tr.row.open")).to_have_count(1)
    page.click(".fresh-hits")
    expect(page.locator("tr.hit")).to_have_count(2)
    assert page.locator("tr.hit.open").get_attribute("data-hit") == "b"


def test_nothing_that_a_client_chose_runs(cloud: Cloud, console: Console):
    page = console.page
    raw = XSS.encode()
    request = Request(b"GET", raw, headers=[(raw, raw), (b"Host", raw)], body=raw + b"\x00\x1b[31m\xe2\x80\xae")
    cloud.send(
        fresh(
            "x", request=request, ip=XSS, domain=XSS, path=XSS, parameter=XSS, node=XSS, payload=XSS,
            where=Where(process=XSS, pid=1, container=XSS, pod=XSS, namespace=XSS, node=XSS, host_ip=XSS),
            tls=Tls(XSS, XSS, XSS, XSS), findings=[Finding("xss", [[XSS, 1]], XSS, signals=[XSS])],
        )
    )  # fmt: skip
    page.click("tr.row")
    page.wait_for_selector("#hit")
    shown = page.locator("#raw").inner_text()
    assert shown.count(XSS) == 5
    assert "␀␛[31m\\u{202e}" in shown
    assert page.locator("#raw mark").first.inner_text() == XSS
    page.keyboard.press("Escape")
    page.click(".statistic a[data-field=ip]")
    expect(page.locator("#q")).to_have_value(re.compile("^ip:"))
    page.reload()
    page.wait_for_selector("#live[data-state=on]")
    assert page.evaluate("document.scripts.length") == 3
    assert page.evaluate("document.querySelectorAll('img[src=x], svg[onload]').length") == 0


def test_filters_statistics_and_range(cloud: Cloud, console: Console):
    page = console.page
    cloud.send(
        fresh("a"),
        fresh("b", type="sqli", path="/login", status=500, ip="198.51.100.9", payload="1 or 1=1"),
        fresh("old", ago=3 * 86400, type="rce", path="/old"),
    )
    rows = page.locator("tr.row")
    page.wait_for_selector("tr.row >> text=SQL injection")
    assert rows.count() == 2
    page.click(".statistic a >> text=500")
    expect(page.locator("tr.row")).to_have_count(1)
    expect(page.locator("#q")).to_have_value("statuscode:500")
    assert page.url.endswith("/attacks?q=statuscode%3A500")
    page.click(".statistic a.chosen")
    expect(page.locator("tr.row")).to_have_count(2)
    page.keyboard.press("/")
    page.keyboard.type("!sqli")
    page.keyboard.press("Enter")
    expect(page.locator("tr.row")).to_have_count(1)
    assert "/etc/passwd" in rows.first.inner_text()
    page.fill("#q", "")
    page.select_option("#range", "7d")
    expect(page.locator("tr.row")).to_have_count(3)
    page.go_back()
    expect(page.locator("tr.row")).to_have_count(1)
    expect(page.locator("#q")).to_have_value("!sqli")
    page.fill("#q", "statuscode:x")
    page.click("#filter button")
    page.wait_for_selector("text=is no status code")


def test_the_keyboard_is_enough(cloud: Cloud, console: Console):
    page = console.page
    cloud.send(fresh("a", ago=5), fresh("a2", ago=4), fresh("b", type="sqli", path="/login"))
    page.wait_for_selector("tr.row >> text=Path traversal")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("#hit")
    assert page.locator(".drawer h2").inner_text() == "Path traversal"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("#hit[data-hit=a]")
    page.keyboard.press("Escape")
    page.wait_for_selector(".drawer", state="detached")
    assert "attack=" not in page.url
    assert page.evaluate("document.activeElement.dataset.attack") == page.locator("tr.row").nth(1).get_attribute(
        "data-attack"
    )


def test_a_permalink_opens_the_same_hit_after_a_login(cloud: Cloud, console: Console):
    page = console.page
    cloud.send(fresh("a", ago=5), fresh("b"))
    page.click("tr.row")
    page.click("tr.hit >> nth=1")
    page.wait_for_selector("#hit[data-hit=a]")
    link = page.locator("#permalink").evaluate("element => element.href")
    console.context.clear_cookies()
    page.goto(link)
    page.fill("#token", ADMINISTRATOR_TOKEN)
    page.click("text=Log in >> nth=-1")
    page.wait_for_selector("#hit[data-hit=a]")


def test_copying_and_export(cloud: Cloud, console: Console):
    page = console.page
    console.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=cloud.address)
    cloud.send(fresh("a"))
    page.click("tr.row")
    page.click("text=Copy as cURL")
    page.wait_for_selector("text=Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("curl --include --path-as-is")
    with page.expect_download() as download:
        page.click("a.button >> text=JSON")
    assert download.value.suggested_filename == "hit-a.json"
    assert '"id":"a"' in download.value.path().read_text()


def test_dark_follows_the_system_until_it_is_chosen(cloud: Cloud):
    ground = "getComputedStyle(document.body).backgroundColor"
    with open_console(cloud.address, dark=True) as console:
        dark = console.page.evaluate(ground)
        console.page.click("#theme")
        light = console.page.evaluate(ground)
        console.page.reload()
        assert console.page.evaluate(ground) == light
        console.page.wait_for_selector("#live[data-state=on]")

    def brightness(colour: str) -> int:
        return sum(int(number) for number in re.findall(r"\d+", colour)[:3])

    assert brightness(dark) < 120
    assert brightness(light) > 600


def test_a_phone_needs_no_sideways_scrolling(cloud: Cloud):
    """Beside the tables, which scroll in themselves."""
    long = "unbroken" * 40
    where = Where(process="nginx", pid=1, container=long, pod=long, namespace=long)
    finding = Finding("ptrav", [["get", long]], long, signals=[long])
    cloud.send(fresh("a", path=f"/{long}", parameter=f"GET_{long}_value", where=where, findings=[finding]))
    with open_console(cloud.address, width=390, height=844) as console:
        page = console.page
        page.click("tr.row td")
        page.wait_for_selector("#hit")
        for selector in ("html", ".drawer"):
            assert page.locator(selector).evaluate("element => element.scrollWidth - element.clientWidth") <= 0


def test_live_rows_go_on_coming_and_never_shorten_a_long_list(cloud: Cloud, console: Console):
    page = console.page
    rows = page.locator("tr.row")
    for count in (1, 2, 3):
        cloud.send(fresh(f"live{count}", path=f"/live/{count}"))
        expect(rows).to_have_count(count)
    cloud.send(*[fresh(f"h{n}", ago=60 + n, path=f"/{n}") for n in range(60)])
    expect(rows).to_have_count(50)
    page.click("text=Older attacks")
    expect(rows).to_have_count(63)
    cloud.send(fresh("newest", path="/newest"))
    page.wait_for_selector(".fresh-attacks")
    expect(rows).to_have_count(63)
    page.click(".fresh-attacks")
    expect(rows.first).to_contain_text("/newest")


def test_a_refresh_leaves_alone_what_is_being_written(cloud: Cloud, console: Console):
    page = console.page
    cloud.send(fresh("a"))
    page.wait_for_selector("tr.row")
    page.click("#q")
    page.keyboard.type("!sqli ip:")
    cloud.send(fresh("b", path="/b"))
    expect(page.locator("tr.row")).to_have_count(2)
    page.keyboard.type("192.0.2.*")
    page.keyboard.press("Enter")
    page.wait_for_url("**/attacks?q=%21sqli+ip%3A192.0.2.*")
    expect(page.locator("#q")).to_have_value("!sqli ip:192.0.2.*")


def test_a_late_refresh_does_not_bring_the_filter_before_back(cloud: Cloud, console: Console):
    page = console.page
    cloud.send(fresh("a"), fresh("b", type="sqli", path="/login"))
    expect(page.locator("tr.row")).to_have_count(2)
    held: list[Route] = []
    page.route("**/attacks/list?*live=1", lambda route: held.append(route))
    with page.expect_request("**/attacks/list?*live=1"):
        cloud.send(fresh("c"))
    page.fill("#q", "sqli")
    page.keyboard.press("Enter")
    expect(page.locator("tr.row")).to_have_count(1)
    with page.expect_response("**/attacks/list?*live=1"):
        held[0].continue_()
    page.unroute("**/attacks/list?*live=1")
    cloud.send(fresh("d", type="sqli", path="/other"))
    page.wait_for_selector("tr.row >> text=/other")
    expect(page.locator("tr.row")).to_have_count(2)
    expect(page.locator("#q")).to_have_value("sqli")


def hide(page: Page, hidden: bool) -> None:
    """Headless tabs are all visible: have the page think that it is not looked at, or is again."""
    page.evaluate("hidden => Object.defineProperty(document, 'hidden', {value: hidden, configurable: true})", hidden)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_tabs_in_the_background_keep_no_connection_from_others(cloud: Cloud, console: Console):
    """Six connections to a host are all that browsers open over HTTP/1.1."""
    first = console.page
    hide(first, True)
    for _ in range(6):
        page = console.context.new_page()
        page.goto(f"{cloud.address}/attacks")
        page.wait_for_selector("#live[data-state=on]")
        hide(page, True)
    cloud.send(fresh("a"))
    hide(first, False)
    first.wait_for_selector("#live[data-state=on]")
    first.wait_for_selector("tr.row")
    cloud.send(fresh("b", path="/b"))
    expect(first.locator("tr.row")).to_have_count(2)


def test_hits_that_came_while_nobody_looked_are_offered(cloud: Cloud, console: Console):
    page = console.page
    cloud.send(fresh("a", ago=10))
    page.click("tr.row")
    page.wait_for_selector("#hit")
    hide(page, True)
    cloud.send(fresh("b"))
    expect(page.locator("#live")).to_have_text("paused")
    hide(page, False)
    page.click(".fresh-hits")
    expect(page.locator("tr.hit")).to_have_count(2)
    expect(page.locator(".fresh-hits")).to_be_hidden()


def test_live_comes_back_after_a_refusal_and_leads_to_the_login_after_the_session(cloud: Cloud, console: Console):
    """Browsers try again after a broken connection, never after an answer that is no stream of events."""
    page = console.page
    page.route("**/v1/events", lambda route: route.fulfill(status=503))
    page.reload()
    page.wait_for_selector("#live[data-state=lost]")
    page.unroute("**/v1/events")
    page.wait_for_selector("#live[data-state=on]", timeout=10_000)

    page.route("**/v1/events", lambda route: route.fulfill(status=401))
    page.reload()
    page.wait_for_selector("#live[data-state=lost]")
    page.context.request.post(f"{cloud.address}/logout")
    page.wait_for_url("**/login?next=%2Fattacks", timeout=10_000)
    assert {"503" in said or "401" in said for said in console.misdeeds} == {True}
    console.misdeeds.clear()
