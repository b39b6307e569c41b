from __future__ import annotations

import base64
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from cloud_py.api import errors
from tests.cloud_py.samples import SECOND, damage, make_hit


def send(client: TestClient, node: dict, *hits):
    return client.post("/v1/hits", content=msgspec.json.encode(list(hits)), headers=node)


def test_an_attack_is_told_with_all_that_is_known(client: TestClient, node: dict, administrator: dict):
    assert send(client, node, make_hit("a"), make_hit("b", at=2)).json() == {"stored": 2, "known": 0}
    (attack,) = client.get("/v1/attacks", headers=administrator).json()["attacks"]
    identifier = attack.pop("id")
    assert attack == {
        "type": "ptrav",
        "parameter": "URI_value",
        "domain": "shop.example",
        "path": "/etc/passwd",
        "first_time": "2027-01-15T08:00:00.000000Z",
        "last_time": "2027-01-15T08:00:02.000000Z",
        "hits": 2,
        "payload_count": 1,
        "source_count": 1,
        "sources": [{"value": "192.0.2.7", "hits": 2}],
        "status_codes": [{"value": "404", "hits": 2}],
        "payloads": [{"value": "/etc/passwd", "hits": 2}],
        "where": {"process": "nginx", "container": "", "pod": "", "namespace": "", "node": ""},
    }
    assert client.get(f"/v1/attacks/{identifier}", headers=administrator).json()["hits"] == 2


def test_a_hit_comes_back_as_it_was_sent(client: TestClient, node: dict, administrator: dict):
    hit = make_hit("a")
    hit.exchange.request.body = bytes(range(256))
    assert client.post("/v1/hits", content=msgspec.json.encode(hit), headers=node).json()["stored"] == 1
    stored = client.get("/v1/hits/a", headers=administrator).json()
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(stored["hit"])), type(hit), strict=True) == hit
    assert base64.b64decode(stored["hit"]["exchange"]["request"]["body"]) == bytes(range(256))
    page = client.get(f"/v1/attacks/{stored['attack_id']}/hits", headers=administrator).json()
    assert page == {"hits": [stored], "cursor": ""}


def test_pages_follow_the_cursor(client: TestClient, node: dict, administrator: dict):
    send(client, node, *[make_hit(f"h{n}", at=n, path=f"/{n}") for n in range(5)])
    seen, cursor = [], None
    while cursor != "":
        page = client.get("/v1/attacks", params={"limit": 2, "cursor": cursor or ""}, headers=administrator).json()
        assert len(page["attacks"]) <= 2
        seen += [attack["path"] for attack in page["attacks"]]
        cursor = page["cursor"]
    assert seen == ["/4", "/3", "/2", "/1", "/0"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("type=ptrav", 1),
        ("type=ptrav&type=sqli", 2),
        ("ip=198.51.100.9", 1),
        ("status=200", 1),
        ("domain=shop.example&path=/login", 1),
        ("text=union", 1),
        ("q=!sqli", 1),
        ("from=2027-01-15T08:00:05Z", 1),
        ("to=2027-01-15T08:00:05Z", 1),
        ("from=2027-01-15T09:00:10%2B01:00", 1),
        ("from=9999-12-31T23:59:59Z", 0),
        ("to=0001-01-01T00:00:00Z", 0),
    ],
)
def test_filters(client: TestClient, node: dict, administrator: dict, query: str, found: int):
    more = make_hit("b", at=10, type="sqli", ip="198.51.100.9", status=200, path="/login", payload="' UNION SELECT")
    send(client, node, make_hit("a"), more)
    assert len(client.get(f"/v1/attacks?{query}", headers=administrator).json()["attacks"]) == found
    assert client.get(f"/v1/statistics?{query}", headers=administrator).json()["attacks"] == found


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/v1/attacks?limit=0", "limit must be a number from 1 to 200."),
        ("/v1/attacks?limit=x", "limit must be a number from 1 to 200."),
        ("/v1/attacks?limit=²", "limit must be a number from 1 to 200."),
        ("/v1/attacks?cursor=x", "cursor is none that this server gave out; begin without one."),
        ("/v1/attacks?from=yesterday", "from must be a time such as 2026-01-31T12:00:00Z."),
        ("/v1/attacks?to=2026-01-31T12:00:00", "to must be a time such as 2026-01-31T12:00:00Z."),
        ("/v1/attacks?status=x", "statuscode:x is no status code; write 404, 400-499, 500+ or 399-."),
        ("/v1/attacks?tpye=sqli", "The parameter 'tpye' is not known; known are q, type,"),
        ("/v1/attacks?q=" + "a+" * 60, "The filter has 60 terms; at most 50 are taken."),
        ("/v1/attacks?" + "ip=a&" * 60, "The filter has 60 terms; at most 50 are taken."),
        ("/v1/attacks?path=/" + "a" * 60_000, "A term has 60001 characters; at most 2000 are taken."),
        ("/attacks/rows?cursor=x", "cursor is none that this server gave out; begin without one."),
        ("/attacks/rows?q=statuscode:x", "statuscode:x is no status code; write 404, 400-499, 500+ or 399-."),
        ("/v1/statistics?limit=1", "The parameter 'limit' is not known;"),
    ],
)
def test_a_bad_question_gets_a_sentence(client: TestClient, administrator: dict, path: str, sentence: str):
    answer = client.get(path, headers=administrator)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(sentence)


