"""Secrets from files and from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from common_py import secret
from common_py.errors import UserError


def test_a_secret_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"
    path.write_text("abc-123\n")
    assert secret.read_file(path) == "abc-123"
    monkeypatch.setenv("OWN_TOKEN", " abc ")
    assert secret.read_environment("OWN_TOKEN") == "abc"


@pytest.mark.parametrize("content", [b"", b" \n", b"two\nlines", b"two words", b"caf\xc3\xa9", b"a\x00b"])
def test_what_is_none_is_said_without_showing_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"holds (no secret|more than one line of printable ASCII)") as caught:
        secret.read_file(path)
    for word in (b"two", b"caf"):
        assert word.decode() not in str(caught.value)


def test_an_absent_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"Cannot read the secret in .*absent: No such file"):
        secret.read_file(tmp_path / "absent")
    monkeypatch.delenv("OWN_TOKEN", raising=False)
    with pytest.raises(UserError, match="OWN_TOKEN holds no secret"):
        secret.read_environment("OWN_TOKEN")
