"""The documents' picture of the console: ``python -m tests.console.picture [FILE]``, by default docs/console.png."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common_py.contracts import Finding, Hit, Point, Request, Where
from tests.cloud_py.samples import make_hit, running_cloud
from tests.console.browser import open_console


@dataclass(frozen=True, slots=True)
class Scene:
    """One attack of the picture: its latest hit ``ago`` seconds ago, one more every ``every`` seconds before."""

    type: str
    parameter: str
    point: Point
    payload: str
    request: Request
    path: str
    status: int
    ip: str
    hits: int
    ago: int
    every: int
    signals: tuple[str, ...]
    domain: str = "shop.example"


def request(method: str, target: str, body: str = "", agent: str = "Mozilla/5.0 (X11; Linux x86_64)") -> Request:
    """A request with the usual headers."""
    headers = [("Host", "shop.example"), ("User-Agent", agent), ("Accept", "*/*")]
    if body:
        kind = "application/json" if body.startswith("{") else "application/x-www-form-urlencoded"
        headers += [("Content-Type", kind), ("Content-Length", str(len(body)))]
    fields = [(name.encode(), value.encode()) for name, value in headers]
    return Request(method.encode(), target.encode(), headers=fields, body=body.encode(), body_size=len(body))


SCENES = (
    Scene("ptrav", "URI_value", [["uri"]], "/etc/passwd", request("GET", "/etc/passwd", agent="curl/8.5.0"),
          "/etc/passwd", 404, "198.51.100.23", 3, 20, 9, ("etc_passwd",)),
    Scene("sqli", "GET_id_value", [["get", "id"], ["percent"]], "1' UNION SELECT login,password FROM users-- ",
          request("GET", "/catalog?page=2&id=1%27%20UNION%20SELECT%20login%2Cpassword%20FROM%20users--%20"),
          "/catalog", 500, "203.0.113.77", 41, 2900, 47, ("union_select", "string_break", "comment_tail")),
    Scene("xss", "POST_FORM_URLENCODED_comment_value", [["post"], ["form_urlencoded", "comment"]],
          "<script>alert(1)</script>",
          request("POST", "/review", "product=17&stars=5&comment=%3Cscript%3Ealert(1)%3C%2Fscript%3E"),
          "/review", 200, "2001:db8::15", 7, 8200, 41, ("script_element",)),
    Scene("rce", "HEADER_USER-AGENT_value", [["header", "USER-AGENT"]], "() { :; }; /bin/cat /etc/shadow",
          request("GET", "/cgi-bin/status", agent="() { :; }; /bin/cat /etc/shadow"),
          "/cgi-bin/status", 403, "203.0.113.9", 12, 15100, 30, ("shellshock",), "ops.example"),
    Scene("ssrf", "POST_JSON_DOC_HASH_url_value", [["post"], ["json_doc"], ["hash", "url"]],
          "http://169.254.169.254/latest/meta-data/",
          request("POST", "/api/import", '{"url": "http://169.254.169.254/latest/meta-data/"}'),
          "/api/import", 201, "192.0.2.44", 2, 21000, 60, ("metadata_address",), "api.shop.example"),
    Scene("nosqli", "POST_JSON_DOC_HASH_password_value", [["post"], ["json_doc"], ["hash", "password"]],
          '{"$ne": null}', request("POST", "/api/login", '{"login": "admin", "password": {"$ne": null}}'),
          "/api/login", 401, "203.0.113.77", 19, 30500, 52, ("operator_ne",), "api.shop.example"),
    Scene("scanner", "URI_value", [["uri"]], "/.git/config", request("GET", "/.git/config"),
          "/.git/config", 404, "198.51.100.23", 88, 41000, 12, ("git_config",)),
    Scene("ssti", "GET_name_value", [["get", "name"]], "{{7*7}}", request("GET", "/hello?name=%7B%7B7*7%7D%7D"),
          "/hello", 200, "192.0.2.8", 1, 52000, 1, ("jinja_expression",)),
    Scene("xxe", "POST_XML_XML_DTD_ENTITY_0_value", [["post"], ["xml"], ["xml_dtd_entity", 0]],
          "file:///etc/hostname", request("POST", "/soap", '<!ENTITY x SYSTEM "file:///etc/hostname">'),
          "/soap", 400, "192.0.2.91", 4, 70000, 33, ("external_entity",), "api.shop.example"),
)  # fmt: skip


def hits(scene: Scene, now: float) -> Iterator[Hit]:
    """The hits of a scene."""
    pod = "shop-7d9c6b5f4-xk2pq" if scene.domain == "shop.example" else "gateway-5f6b8c9d7-m8w4z"
    for number in range(scene.hits):
        yield make_hit(
            f"{scene.type}-{number}",
            start=int((now - scene.ago - number * scene.every) * 1e9),
            type=scene.type,
            parameter=scene.parameter,
            findings=[Finding(scene.type, scene.point, scene.payload, signals=list(scene.signals))],
            request=scene.request,
            path=scene.path,
            domain=scene.domain,
            status=200 if number % 7 == 5 else scene.status,
            ip=scene.ip if number % 3 < 2 else f"198.51.100.{30 + number % 5}",
            where=Where("nginx", 4021, 4026532841, "nginx", pod, "shop", "worker-1", "10.0.0.11"),
        )


def main(path: Path) -> None:
    """Fill a cloud, open an attack, save the picture."""
    now = time.time()
    with tempfile.TemporaryDirectory() as directory, running_cloud(Path(directory)) as cloud:
        for scene in SCENES:
            cloud.send(*hits(scene, now))
        with open_console(cloud.address, width=1600, height=940) as console:
            console.page.locator("tr.row", has_text="/catalog").click()
            console.page.wait_for_selector("#hit")
            console.page.evaluate("document.activeElement.blur()")
            console.page.wait_for_timeout(500)
            console.page.screenshot(path=path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "docs" / "console.png")
