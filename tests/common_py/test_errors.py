"""Errors for people."""

from __future__ import annotations

from common_py.errors import CONFIGURATION, UserError


def test_an_error_reads_as_a_sentence_and_a_hint() -> None:
    error = UserError("The port is taken.", "Choose another one.", exit_code=CONFIGURATION)
    assert str(error) == "The port is taken. Choose another one."
    assert error.exit_code == 78
    assert str(UserError("Only this.")) == "Only this."
    assert UserError("Only this.").exit_code == 1
