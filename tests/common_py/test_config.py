"""Configuration files: defaults, and one sentence for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from common_py import config
from common_py.errors import CONFIGURATION, NO_INPUT, UserError

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["host"],
    "properties": {
        "host": {"type": "string", "minLength": 1},
        "port": {"type": "integer", "default": 443, "minimum": 1, "maximum": 65535},
        "secret": {"type": "string", "pattern": "^[a-z]+$", "writeOnly": True, "default": "x"},
        "address": {"type": "string", "format": "ipv4", "default": "127.0.0.1"},
        "limits": {
            "type": "object",
            "default": {},
            "additionalProperties": False,
            "properties": {"mode": {"enum": ["a", "b"], "default": "a"}},
        },
        "seconds": {"type": "number", "default": 1, "minimum": 1, "maximum": 9},
        "tokens": {
            "type": "array",
            "default": [],
            "items": {"type": "object", "properties": {"value": {"type": "string", "writeOnly": True}}},
        },
        "numbers": {"type": "array", "default": [], "items": {"type": "integer"}},
    },
}


class Limits(msgspec.Struct):
    mode: str


class Settings(msgspec.Struct):
    host: str
    port: int
    secret: str
    address: str
    limits: Limits
    numbers: list[int]
    seconds: float = 1
    tokens: list[dict[str, str]] = []


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]  # a local function
    monkeypatch.setattr(config, "SCHEMA_DIRECTORY", tmp_path)
    (tmp_path / "own.schema.json").write_text(json.dumps(SCHEMA))

    def load(text: str | bytes) -> Settings:
        path = tmp_path / "own.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return config.load(path, "own", Settings)

    return load


def test_defaults_are_filled_in_at_every_depth(load: Any) -> None:
    assert load("host: a") == Settings("a", 443, "x", "127.0.0.1", Limits("a"), [])
    assert load('{"host": "a", "limits": {"mode": "b"}}').limits.mode == "b"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the document lacks the key 'host'."),
        ("host: a\nprot: 1", "the document has the unknown key 'prot'; known keys are address, host"),
        ("host: ''", 'host must not be empty (it is "").'),
        ("host: 5", "host must be of type string (it is 5)."),
        ("host: a\nport: 0", "port must be at least 1 (it is 0)."),
        ("host: a\nport: 65536", "port must be at most 65535 (it is 65536)."),
        ("host: a\naddress: 300.1.1.1", 'address must be a valid ipv4 (it is "300.1.1.1").'),
        ("host: a\nlimits: {mode: c}", 'limits.mode must be one of a, b (it is "c").'),
        ("host: a\nnumbers: [1, x]", 'numbers.1 must be of type integer (it is "x").'),
        ("- a", "the document must be of type object"),
        ("host: a\n1: b\nx: c", "the document has the unknown key 1, 'x'; known keys are address, host"),
        ("host: a\nport: 8.0", "Expected `int`, got `float` - at `$.port`."),
        ("host: a\nseconds: .nan", "has a .nan or .inf in it."),
        ("host: 2001-99-99", "is not valid YAML."),
        ("[" * 5000, "is not valid YAML."),
    ],
)
def test_a_wrong_value_is_one_sentence_with_its_path(load: Any, text: str, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        load(text)
    assert sentence in str(caught.value)
    assert caught.value.exit_code == CONFIGURATION


def test_a_secret_is_not_shown(load: Any) -> None:
    with pytest.raises(UserError) as caught:
        load("host: a\nsecret: S3CRET")
    assert "secret must match" in str(caught.value)
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "host: a\ntokens: {value: S3CRET}",
        "host: a\ntokens: S3CRET",
        "host: a\ntokens: [[S3CRET]]",
        "host: {secret: S3CRET}",
        "S3CRET",
    ],
)
def test_a_secret_in_the_wrong_place_is_not_shown_either(load: Any, text: str) -> None:
    with pytest.raises(UserError, match="must be of type") as caught:
        load(text)
    assert "S3CRET" not in str(caught.value)


def test_unreadable_files(load: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not valid YAML at line 1") as caught:
        load("host: [a")
    assert caught.value.exit_code == CONFIGURATION
    with pytest.raises(UserError, match="it is not UTF-8 text"):
        load(b"host: \xff")
    with pytest.raises(UserError, match="No such file or directory") as caught:
        config.load(tmp_path / "absent.yaml", "own", Settings)
    assert caught.value.exit_code == NO_INPUT


def test_a_damaged_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "SCHEMA_DIRECTORY", tmp_path)
    with pytest.raises(UserError, match="Install the project again"):
        config.read_schema("absent")
    (tmp_path / "broken.schema.json").write_text("{")
    with pytest.raises(UserError, match="Install the project again"):
        config.read_schema("broken")
