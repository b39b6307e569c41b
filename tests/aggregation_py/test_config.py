"""Aggregation's configuration file and where its token comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregation_py import config
from common_py.errors import UserError


def load(tmp_path: Path, text: str) -> config.AggregationConfig:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return config.load(path)


def test_defaults(tmp_path: Path) -> None:
    loaded = load(tmp_path, "api: {host: api.example}\n")
    assert loaded.api.url == "https://api.example:443"
    assert loaded.api.caVerify is True
    assert (loaded.stream_hits, loaded.export_batch_hits) == (10_000, 100)


def test_plain_http_and_ipv6(tmp_path: Path) -> None:
    loaded = load(tmp_path, 'api: {host: "::1", port: 8080, useSSL: false}\n')
    assert loaded.api.url == "http://[::1]:8080"


def test_the_token_comes_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(tmp_path, "api: {host: a}\n")
    monkeypatch.setenv("WALLARM_API_TOKEN", "from-environment")
    assert loaded.api.token() == "from-environment"
    monkeypatch.delenv("WALLARM_API_TOKEN")
    with pytest.raises(UserError, match="The environment variable WALLARM_API_TOKEN holds no secret"):
        loaded.api.token()
    path = tmp_path / "token"
    path.write_text("from-file\n")
    assert load(tmp_path, f"api: {{host: a, tokenFile: {path}}}\n").api.token() == "from-file"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "the document lacks the key 'api'"),
        ("api: {}", "api lacks the key 'host'"),
        ("api: {host: a, port: 0}", "api.port must be at least 1"),
        ("api: {host: a, token: s3cret}", "api has the unknown key 'token'"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        load(tmp_path, text)
    assert "s3cret" not in str(caught.value)
