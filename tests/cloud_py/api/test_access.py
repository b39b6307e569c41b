from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from cloud_py.api.routes import ENDPOINTS, Endpoint

NAMES = [f"{item.method} {item.path}" for item in ENDPOINTS]


@pytest.fixture(params=ENDPOINTS, ids=NAMES)
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    found: Endpoint = request.param
    return found


def call(client: TestClient, endpoint: Endpoint, headers: dict[str, str], **more: object):
    return client.request(endpoint.method, endpoint.path.replace("{id}", "x"), headers=headers, **more)


def test_nothing_is_open(endpoint: Endpoint):
    assert endpoint.access in ("node", "administrator")


@pytest.mark.parametrize("token", [None, "", "wrong", "node-token-of-these-test", "\xff"])
def test_every_route_needs_a_token(client: TestClient, endpoint: Endpoint, token: str | None):
    headers = {} if token is None else {"X-WallarmApi-Token": token.encode("latin-1")}
    answer = call(client, endpoint, headers)
    assert answer.status_code == 401
    assert answer.json() == {"error": "A valid token is needed in the header X-WallarmApi-Token."}


def test_every_route_needs_its_role(client: TestClient, endpoint: Endpoint, node: dict, administrator: dict):
    wrong = administrator if endpoint.access == "node" else node
    answer = call(client, endpoint, wrong)
    assert answer.status_code == 403
    assert f"role {endpoint.access};" in answer.json()["error"]


def test_a_session_reads_but_never_writes(client: TestClient, endpoint: Endpoint, services):
    for token in ("node-token-of-these-tests", "administrator-token-of-these-tests"):
        digest = services.tokens.find(token).digest
        services.store.open_session(f"session of {token}", digest, services.clock() + 1)
    if endpoint.access == "node":
        client.cookies.set("oob_session", "session of node-token-of-these-tests")
        assert call(client, endpoint, {}).status_code == 401
    elif endpoint.path != "/v1/events":
        client.cookies.set("oob_session", "session of administrator-token-of-these-tests")
        assert call(client, endpoint, {}).status_code in (200, 404)


def test_a_session_ends_with_its_token_and_its_time(client: TestClient, services):
    services.store.open_session("gone", "digest of a token that is configured no more", services.clock() + 1)
    services.store.open_session(
        "old", services.tokens.find("administrator-token-of-these-tests").digest, services.clock()
    )
    for session in ("gone", "old", "never opened"):
        client.cookies.set("oob_session", session)
        assert client.get("/v1/attacks").status_code == 401


def test_health_needs_none_and_tells_no_secret(client: TestClient, node: dict, administrator: dict):
    client.get("/v1/attacks?q=secret-word", headers=administrator)
    assert client.get("/live").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"status": "ok", "problems": {}}
    text = client.get("/metrics").text
    assert 'wallarm_cloud_requests_total{route="/v1/attacks",status="200"} 1.0' in text
    for secret in (*node.values(), *administrator.values(), "secret-word"):
        assert secret not in text


def test_every_answer_carries_the_security_headers(client: TestClient, administrator: dict):
    for path in ("/live", "/v1/attacks", "/nope"):
        answer = client.get(path, headers=administrator)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
