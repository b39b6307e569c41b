"""CPU time and memory of processes as the kernel accounts them, and a load from wrk."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from common_py.errors import UserError


def cpu_seconds(pids: list[int]) -> float:
    """CPU seconds that the processes' threads have used (first field of /proc/PID/task/TID/schedstat, ns)."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def peak_memory(pid: int) -> int:
    """Most memory that the process had resident, in bytes (VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0


@dataclass(frozen=True)
class Load:
    """What wrk reported."""

    requests: int
    seconds: float
    errors: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def wrk(url: str, seconds: int, connections: int = 16, *, keep_alive: bool = True, pause_ms: int = 0) -> Load:
    """Load ``url`` from one thread; each connection rests ``pause_ms`` before a request.

    Raises UserError when wrk reports nothing.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f"function delay() return {pause_ms} end\n" if pause_ms else "")
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name]
        if not keep_alive:
            command += ["-H", "Connection: close"]
        output = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    done = re.search(r"(\d+) requests in ([\d.]+)s", output)
    if not done:
        raise UserError(f"wrk reported no requests for {url}.", "Is the server running?")
    wrong = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    # wrk counts the server's end of a "Connection: close" response as a read error: not one of ours.
    errors = sum(int(wrong.group(number)) for number in (1, 3, 4)) if wrong else 0
    return Load(int(done.group(1)), float(done.group(2)), errors)


def machine() -> str:
    """One line about this machine."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cores = len(re.findall(r"^processor", Path("/proc/cpuinfo").read_text(), re.MULTILINE))
    kernel = Path("/proc/sys/kernel/osrelease").read_text().strip()
    return f"{cores} × {model.group(1) if model else 'unknown processor'}, Linux {kernel}"
