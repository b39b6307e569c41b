"""Processes: their settings through prctl(2) (die with the parent, no dumps, no new privileges), and their end."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import subprocess

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends. ``parent`` is the pid that the parent told.

    The setting is cleared by a change of credentials: call it again after dropping privileges.
    """
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(0)


def forbid_dumps() -> None:
    """No core dump and no ptrace by peers of the same user: the memory holds TLS secrets."""
    _prctl(PR_SET_DUMPABLE, 0)


def drop_privileges(user: int) -> None:
    """Become ``user`` (uid and gid, no groups) for good: no capabilities, and none to be had through execve.

    A process that is not root keeps its user, but not the capabilities that it may have got with it (capabilities(7):
    ambient ones pass to every program it starts).
    """
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    _drop_capabilities()
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    forbid_dumps()


def _drop_capabilities() -> None:
    """Empty the permitted, effective and inheritable sets, and with them the ambient one (capset(2))."""
    header = struct.pack("<Ii", _CAPABILITY_VERSION_3, 0)
    if _libc.capset(header, struct.pack("<6I", 0, 0, 0, 0, 0, 0)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def end(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Ask ``process`` to end with SIGTERM, kill it after ``seconds``. Returns whether it ended without being killed."""
    if process.poll() is not None:
        return True
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True


def ending(code: int) -> str:
    """Words for a return code as subprocess tells it."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
