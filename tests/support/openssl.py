"""What OpenSSL can and Python's ssl module does not offer, called on its own objects.

CPython keeps ``SSL_CTX *`` as the first field of a context and ``SSL *`` as the second field of an SSL object; the
functions below are called through the library that the ssl module itself has loaded.
"""

from __future__ import annotations

import _ssl
import ctypes
import ssl
from typing import Any

_library = ctypes.CDLL(_ssl.__file__)
_POINTER = ctypes.sizeof(ctypes.c_void_p)
_HEAD = object.__basicsize__


def _field(owner: Any, number: int) -> ctypes.c_void_p:
    return ctypes.c_void_p.from_address(id(owner) + _HEAD + number * _POINTER)


def set_ciphersuites(context: ssl.SSLContext, names: str) -> None:
    """Limit the TLS 1.3 suites of a context."""
    assert _library.SSL_CTX_set_ciphersuites(_field(context, 0), names.encode()) == 1


def update_keys(end: ssl.SSLObject, *, answer: bool) -> None:
    """Send a KeyUpdate with the next write; ``answer``: ask the other end for one."""
    assert _library.SSL_key_update(_field(end._sslobj, 1), int(answer)) == 1