@pytest.mark.parametrize("path", ["/v1/attacks/x", "/v1/attacks/x/hits", "/v1/hits/x"])
def test_what_is_not_there_is_404(client: TestClient, administrator: dict, path: str):
    answer = client.get(path, headers=administrator)
    assert answer.status_code == 404
    assert answer.json()["error"].startswith("There is no ")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The body is not a hit or an array of hits: Input data was truncated"),
        (b"{", "The body is not a hit or an array of hits: "),
        (b"\xff", "The body is not a hit or an array of hits: "),
        (b"{}", "The body is not a hit or an array of hits: Object missing required field `id`"),
        (b"[1]", "The body is not a hit or an array of hits: Expected `object`, got `int` - at `$[0]`"),
        (b'{"unknown": ' + b"[" * 5000, "The body is not a hit or an array of hits: maximum recursion depth"),
        (b"[" * 5000, "The body is not a hit or an array of hits: "),
        (msgspec.json.encode([make_hit("no spaces")]), "hits.0.id must be 1 to 128 letters"),
    ],
)
def test_a_bad_body_gets_a_sentence_and_is_counted(client: TestClient, node: dict, body: bytes, sentence: str):
    answer = client.post("/v1/hits", content=body, headers=node)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(sentence)
    assert 'wallarm_cloud_hits_rejected_total{cause="content"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_the_limit_is_refused(client: TestClient, node: dict, chunked: bool):
    body = b" " * 100_001
    answer = client.post("/v1/hits", content=iter([body]) if chunked else body, headers=node)
    assert (answer.status_code, answer.json()["error"]) == (413, "The body must have at most 100000 bytes.")


def test_too_many_hits_are_refused(client: TestClient, node: dict, services):
    services.body_bytes = 10_000_000
    answer = send(client, node, *[make_hit(f"h{n}") for n in range(2001)])
    assert (answer.status_code, answer.json()["error"]) == (
        413,
        "The body has 2001 hits; at most 2000 are taken at once.",
    )


def test_unknown_addresses_and_methods_are_json(client: TestClient, administrator: dict):
    assert client.get("/v2/attacks").status_code == 404
    answer = client.delete("/v1/attacks", headers=administrator)
    assert answer.status_code == 405
    assert answer.json()["error"].startswith("Method Not Allowed: DELETE is not served")


def test_a_database_that_fails_is_503_and_comes_again(client: TestClient, administrator: dict, services, monkeypatch):
    def fail(*_args: object) -> None:
        raise sa.exc.OperationalError("SELECT secret", {}, OSError("disk"))

    monkeypatch.setattr(type(services.store), "attack_page", fail)
    answer = client.get("/v1/attacks", headers=administrator)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json() == {"error": "The database does not answer; try again."}


def test_a_damaged_database_is_503_and_a_sentence_in_the_log(
    client: TestClient, node: dict, administrator: dict, services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    logged: list[tuple[str, str]] = []
    recorder = SimpleNamespace(error=lambda sentence, *, reason: logged.append((sentence, reason)))
    monkeypatch.setattr(errors, "_log", recorder)
    send(client, node, make_hit("a"))
    services.store.close()
    damage(tmp_path / "cloud.sqlite3")
    for answer in (send(client, node, make_hit("b")), client.get("/v1/attacks", headers=administrator)):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        assert answer.json() == {"error": "The database is damaged; the server's log tells more."}
    sentence = "The database is damaged: restore its file from a copy, or move it away and start the cloud again."
    assert logged == [(sentence, "database disk image is malformed")] * 2


@pytest.mark.parametrize("error", [sa.exc.IntegrityError, sa.exc.ProgrammingError])
def test_a_wrong_statement_is_no_damage(client: TestClient, administrator: dict, services, monkeypatch, error):
    def fail(*_args: object) -> None:
        raise error("SELECT", {}, ValueError())

    monkeypatch.setattr(type(services.store), "attack_page", fail)
    assert client.get("/v1/attacks", headers=administrator).status_code == 500


def test_a_full_disk_is_503_and_counted_while_all_can_be_read(
    client: TestClient, node: dict, administrator: dict, services
):
    send(client, node, make_hit("a"))
    services.store._free_bytes = 1 << 60
    answer = send(client, node, make_hit("b"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "no hits are taken until there is more" in answer.json()["error"]
    assert client.get("/v1/statistics", headers=administrator).json()["hits"] == 1
    assert 'wallarm_cloud_hits_rejected_total{cause="disk"} 1.0' in client.get("/metrics").text
    services.store._free_bytes = 1
    assert send(client, node, make_hit("b")).json() == {"stored": 1, "known": 0}


def test_nodes_are_told(client: TestClient, node: dict, administrator: dict):
    send(client, node, make_hit("a"), make_hit("b", node="node-2"), make_hit("c", node=""))
    nodes = client.get("/v1/nodes", headers=administrator).json()["nodes"]
    assert [(item["name"], item["hits"]) for item in nodes] == [("node-1", 1), ("node-2", 1)]
    assert nodes[0]["first_seen"] == "2027-01-15T08:00:00.000000Z"


def test_counts_reach_the_metrics(client: TestClient, node: dict, services):
    send(client, node, make_hit("a"))
    send(client, node, make_hit("a"))
    text = client.get("/metrics").text
    assert "wallarm_cloud_hits_stored_total 1.0" in text
    assert "wallarm_cloud_hits_known_total 1.0" in text
    assert "wallarm_cloud_hits 1.0" in text
    assert services.store.retain(services.clock() + 10**7 * SECOND) == 1


def test_a_failure_is_counted_as_the_500_that_it_is(client: TestClient, administrator: dict, services, monkeypatch):
    def fail(*_args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(type(services.store), "attack_page", fail)
    answer = client.get("/v1/attacks", headers=administrator)
    assert (answer.status_code, answer.json()) == (500, {"error": "Internal error; the server's log tells more."})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none';")
    assert 'wallarm_cloud_requests_total{route="/v1/attacks",status="500"} 1.0' in client.get("/metrics").text
