"""What the agent proves itself with and what it trusts: read while privileged, used after privileges are gone.

The contents are held, not the paths: a worker that became an unprivileged user cannot open the files any more. The
``ssl`` module takes a certificate chain from a file only, so it is handed an anonymous one (memfd_create(2)) through
/proc/self/fd, which a process may always open for its own descriptors.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from common_py.errors import CONFIGURATION, NO_INPUT, UserError


@dataclass(frozen=True, slots=True)
class Credentials:
    """PEM contents and the token. ``authority`` empty: the system's certificate authorities are trusted."""

    authority: bytes = b""
    certificate: bytes = field(default=b"", repr=False)
    """Client certificate chain; empty: none is shown."""
    key: bytes = field(default=b"", repr=False)
    token: str = field(default="", repr=False)
    """Value of the ``X-WallarmApi-Token`` field; empty: the field is not sent."""

    @classmethod
    def read(
        cls, authority: Path | None = None, certificate: Path | None = None, key: Path | None = None, token: str = ""
    ) -> Credentials:
        """Read the files. Raises UserError for one that cannot be read."""
        return cls(_read(authority), _read(certificate), _read(key), token)

    def context(self) -> ssl.SSLContext:
        """A client context, TLS 1.2 or newer, that verifies the server. Raises UserError for unusable contents."""
        try:
            context = ssl.create_default_context(cadata=self.authority.decode("ascii") or None)
        except (ssl.SSLError, UnicodeDecodeError) as error:
            raise UserError(
                "The certificate authority for the processing node is not a PEM certificate.",
                "Check the file that the agent's configuration names.",
                exit_code=CONFIGURATION,
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate:
            self._show_certificate(context)
        return context

    def _show_certificate(self, context: ssl.SSLContext) -> None:
        descriptor = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(self.certificate + b"\n" + self.key)
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        except ssl.SSLError as error:
            raise UserError(
                "The agent's client certificate and key do not fit together or are not PEM.",
                "Check the files that the agent's configuration names.",
                exit_code=CONFIGURATION,
            ) from error
        finally:
            os.close(descriptor)


def _read(path: Path | None) -> bytes:
    if path is None:
        return b""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.", exit_code=NO_INPUT) from error
