"""``python -m cli_py`` is oobctl."""

from __future__ import annotations

from common_py import interrupt


def main() -> None:
    """Run oobctl and exit."""
    # Before the imports: they take longer than a hasty Ctrl-C.
    interrupt.end_at_once()
    from cli_py import main as oobctl

    oobctl.main()


if __name__ == "__main__":
    main()
