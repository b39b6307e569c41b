"""Run one fuzz target for some seconds: ``python -m tests.fuzz.run NAME SECONDS``; a failure prints its input."""

from __future__ import annotations

import sys
import time

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import SNIPPETS, TARGETS, Target

TOKENS = [*SNIPPETS, b"\r\n", b"\n", b": ", b"Content-Length: ", b"HTTP/1.1 ", b"\xff", b"\x80\x3f", b"\x00\x10"]
inputs = st.lists(st.one_of(st.binary(max_size=80), st.sampled_from(TOKENS)), max_size=40).map(b"".join)


def fuzz(target: Target, examples: int) -> int:
    """Try ``target`` with that many inputs; how many were tried."""
    tried = 0

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def attempt(data: bytes) -> None:
        nonlocal tried
        tried += 1
        target(data)

    attempt()
    return tried


def main() -> None:
    """Command line."""
    if len(sys.argv) != 3 or sys.argv[1] not in TARGETS or not sys.argv[2].isdigit():
        print(f"usage: python -m tests.fuzz.run {{{','.join(TARGETS)}}} SECONDS", file=sys.stderr)
        sys.exit(64)
    tried, end = 0, time.monotonic() + int(sys.argv[2])
    while time.monotonic() < end:
        tried += fuzz(TARGETS[sys.argv[1]], 500)
    print(f"{sys.argv[1]}: {tried} inputs")


if __name__ == "__main__":
    main()
