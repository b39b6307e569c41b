"""Real processes under the supervisor; a small script stands in for a program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli_py import logfile
from cli_py import supervisor as supervision
from cli_py.supervisor import STABLE_SECONDS, Interrupted, Program, Supervisor
from common_py.errors import UserError

pytestmark = pytest.mark.program

CHILD = """\
import os, signal, sys, time
from common_py.process import die_with_parent
address, how, notes, name = sys.argv[1:5]
die_with_parent(int(sys.argv[-1]))
if how == "fails":
    sys.exit("It is cold. Light the oven.")
def end(number, frame):
    with open(notes, "a") as file:
        print(name, file=file)
    if how != "stubborn":
        sys.exit(0)
signal.signal(signal.SIGTERM, end)
if how == "hangs":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if how not in ("silent", "hangs"):
    with open(address + ".part", "w") as file:
        print("127.0.0.1:1", file=file)
    os.rename(address + ".part", address)
print('{"event": "runs"}', file=sys.stderr, flush=True)
number = 0
while how == "chatty":
    number += 1
    print(f'{{"number": {number}}}', file=sys.stderr, flush=True)
    time.sleep(0.0005)
while True:
    time.sleep(1)
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``python -m supervised_child`` is the program above."""
    (tmp_path / "supervised_child.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).resolve().parents[2]}")


def program(directory: Path, how: str = "well", name: str = "oven") -> Program:
    address, log = directory / f"{name}.address", directory / f"{name}.log"
    arguments = [str(address), how, str(directory / "notes"), name]
    return Program(name, "supervised_child", arguments, address, log)


def test_it_returns_the_address_and_stops_in_reverse_order(tmp_path: Path) -> None:
    supervisor = Supervisor(print)
    for name in ("first", "second", "third"):
        assert supervisor.start(program(tmp_path, name=name)) == "127.0.0.1:1"
    supervisor.stop()
    assert (tmp_path / "notes").read_text().split() == ["third", "second", "first"]
    assert [one.process.returncode for one in supervisor.programs if one.process] == [0, 0, 0]
    supervisor.stop()


def test_a_program_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^The oven did not start: It is cold\. Light the oven\.$") as caught:
        Supervisor(print).start(program(tmp_path, "fails"))
    assert caught.value.exit_code == 1


def test_a_program_that_is_never_ready(tmp_path: Path) -> None:
    supervisor = Supervisor(print)
    with pytest.raises(UserError, match=r"not ready after 0\.2 s\. Its log is .*oven\.log\.") as caught:
        supervisor.start(program(tmp_path, "silent"), seconds=0.2)
    assert caught.value.exit_code == 69
    supervisor.stop(0.1)


def test_what_does_not_end_is_killed(tmp_path: Path) -> None:
    supervisor = Supervisor(print)
    stubborn = program(tmp_path, "stubborn")
    supervisor.start(stubborn)
    began = time.monotonic()
    supervisor.stop(0.3)
    assert 0.3 <= time.monotonic() - began < 5
    assert stubborn.process is not None
    assert stubborn.process.returncode == -signal.SIGKILL


def test_a_start_is_broken_off_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "STARTING_SECONDS", 0.2)
    began = time.monotonic()
    supervisor = Supervisor(print, stopping=lambda: time.monotonic() > began + 1.5)
    ready, hanging = program(tmp_path, name="ready"), program(tmp_path, "hangs", "hanging")
    supervisor.start(ready)
    with pytest.raises(Interrupted):
        supervisor.start(hanging)
    supervisor.stop()
    assert time.monotonic() - began < 5, "a program that is not ready is not waited for long"
    assert [one.process.returncode for one in (ready, hanging) if one.process] == [0, -signal.SIGKILL]
    with pytest.raises(Interrupted):
        supervisor.start(program(tmp_path, name="late"))
    assert len(supervisor.programs) == 2, "nothing is started any more"


def test_the_log_of_a_program_that_holds_it_open_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 4000
    monkeypatch.setattr(logfile, "LOG_BYTES", limit)
    supervisor = Supervisor(print)
    one = program(tmp_path, "chatty")
    supervisor.start(one)
    older = logfile.older(one.log_file)
    rotations = 0
    deadline = time.monotonic() + 20
    while rotations < 3:
        assert time.monotonic() < deadline
        before = one.log_file.stat().st_size
        supervisor.watch()
        rotations += before >= limit
        time.sleep(0.01)
    supervisor.stop()
    kept = older.read_bytes() + one.log_file.read_bytes()
    assert limit <= older.stat().st_size
    assert len(kept) < 5 * limit
    assert b"\0" not in kept, "the program goes on at the beginning of the emptied file"
    numbers = [json.loads(line)["number"] for line in kept.decode().splitlines() if line.startswith('{"number": ')]
    assert numbers == sorted(numbers)
    assert numbers[0] > 1


def test_a_killed_program_is_started_again_with_growing_pauses(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    one = program(tmp_path)
    supervisor.start(one)
    supervisor.watch()
    assert said == []
    pauses, pids = [], []
    for _ in range(2):
        assert one.process is not None
        pids.append(one.process.pid)
        one.process.kill()
        one.process.wait()
        supervisor.watch()
        assert one.restart_at is not None
        pauses.append(round(one.restart_at - time.monotonic(), 1))
        supervisor.watch()
        assert one.process.pid == pids[-1], "not before its time"
        one.restart_at = time.monotonic()
        supervisor.watch()
        one.wait_ready(10)
    assert pauses == [1.0, 2.0]
    assert said[0] == f"The oven ended (killed by SIGKILL): its log is {one.log_file}."
    assert said[1] == "The oven was started again."
    assert one.process is not None
    assert one.process.pid not in pids
    one.started -= STABLE_SECONDS + 1
    one.process.kill()
    one.process.wait()
    supervisor.watch()
    assert one.failures == 0
    supervisor.stop()


def test_a_program_that_runs_but_once_is_not_started_again(tmp_path: Path) -> None:
    supervisor = Supervisor(print)
    one = program(tmp_path)
    one.once = True
    supervisor.start(one)
    supervisor.watch()
    assert one.process is not None
    one.process.kill()
    one.process.wait()
    with pytest.raises(UserError, match=r"^The oven ended \(killed by SIGKILL\): its log is .*oven\.log\.$") as caught:
        supervisor.watch()
    assert (caught.value.exit_code, one.restart_at) == (1, None)


def test_programs_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from cli_py.supervisor import Program, Supervisor\n"
        "d = Path(sys.argv[1]); p = Program('oven', 'supervised_child',"
        " [str(d / 'a'), 'stubborn', str(d / 'n'), 'x'], d / 'a', d / 'l')\n"
        "Supervisor(print).start(p); print(p.process.pid, flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        child = int(supervisor.stdout.readline())
        os.kill(child, 0)
        supervisor.kill()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and ") Z " not in Path(f"/proc/{child}/stat").read_text():
        assert time.monotonic() < deadline, "the program outlived its supervisor"
        time.sleep(0.01)
