"""Which programs the objects have and where each is attached."""

from __future__ import annotations

CAPTURE = "capture.bpf.o"
LIFETIME = "lifetime.bpf.o"
KEYS = "keys.bpf.o"

TYPED_TRACEPOINTS = {
    CAPTURE: ("system_call_exit",),
    LIFETIME: ("process_fork", "process_exec", "process_exit"),
    KEYS: (),
}
"""The objects, in the order of loading, and their programs at BTF-typed tracepoints, which the sections name."""

CLOSING_CALLS = {
    "close": "enter_close",
    "dup2": "enter_dup",
    "dup3": "enter_dup",
    "close_range": "enter_close_range",
}
"""System call whose entry has a tracepoint → program of the capture object."""

OPTIONAL_CALLS = frozenset({"dup2", "close_range"})
"""Calls that not every kernel has: arm64 lacks dup2, close_range came with 5.9."""

KEY_PROGRAM = "derive"
