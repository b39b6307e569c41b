"""When to try again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_py.retry import Backoff, retry_after


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_a_part_of_a_bounded_exponential(attempt: int, u: float) -> None:
    backoff = Backoff(first=0.2, limit=30.0)
    assert 0.0 <= backoff.delay(attempt, u) <= min(30.0, 0.2 * 2.0 ** min(attempt, 40))


def test_the_bound_doubles_up_to_the_limit() -> None:
    assert [Backoff(1.0, 5.0).delay(attempt, 1.0) for attempt in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_the_delay_comes_on_top_of_what_the_server_asks_for() -> None:
    backoff = Backoff(1.0, 5.0)
    asked = [None, 0.0, 7.0, 7.0]
    assert [backoff.pause(seconds, attempt, 0.5) for attempt, seconds in enumerate(asked)] == [0.5, 1.0, 9.0, 9.5]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 60.0),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("Mon, 01 Jan 2020 00:00:00 +99999999999999", None),
        ("9" * 5000, float("inf")),
        ("1.5", None),
        ("²", None),
        ("", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, now=60.0) == seconds


@given(st.text(max_size=60))
def test_any_text_is_a_time_or_nothing(value: str) -> None:
    seconds = retry_after(value, now=0.0)
    assert seconds is None or seconds >= 0.0
