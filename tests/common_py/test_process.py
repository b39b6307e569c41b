"""Settings of processes, each seen from outside, and their end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from common_py.process import end, ending


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)


def test_a_child_dies_with_its_parent() -> None:
    child = "import os,sys,time;from common_py.process import die_with_parent;die_with_parent(int(sys.argv[1]));"
    child += "print(os.getpid(),flush=True);time.sleep(600)"
    parent = (
        "import os,subprocess,sys;"
        f"p=subprocess.Popen([sys.executable,'-c',{child!r},str(os.getpid())],stdout=subprocess.PIPE,text=True);"
        "print(p.stdout.readline().strip(),flush=True);os.kill(os.getpid(),9)"
    )
    done = run(parent)
    assert done.returncode == -9
    pid = int(done.stdout)
    deadline = time.monotonic() + 20
    while alive(pid):
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_a_child_whose_parent_is_already_gone_ends_at_once() -> None:
    done = run("from common_py.process import die_with_parent; die_with_parent(1 << 22); print('still here')")
    assert (done.returncode, done.stdout) == (0, "")


def test_no_dumps() -> None:
    script = "import ctypes;from common_py.process import forbid_dumps;forbid_dumps();print(ctypes.CDLL(None).prctl(3))"
    assert run(script).stdout == "0\n"


@pytest.mark.root
def test_privileges_are_gone_for_good() -> None:
    script = (
        "import os;from common_py.process import drop_privileges;drop_privileges(65532);"
        "s=dict(l.split(':\\t',1) for l in open('/proc/self/status').read().splitlines() if ':\\t' in l);"
        "print(s['Uid'].split(),s['Gid'].split(),s['Groups'].split(),s['CapEff'],s['CapPrm'],s['NoNewPrivs'])\n"
        "try: os.setuid(0)\nexcept PermissionError: print('refused')"
    )
    done = run(script)
    ids = ["65532"] * 4
    assert done.stdout == f"{ids} {ids} [] {'0' * 16} {'0' * 16} 1\nrefused\n", done.stderr


@pytest.mark.root
def test_capabilities_of_a_user_that_is_not_root_are_gone_too() -> None:
    script = (
        "import ctypes,os;from common_py.process import drop_privileges;names='CapInh','CapPrm','CapEff','CapAmb';"
        "held=lambda:[l[:6] for l in open('/proc/self/status') if l[:6] in names and int(l.split()[1],16)];"
        "PR_SET_KEEPCAPS=8;ctypes.CDLL(None).prctl(PR_SET_KEEPCAPS,1);os.setresuid(65534,65534,65534);"
        "print(held());drop_privileges(65532);print(held(),os.geteuid())"
    )
    done = run(script)
    assert done.stdout == "['CapPrm']\n[] 65534\n", done.stderr


def started(script: str) -> subprocess.Popen[bytes]:
    """A process that runs ``script`` and has begun."""
    process = subprocess.Popen([sys.executable, "-c", script + "print(flush=True);time.sleep(600)"], stdout=-1)
    assert process.stdout is not None
    with process.stdout as output:
        output.readline()
    return process


def test_a_process_is_asked_to_end() -> None:
    process = started("import time;")
    assert end(process, 20)
    assert process.returncode == -signal.SIGTERM
    assert end(process, 20), "one that has ended is left alone"


def test_a_process_that_does_not_end_is_killed() -> None:
    process = started("import signal,time;signal.signal(signal.SIGTERM,signal.SIG_IGN);")
    began = time.monotonic()
    assert not end(process, 0.2)
    assert time.monotonic() - began >= 0.2
    assert process.returncode == -signal.SIGKILL


def test_words_for_return_codes() -> None:
    assert (ending(3), ending(-9)) == ("exit code 3", "killed by SIGKILL")
