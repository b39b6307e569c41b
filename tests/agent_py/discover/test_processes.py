"""Processes of the test's own, as /proc shows them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import pytest

from agent_py.discover import processes
from agent_py.discover.processes import HIDDEN, Process, is_called, without_secrets


def test_reads_this_process() -> None:
    process = processes.read(os.getpid())
    assert process is not None
    assert (process.pid, process.parent) == (os.getpid(), os.getppid())
    assert process.executable == os.path.realpath(sys.executable)
    assert process.mount_namespace == os.stat("/proc/self/ns/mnt").st_ino
    now = time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK")
    assert now - 36000 * os.sysconf("SC_CLK_TCK") < process.start <= now


def test_a_name_with_spaces_and_parentheses_moves_no_field() -> None:
    code = "open('/proc/self/comm', 'w').write('a) R (b 7'); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        process = processes.read(child.pid)
        mine = processes.read(os.getpid())
        child.kill()
    assert process is not None
    assert mine is not None
    assert process.name == "a) R (b 7"
    assert process.start >= mine.start
    assert [found.pid for found in [process] if is_called(found, "a) R (b 7")] == [child.pid]


def test_a_process_that_ended_is_none() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pass
    assert processes.read(child.pid) is None


def test_finds_by_name_of_the_executable() -> None:
    name = os.path.basename(os.path.realpath(sys.executable))
    assert os.getpid() in [process.pid for process in processes.named(["nothing-is-called-so", name])]
    assert processes.named(["nothing-is-called-so"]) == []


@pytest.mark.parametrize(
    ("name", "executable", "wanted", "found"),
    [
        ("nginx", "/usr/sbin/nginx", "nginx", True),
        ("nginx", "", "nginx", True),
        ("worker", "/opt/bin/haproxy", "haproxy", True),
        ("a-very-long-nam", "", "a-very-long-name-indeed", True),
        ("nginx", "/usr/sbin/nginx", "ngin", False),
        ("nginx-debug", "/usr/sbin/nginx-debug", "nginx", False),
    ],
)
def test_names_match_whole(name: str, executable: str, wanted: str, found: bool) -> None:
    assert is_called(Process(1, name, executable, 0, 0, 0, ()), wanted) is found


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_finds_who_listens(family: socket.AddressFamily) -> None:
    with socket.create_server(("", 0), family=family) as listener:
        port = listener.getsockname()[1]
        assert os.getpid() in [process.pid for process in processes.listening(port)]
    assert processes.listening(port) == []


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["nginx", "-g", "daemon off;"], ["nginx", "-g", "daemon off;"]),
        (["app", "--password", "hunter2", "x"], ["app", "--password", HIDDEN, "x"]),
        (["app", "--api-key=k", "--port=80"], ["app", f"--api-key={HIDDEN}", "--port=80"]),
        (["env", "DB_PASSWORD=x"], ["env", f"DB_PASSWORD={HIDDEN}"]),
        (["app", "--token", "--verbose"], ["app", "--token", "--verbose"]),
        (["app", "postgres://me:pw@host/db"], ["app", f"postgres://{HIDDEN}@host/db"]),
    ],
)
def test_secrets_are_hidden(arguments: list[str], shown: list[str]) -> None:
    assert list(without_secrets(arguments)) == shown
