"""When to try again: exponential backoff with full jitter, behind what the server asks for (Retry-After). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Backoff:
    """``delay(attempt, u)`` grows from ``first`` to ``limit`` seconds; ``u`` in [0, 1) is the caller's random number.

    Full jitter (a uniform pick below the exponential bound) keeps many clients from coming back at the same moment.
    """

    first: float = 0.2
    limit: float = 30.0

    def delay(self, attempt: int, u: float) -> float:
        """Seconds to wait before try number ``attempt`` + 1; ``attempt`` counts from 0."""
        return float(min(self.limit, self.first * 2.0 ** min(attempt, 30)) * u)

    def pause(self, asked: float | None, attempt: int, u: float) -> float:
        """Seconds to wait when the server asked for ``asked`` (None: for nothing): the delay comes on top.

        So clients that were told the same moment do not come back together, and "0", or a date that has passed by our
        clock, is no leave to ask without end.
        """
        return (asked or 0.0) + self.delay(attempt, u)


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a Retry-After field asks for (RFC 9110 §10.2.3: delta-seconds or an HTTP-date), or None.

    ``now`` is the Unix time in seconds. A malformed value is ignored, as the RFC leaves to the client.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, moment - now)
