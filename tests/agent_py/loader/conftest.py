"""Captures in the kernel that end with the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from agent_py.loader.live import LiveSettings
from tests.agent_py.loader.capture import Capture

Start = Callable[..., Capture]


@pytest.fixture(scope="module")
def _shared() -> Iterator[Capture]:
    capture = Capture(LiveSettings(by_process=True, ring_bytes=1 << 21))
    yield capture
    capture.close()


@pytest.fixture
def capture(_shared: Capture) -> Capture:
    """By process, one ring of 2 MiB, shared by the tests of a module."""
    _shared.reset()
    return _shared


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a capture with settings; by process and with small rings unless told otherwise."""
    started: list[Capture] = []

    def begin(**settings: int) -> Capture:
        capture = Capture(LiveSettings(**({"by_process": True, "ring_bytes": 1 << 20} | settings)))  # type: ignore[arg-type]  # bool and int
        started.append(capture)
        return capture

    yield begin
    for capture in started:
        capture.close()
