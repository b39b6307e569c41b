"""Each target, briefly; run them longer with ``python -m tests.fuzz.run NAME SECONDS``."""

from __future__ import annotations

import pytest

from tests.fuzz.run import fuzz
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_target(name: str) -> None:
    assert fuzz(TARGETS[name], 150) >= 100
