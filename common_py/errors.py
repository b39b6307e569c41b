"""Errors meant for people: one sentence, what to do, an exit code. Everything else is a bug."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend. ``message`` is one sentence; ``hint`` tells what to do.

    The exit code follows sysexits.h where it has a word: 64 usage, 66 no input, 69 unavailable, 70 an error of the
    product itself, 73 a file cannot be made, 77 no permission, 78 configuration.
    """

    def __init__(self, message: str, hint: str = "", *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


USAGE = 64
NO_INPUT = 66
UNAVAILABLE = 69
INTERNAL = 70
CANNOT_CREATE = 73
NO_PERMISSION = 77
CONFIGURATION = 78
