"""Secrets come from files or from the environment, never from a command line or a configuration file."""

from __future__ import annotations

import os
from pathlib import Path

from common_py.errors import CONFIGURATION, NO_INPUT, UserError


def read_file(path: Path) -> str:
    """The secret in ``path``, one printable ASCII line. Raises UserError, which never shows it."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read the secret in {path}: {error.strerror}.", exit_code=NO_INPUT) from error
    return _checked(text, f"The file {path}")


def read_environment(name: str) -> str:
    """The secret in the environment variable ``name``. Raises UserError when there is none."""
    return _checked(os.environ.get(name, "").encode("utf-8", "surrogateescape"), f"The environment variable {name}")


def _checked(raw: bytes, origin: str) -> str:
    secret = raw.strip()
    if not secret:
        raise UserError(f"{origin} holds no secret.", "Put the token there.", exit_code=CONFIGURATION)
    if not all(0x21 <= byte <= 0x7E for byte in secret):
        raise UserError(
            f"{origin} holds more than one line of printable ASCII.",
            "Put only the token there.",
            exit_code=CONFIGURATION,
        )
    return secret.decode("ascii")
