"""The cloud's answers and what they mean."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from aggregation_py.export.cloud import Cloud, Verdict, context, encoded, judge
from common_py.contracts import Finding, Hit
from common_py.errors import UserError
from tests.support.exchanges import exchange
from tests.support.pki import issue
from tests.support.scripted import Answer, Scripted, server_context


def hit(number: int) -> Hit:
    item = exchange(number, b"/\xff")
    return Hit(f"{number:032x}", "ptrav", "URI_value", [Finding("ptrav", [["uri"]], "x")], "a.example", "/", item)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.TAKEN),
        (201, Verdict.TAKEN),
        (400, Verdict.REFUSED),
        (413, Verdict.REFUSED),
        (422, Verdict.REFUSED),
        (401, Verdict.LATER),
        (403, Verdict.LATER),
        (404, Verdict.LATER),
        (302, Verdict.LATER),
        (429, Verdict.LATER),
        (503, Verdict.LATER),
    ],
)
def test_verdicts(status: int, verdict: Verdict) -> None:
    assert judge(status, None, 0.0).verdict is verdict


def test_retry_after_is_read() -> None:
    assert judge(503, "12", 0.0).pause == 12.0
    assert judge(429, "Thu, 01 Jan 1970 00:01:00 GMT", 10.0).pause == 50.0
    assert judge(503, "soon", 0.0).pause is None


def test_hits_arrive_as_one_json_array_with_the_token(tmp_path: Path) -> None:
    files = issue(tmp_path)
    with Scripted(tls=server_context(str(files.certificate), str(files.key))) as server:
        cloud = Cloud(server.url, "node-token", context(str(files.authority), True), 10)
        assert cloud.post(encoded([hit(1), hit(2)])).verdict is Verdict.TAKEN
        cloud.close()
    (seen,) = server.seen
    assert seen.path == "/v1/hits"
    assert seen.headers["X-WallarmApi-Token"] == "node-token"
    assert msgspec.json.decode(seen.body, type=list[Hit]) == [hit(1), hit(2)]


def test_a_cloud_that_is_not_there_is_for_later() -> None:
    with Scripted() as server:
        url = server.url
    outcome = Cloud(url, "t", None, 10).post([b"{}"])
    assert outcome.verdict is Verdict.LATER
    assert outcome.pause is None


def test_certificates_are_verified_unless_it_is_turned_off(tmp_path: Path) -> None:
    files = issue(tmp_path, "elsewhere.example")
    with Scripted([Answer(200)], tls=server_context(str(files.certificate), str(files.key))) as server:
        strict = Cloud(server.url, "t", context(str(files.authority), True), 10)
        assert strict.post([b"{}"]).verdict is Verdict.LATER
        assert server.seen == []
        assert Cloud(server.url, "t", context("", False), 10).post([b"{}"]).verdict is Verdict.TAKEN


def test_an_unreadable_authority_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Cannot use api\.caFile .*absent"):
        context(str(tmp_path / "absent"), True)
