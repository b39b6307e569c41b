"""``python -m agent_py --config FILE``: the agent."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def interrupted(number: int, _frame: FrameType | None) -> None:
    """End at once, as long as nothing has begun that must be ended in good order.

    An exception could be raised anywhere here, also in a callback from libbpf, which would print it and go on. What the
    kernel holds for this process, and the workers, end with it.
    """
    os.write(sys.stderr.fileno(), b"Interrupted before the agent ran.\n")
    os._exit(128 + number)


def main() -> int:
    """Run the agent; the exit code is 0 after SIGTERM, and an error's own otherwise."""
    from agent_py import program

    return program.main()


if __name__ == "__main__":
    # Before the imports: they take longer than a hasty Ctrl-C.
    signal.signal(signal.SIGINT, interrupted)
    sys.exit(main())
