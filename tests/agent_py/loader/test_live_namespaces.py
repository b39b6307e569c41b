"""An agent in a pid namespace of its own knows other numbers than the kernel programs do."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent_py.loader import perf

pytestmark = pytest.mark.live

INSIDE = """
import os, time
from agent_py.chunk import Kind, open_info
from agent_py.loader.live import LiveSettings
from tests.agent_py.loader.capture import Capture, Server
capture = Capture(LiveSettings(by_process=True, ring_bytes=1 << 16))
code = "if os.fork() == 0:\\n    connection = listener.accept()[0]; connection.recv(10); os._exit(0)\\n"
code += "os.wait(); sys.stdin.read()"
with Server(code) as server:
    capture.loader.select_process(server.pid)
    server.go()
    with server.connect() as client:
        client.sendall(b"inside")
        capture.until(lambda chunks: [chunk for chunk in chunks if chunk.kind == Kind.CLOSE])
    (opened,) = [open_info(chunk.payload) for chunk in capture.chunks if chunk.kind == Kind.OPEN]
    data = [chunk.payload for chunk in capture.chunks if chunk.kind == Kind.DATA]
    swept = capture.loader.sweep(lambda pid: pid == opened.pid)
    print((os.getpid(), server.pid, opened.pid, capture.chunks[0].tgid, data, swept))
capture.close()
"""


def test_processes_are_known_by_the_agents_own_numbers() -> None:
    root = Path(__file__).resolve().parents[3]
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", INSIDE]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    agent, parent, child, kernel, data, swept = ast.literal_eval(result.stdout)
    assert agent == 1
    assert parent < child < 100 < kernel
    assert data == [b"inside"]
    assert swept == 1, "the child ended with its descriptor open: it is swept by the number that the agent knows"


def test_reading_tracepoint_ids_mounts_nothing() -> None:
    before = Path("/proc/self/mountinfo").read_text(), os.readlink("/proc/self/ns/mnt")
    tracefs = perf.Tracefs()
    assert tracefs.identifier("syscalls/sys_enter_read") is not None
    assert tracefs.identifier("syscalls/sys_enter_nothing") is None
    assert (Path("/proc/self/mountinfo").read_text(), os.readlink("/proc/self/ns/mnt")) == before
    tracefs.close()
