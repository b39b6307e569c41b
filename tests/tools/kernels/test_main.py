"""The command that fills the cache."""

from __future__ import annotations

import sys

import pytest

from common_py.errors import USAGE
from tools.kernels import __main__ as command


@pytest.mark.parametrize("arguments", [["--refesh"], ["--boot", "4.19"]])
def test_a_wrong_option_does_nothing(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["kernels", *arguments])
    with pytest.raises(SystemExit, match=str(USAGE)):
        command.main()
    assert arguments[-1] in capsys.readouterr().err
