"""The demonstration as its user starts it: captured, verified, ended; and stopped with Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tiers import REPOSITORY

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

COMMAND = [sys.executable, "-m", "demo"]


def test_once_finds_exactly_the_attack_that_it_sent() -> None:
    done = subprocess.run(
        [*COMMAND, "--once"], cwd=REPOSITORY, capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^Visible \d+\.\d\d and \d+\.\d\d s after the request\.$", done.stdout, re.MULTILINE)
    (row,) = [line for line in done.stdout.splitlines() if "ptrav" in line]
    assert {"ptrav", "2", "127.0.0.1", "127.0.0.1/etc/passwd", "404", "nginx"} <= set(row.split())
    assert done.stdout.splitlines()[-1] == "The cloud's API returns exactly this attack, over HTTP and over HTTPS."


def started(directory: Path) -> subprocess.Popen[str]:
    """The demonstration as the foreground of a terminal: a group of processes, which all hear Ctrl-C."""
    return subprocess.Popen(
        COMMAND,
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def processes_of(directory: Path) -> list[str]:
    """Command lines with a path under ``directory``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return [line for line in found if str(directory) in line]


@pytest.mark.parametrize("file", ["nginx.conf", "nginx.pid"])
def test_ctrl_c_while_nginx_starts_leaves_nothing(tmp_path: Path, file: str) -> None:
    with started(tmp_path) as demo:
        while not list(tmp_path.glob(f"*/nginx/{file}")):
            assert demo.poll() is None
        os.killpg(demo.pid, signal.SIGINT)
        os.killpg(demo.pid, signal.SIGINT)
        output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 128 + signal.SIGINT
    assert "Traceback" not in output
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_closed_terminal_or_a_termination_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path) as demo:
        assert demo.stdout is not None
        assert "nginx listens on" in demo.stdout.readline()
        os.killpg(demo.pid, number)
        output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 128 + number
    assert "Traceback" not in output
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_it_stays_until_ctrl_c_and_leaves_no_nginx() -> None:
    with subprocess.Popen(COMMAND, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        lines: list[str] = []
        for line in demo.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        assert demo.poll() is None
        (command,) = re.findall(r"^Attacks   (.*)$", "".join(lines), re.MULTILINE)
        listed = subprocess.run(command, shell=True, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "ptrav" in listed.stdout
    text = "".join(lines)
    assert re.search(r"http://127\.0\.0\.1:\d+", text)
    (found,) = re.findall(r"\(process (\d+)\)", text)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{found}").exists():
        assert time.monotonic() < deadline, "nginx was left behind"
        time.sleep(0.02)
