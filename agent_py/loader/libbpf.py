"""A thin typed binding of the libbpf functions that the loader needs; they are the same from libbpf 0.5 to 1.x.

libbpf opens an object, relocates it to the running kernel (CO-RE) and loads its programs; attaching is done with
perf events (perf.py). Objects are plain addresses here, wrapped by ``Object``. libbpf's messages, which include the
verifier's log, are kept and become part of the error text.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import TracebackType

from common_py.errors import NO_INPUT, NO_PERMISSION, UNAVAILABLE, UserError

PERMISSION_HINT = "Run it as root, or with CAP_BPF and CAP_PERFMON. Before Linux 5.11 it also needs CAP_SYS_RESOURCE."

_PRINT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_WARN = 0
_KEPT_LINES = 400
"""Lines of libbpf's messages that are kept; the verifier's verdict is at the end."""
_KEPT_BYTES = 1 << 16
"""End of one message that is kept: the verifier's log is one, of many megabytes when it went far."""
_ARGUMENT_LIST = {"x86_64": 24, "aarch64": 32}
"""Bytes of a C va_list; its address is what a callback gets (System V psABI 3.5.7, AAPCS64 appendix B)."""
_END_OF_VERDICT = "END PROG LOAD LOG"

_SIGNATURES: Mapping[str, tuple[object, list[object]]] = {
    "bpf_object__open_file": (ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_void_p]),
    "bpf_object__load": (ctypes.c_int, [ctypes.c_void_p]),
    "bpf_object__close": (None, [ctypes.c_void_p]),
    "bpf_object__find_map_by_name": (ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]),
    "bpf_object__find_program_by_name": (ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]),
    "bpf_program__fd": (ctypes.c_int, [ctypes.c_void_p]),
    "bpf_map__fd": (ctypes.c_int, [ctypes.c_void_p]),
    "bpf_map__reuse_fd": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_int]),
    "bpf_map__set_max_entries": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_uint32]),
    "bpf_map__set_initial_value": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
    "libbpf_get_error": (ctypes.c_long, [ctypes.c_void_p]),
    "libbpf_set_print": (ctypes.c_void_p, [_PRINT]),
}


class Library:
    """libbpf with typed functions and a log."""

    def __init__(self) -> None:
        self.functions = _open_library()
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self.functions, name)
            function.restype, function.argtypes = result, arguments
        self.log: list[str] = []
        self._format = ctypes.CDLL(None).vsnprintf
        self._format.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_void_p]
        self._callback = _PRINT(self._print)
        """Referenced for as long as libbpf may call it."""
        self.functions.libbpf_set_print(self._callback)

    def _print(self, level: int, form: bytes, arguments: int) -> int:
        if level == _WARN:
            message = self._formatted(form, arguments)[-_KEPT_BYTES:]
            self.log.extend(message.decode("utf-8", "replace").splitlines())
            del self.log[:-_KEPT_LINES]
        return 0

    def _formatted(self, form: bytes, arguments: int) -> bytes:
        """The whole message: its length first, for which the list of arguments is walked twice."""
        unread = ctypes.string_at(arguments, _ARGUMENT_LIST[platform.machine()])
        size = self._format(None, 0, form, arguments)
        ctypes.memmove(arguments, unread, len(unread))
        buffer = ctypes.create_string_buffer(size + 1)
        self._format(buffer, len(buffer), form, arguments)
        return buffer.value


def _open_library() -> ctypes.CDLL:
    for name in ("libbpf.so.1", "libbpf.so.0"):
        try:
            return ctypes.CDLL(name, use_errno=True)
        except OSError:
            continue
    raise UserError("libbpf is not installed.", "Install it: apt-get install libbpf1", exit_code=UNAVAILABLE)


@cache
def library() -> Library:
    """libbpf, opened once. Raises UserError when it is not installed."""
    return Library()


class Object:
    """One compiled object: opened, set up, loaded, closed. Not loaded objects accept settings, loaded ones give fds."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise UserError(f"The BPF object {path.name} is not compiled.", "Run: make bpf", exit_code=NO_INPUT)
        self._name = path.name
        self._library = library()
        self._library.log.clear()
        self._functions = self._library.functions
        pointer = self._functions.bpf_object__open_file(os.fsencode(path), None)
        self._pointer: int | None = self._valid(pointer, f"open {self._name}")

    def _valid(self, pointer: int | None, action: str) -> int:
        error = self._functions.libbpf_get_error(pointer)
        if error or not pointer:
            raise self._failure(int(error), action)
        return pointer

    def _check(self, error: int, action: str) -> None:
        if error:
            raise self._failure(error, action)

    def _failure(self, error: int, action: str) -> UserError:
        reason = os.strerror(-error) if -4096 < error < 0 else "not found"
        log = "\n".join(self._library.log)
        if -error in (1, 13) and _END_OF_VERDICT not in log:
            sentence = f"The kernel does not let libbpf {action}: {reason}."
            return UserError(sentence, PERMISSION_HINT, exit_code=NO_PERMISSION)
        return UserError(f"libbpf cannot {action}: {reason}.", log, exit_code=UNAVAILABLE)

    def _map(self, name: str) -> int:
        return self._valid(self._functions.bpf_object__find_map_by_name(self._pointer, name.encode()), f"find {name}")

    def set_constants(self, value: bytes) -> None:
        """Set the object's constants, its whole section ``.rodata``."""
        # Before libbpf 0.7 maps of sections were named after the object, whose name was cut to 8 bytes.
        names = (b".rodata", f"{self._name.partition('.')[0][:8]}.rodata".encode())
        for name in names:
            pointer = self._functions.bpf_object__find_map_by_name(self._pointer, name)
            if pointer and not self._functions.libbpf_get_error(pointer):
                error = self._functions.bpf_map__set_initial_value(pointer, value, len(value))
                return self._check(error, f"set the constants of {self._name}")
        raise UserError(f"{self._name} has no constants.", "Compile it again: make bpf", exit_code=UNAVAILABLE)

    def set_entries(self, name: str, entries: int) -> None:
        """Set the size of a map."""
        self._check(self._functions.bpf_map__set_max_entries(self._map(name), entries), f"size the map {name}")

    def use_map(self, name: str, map_fd: int) -> None:
        """Have the object use an existing map instead of making its own, when it has a map of that name."""
        pointer = self._functions.bpf_object__find_map_by_name(self._pointer, name.encode())
        if pointer and not self._functions.libbpf_get_error(pointer):
            self._check(self._functions.bpf_map__reuse_fd(pointer, map_fd), f"share the map {name}")

    def load(self) -> None:
        """Relocate the programs, make the maps, have the verifier check everything."""
        self._check(self._functions.bpf_object__load(self._pointer), f"load {self._name}")

    def map_fd(self, name: str) -> int:
        """Descriptor of a map; it belongs to the object."""
        return int(self._functions.bpf_map__fd(self._map(name)))

    def program_fd(self, name: str) -> int:
        """Descriptor of a program; it belongs to the object."""
        pointer = self._functions.bpf_object__find_program_by_name(self._pointer, name.encode())
        return int(self._functions.bpf_program__fd(self._valid(pointer, f"find {name}")))

    def close(self) -> None:
        """Close the object with its descriptors; twice does no harm."""
        if self._pointer is not None:
            self._functions.bpf_object__close(self._pointer)
            self._pointer = None

    def __enter__(self) -> Object:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()
