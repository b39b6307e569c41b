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
_ALLOW_CLIENT_RENEGOTIATION = 1 << 8
"""SSL_OP_ALLOW_CLIENT_RENEGOTIATION."""
_NO_ANTI_REPLAY = 1 << 24
"""SSL_OP_NO_ANTI_REPLAY."""
_EARLY_DATA_SUCCESS = 1
"""SSL_READ_EARLY_DATA_SUCCESS."""
_EARLY_DATA_ACCEPTED = 2
"""SSL_EARLY_DATA_ACCEPTED."""


def _field(owner: Any, number: int) -> ctypes.c_void_p:
    return ctypes.c_void_p.from_address(id(owner) + _HEAD + number * _POINTER)


def set_ciphersuites(context: ssl.SSLContext, names: str) -> None:
    """Limit the TLS 1.3 suites of a context."""
    assert _library.SSL_CTX_set_ciphersuites(_field(context, 0), names.encode()) == 1


def update_keys(end: ssl.SSLObject, *, answer: bool) -> None:
    """Send a KeyUpdate with the next write; ``answer``: ask the other end for one."""
    assert _library.SSL_key_update(_field(end._sslobj, 1), int(answer)) == 1


def allow_early_data(context: ssl.SSLContext, size: int) -> None:
    """The tickets of a server context permit ``size`` bytes of early data; no cache remembers them."""
    context.options |= _NO_ANTI_REPLAY
    assert _library.SSL_CTX_set_max_early_data(_field(context, 0), size) == 1


def write_early_data(end: ssl.SSLObject, data: bytes) -> None:
    """Send early data: of the client with its ClientHello, of the server before the client's Finished."""
    written = ctypes.c_size_t()
    result = _library.SSL_write_early_data(
        _field(end._sslobj, 1), data, ctypes.c_size_t(len(data)), ctypes.byref(written)
    )
    assert (result, written.value) == (1, len(data))


def read_early_data(server: ssl.SSLObject) -> bytes:
    """Take the early data that has reached the server; begins its handshake."""
    data, buffer, size = b"", ctypes.create_string_buffer(65536), ctypes.c_size_t()
    arguments = (_field(server._sslobj, 1), buffer, ctypes.c_size_t(len(buffer)), ctypes.byref(size))
    while _library.SSL_read_early_data(*arguments) == _EARLY_DATA_SUCCESS:
        data += buffer.raw[: size.value]
    return data


def early_data_accepted(end: ssl.SSLObject) -> bool:
    """Whether the server took the early data."""
    return _library.SSL_get_early_data_status(_field(end._sslobj, 1)) == _EARLY_DATA_ACCEPTED


def allow_renegotiation(server: ssl.SSLContext) -> None:
    """Let clients begin a new handshake of TLS 1.2."""
    server.options |= _ALLOW_CLIENT_RENEGOTIATION


def renegotiate(end: ssl.SSLObject) -> None:
    """Begin a new handshake of TLS 1.2 with the next read or write."""
    assert _library.SSL_renegotiate(_field(end._sslobj, 1)) == 1
