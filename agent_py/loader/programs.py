"""Which programs the objects have and where each is attached."""

from __future__ import annotations

from collections.abc import Iterator

CAPTURE = "capture.bpf.o"
LIFETIME = "lifetime.bpf.o"
KEYS = "keys.bpf.o"

_ENTERED = (
    "read",
    "readv",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "write",
    "writev",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "sendfile64",
    "splice",
    "connect",
    "close",
)

_EXITS = {
    "exit_move": ("read", "readv", "recvfrom", "recvmsg", "write", "writev", "sendto", "sendmsg", "sendfile64"),
    "exit_messages": ("recvmmsg", "sendmmsg"),
    "exit_splice": ("splice",),
    "exit_accept": ("accept", "accept4"),
    "exit_connect": ("connect",),
}

RAW_TRACEPOINTS = {"process_fork": "sched_process_fork", "process_exit": "sched_process_exit"}
"""Program of the lifetime object → raw tracepoint."""

KEY_PROGRAM = "derive"


def tracepoints() -> Iterator[tuple[str, str]]:
    """Pairs (program of the capture object, tracepoint), in the order of attaching.

    Exits come first: an operation is ended only by the exit that follows its entry, so none is left behind.
    """
    for program, calls in _EXITS.items():
        for call in calls:
            yield program, f"syscalls/sys_exit_{call}"
    for call in _ENTERED:
        yield f"enter_{call}", f"syscalls/sys_enter_{call}"
