"""bpf(2) for maps and tracepoints. Sizes and keys are the caller's: the kernel checks them against the map.

Numbers come from the kernel's stable interface (include/uapi/linux/bpf.h).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from struct import Struct

_NUMBERS = {"x86_64": 321, "aarch64": 280}
_libc = ctypes.CDLL(None, use_errno=True)


class Command(IntEnum):
    """``enum bpf_cmd``, as far as used."""

    MAP_CREATE = 0
    MAP_LOOKUP_ELEM = 1
    MAP_UPDATE_ELEM = 2
    MAP_DELETE_ELEM = 3
    MAP_GET_NEXT_KEY = 4
    RAW_TRACEPOINT_OPEN = 17


class MapType(IntEnum):
    """``enum bpf_map_type``, as far as used."""

    HASH = 1
    ARRAY = 2
    RINGBUF = 27


_CREATE = Struct("<IIIIIII16s")
_ELEMENT = Struct("<I4xQQQ")
_RAW_TRACEPOINT = Struct("<QI4x")


def bpf(command: Command, attributes: bytes) -> int:
    """Call bpf(2). Raises OSError."""
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    number = ctypes.c_long(_NUMBERS[platform.machine()])
    result: int = _libc.syscall(number, ctypes.c_int(command), buffer, ctypes.c_uint(len(attributes)))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def create_map(kind: MapType, key_size: int, value_size: int, entries: int, name: str, flags: int = 0) -> int:
    """Create a map; its descriptor, which is not inherited. Of ``name`` (letters, digits, _ and .) 15 bytes count."""
    packed = _CREATE.pack(kind, key_size, value_size, entries, flags, 0, 0, name.encode()[:15])
    return bpf(Command.MAP_CREATE, packed)


def _element(command: Command, map_fd: int, key: bytes | None, value: ctypes.Array[ctypes.c_char] | None) -> None:
    key_buffer = None if key is None else ctypes.create_string_buffer(key, len(key))
    key_address = ctypes.addressof(key_buffer) if key_buffer is not None else 0
    value_address = ctypes.addressof(value) if value is not None else 0
    bpf(command, _ELEMENT.pack(map_fd, key_address, value_address, 0))


def update(map_fd: int, key: bytes, value: bytes) -> None:
    """Set an entry. Raises OSError (E2BIG: the map is full)."""
    _element(Command.MAP_UPDATE_ELEM, map_fd, key, ctypes.create_string_buffer(value, len(value)))


def lookup(map_fd: int, key: bytes, value_size: int) -> bytes | None:
    """An entry's value, None when there is none.

    For a per-CPU map ``value_size`` counts the values of all possible CPUs, each rounded up to 8 bytes.
    """
    value = ctypes.create_string_buffer(value_size)
    try:
        _element(Command.MAP_LOOKUP_ELEM, map_fd, key, value)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return None
        raise
    return value.raw


def delete(map_fd: int, key: bytes) -> bool:
    """Remove an entry. False when there was none."""
    try:
        _element(Command.MAP_DELETE_ELEM, map_fd, key, None)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return False
        raise
    return True


def keys(map_fd: int, key_size: int) -> Iterator[bytes]:
    """All keys of a map. When an entry is removed meanwhile the kernel starts again: keys may come twice."""
    key: bytes | None = None
    following = ctypes.create_string_buffer(key_size)
    while True:
        try:
            _element(Command.MAP_GET_NEXT_KEY, map_fd, key, following)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return
            raise
        key = following.raw
        yield key


def attach_tracepoint(program_fd: int) -> int:
    """Attach a BTF-typed program (``tp_btf``) to its tracepoint; detached when the descriptor is closed.

    The kernel knows the tracepoint from loading the program. Raises OSError.
    """
    return bpf(Command.RAW_TRACEPOINT_OPEN, _RAW_TRACEPOINT.pack(0, program_fd))


def possible_cpus() -> int:
    """How many values a per-CPU map has per key."""
    ranges = Path("/sys/devices/system/cpu/possible").read_text(encoding="ascii").strip().split(",")
    return sum(int(last or first) - int(first) + 1 for first, _, last in (item.partition("-") for item in ranges))
