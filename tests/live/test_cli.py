"""oobctl as a person uses it, on a real nginx: doctor, run, attacks, and what it says when it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from demo.nginx import Nginx
from tests.live.test_kill import Product, attack, tree, wait_for
from tests.tiers import REPOSITORY

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]


def oobctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli_py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=REPOSITORY)


def test_doctor_on_this_machine_and_a_real_nginx(nginx: Nginx) -> None:
    pids = [str(nginx.pid), *map(str, nginx.worker_pids)]
    done = oobctl("doctor", *(word for pid in pids for word in ("--pid", pid)))
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    for check in ("kernel", "processor", "BTF", "capabilities", "tracefs", "bpffs", "libbpf", "BPF objects"):
        assert sum(line[2:].startswith(f"{check} ") for line in lines) == 1, check
    (found,) = [number for number, line in enumerate(lines) if f"nginx[{nginx.pid} +{len(pids) - 1}]" in line]
    assert "TLS is visible, OpenSSL 3" in lines[found]
    assert "libcrypto.so.3, probe on" in lines[found + 1]


def test_attacks_are_listed_while_it_runs_and_a_second_run_is_refused(nginx: Nginx, tmp_path: Path) -> None:
    data = tmp_path / "data"
    product = Product(data, "--pid", str(nginx.pid))
    try:
        everything = tree(product.process.pid)
        attack(nginx)
        wait_for("the attack", lambda: product.hits() == 2)
        (found,) = json.loads(oobctl("attacks", "list", "--data", str(data), "-o", "json").stdout)
        assert (found["type"], found["path"], found["hits"]) == ("ptrav", "/etc/passwd", 2)
        head, row = oobctl("attacks", "list", "--data", str(data)).stdout.splitlines()
        assert head.split()[:4] == ["LAST", "TYPE", "HITS", "SOURCE"]
        assert "/etc/passwd" in row
        second = oobctl("run", "--data", str(data), "--pid", str(nginx.pid), "--console-port", "0")
        assert second.returncode == 69
        assert second.stderr.startswith(f"oobctl: Another oobctl run uses the data directory {data}.")
        assert second.stderr.count("\n") == 1
        assert product.hits() == 2
    finally:
        product.end()
        assert product.process.stdout is not None
        product.process.stdout.close()
    assert product.process.returncode == 0
    wait_for("all processes to end", lambda: not any(Path(f"/proc/{pid}").exists() for pid in everything))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (("--pid", "4194304"), "There is no process 4194304. Process ids are shown by: ps -e."),
        (("--process", "no-such-name"), "No process is called no-such-name. Start it first"),
    ],
)
def test_nothing_to_mirror_is_one_sentence(target: tuple[str, str], words: str, tmp_path: Path) -> None:
    done = oobctl("run", *target, "--data", str(tmp_path / "data"), "--console-port", "0")
    assert done.returncode == 66
    assert done.stderr.startswith("oobctl: The agent did not start: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Console" not in done.stdout
