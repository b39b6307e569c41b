"""The demonstration as its user starts it: captured, verified, ended; and stopped with Ctrl-C."""

from __future__ import annotations

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


def test_it_stays_until_ctrl_c_and_leaves_no_nginx() -> None:
    with subprocess.Popen(COMMAND, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        lines: list[str] = []
        for line in demo.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        assert demo.poll() is None
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0
    text = "".join(lines)
    assert re.search(r"http://127\.0\.0\.1:\d+", text)
    (found,) = re.findall(r"\(process (\d+)\)", text)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{found}").exists():
        assert time.monotonic() < deadline, "nginx was left behind"
        time.sleep(0.02)
