"""``python -m demo``: the demonstration."""

from __future__ import annotations

import sys

from common_py import interrupt


def main() -> int:
    """Run the demonstration; the exit code is 0, or an error's own."""
    from demo import program

    return program.main()


if __name__ == "__main__":
    # Before the imports: they take longer than a hasty Ctrl-C.
    interrupt.end_at_once()
    sys.exit(main())
