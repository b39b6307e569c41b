"""``oobctl run``: its defaults, what it needs, what it says, and its end when a recording is played no more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_py.recording import Writer
from cli_py import run as module
from cli_py.host import Host, HostSettings, lock
from cli_py.hostnode import LEDGER
from cli_py.run import Stopping, default_data, greet, list_command, require_capture
from cli_py.supervisor import STARTING_SECONDS
from common_py.errors import UserError
from tests.tiers import REPOSITORY

pytestmark = pytest.mark.program


@pytest.fixture
def handlers() -> Iterator[None]:
    """What ``Stopping`` changes is put back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("user", "state", "expected"),
    [
        (0, "/state", "/var/lib/oob"),
        (1000, "/state", "/state/oob"),
        (1000, None, "/home/me/.local/state/oob"),
    ],
)
def test_data_is_kept_where_the_user_may_write(
    monkeypatch: pytest.MonkeyPatch, user: int, state: str | None, expected: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    if state is not None:
        monkeypatch.setenv("XDG_STATE_HOME", state)
    assert default_data() == Path(expected)


@pytest.mark.parametrize(
    ("user", "problem", "code", "words"),
    [
        (1000, None, 77, "^Capture needs root. Run it with sudo, or play a recording with --replay.$"),
        (0, "It is cold.", 69, "^Capture is not possible here: It is cold. All checks are shown by: oobctl doctor.$"),
    ],
)
def test_what_capture_lacks_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, user: int, problem: str | None, code: int, words: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(module, "obstacle", lambda: problem)
    with pytest.raises(UserError, match=words) as caught:
        require_capture()
    assert caught.value.exit_code == code


def test_capture_that_lacks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(module, "obstacle", lambda: None)
    require_capture()


def test_a_person_is_told_where_everything_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host = Host(HostSettings(tmp_path), print, "http://127.0.0.1:1", "the-token", "127.0.0.1:2")
    greet(host)
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert lines["Console"] == "http://127.0.0.1:1"
    assert lines["Token"] == "the-token"
    assert lines["Metrics"] == "http://127.0.0.1:2/metrics"
    assert lines["Logs"] == str(tmp_path / "run")


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_polite_signals_end_it(number: signal.Signals) -> None:
    stopping = Stopping()
    assert not stopping
    signal.raise_signal(number)
    signal.raise_signal(signal.SIGINT)
    assert stopping
    assert stopping.signal == number


@pytest.mark.usefixtures("handlers")
def test_what_nohup_starts_outlives_the_terminal() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stopping = Stopping()
    signal.raise_signal(signal.SIGHUP)
    assert not stopping


def test_the_command_that_lists_attacks_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / ".venv" / "bin" / "oobctl"
    installed.parent.mkdir(parents=True)
    installed.touch(0o755)
    monkeypatch.setattr(module.sys, "executable", str(installed.with_name("python")))
    monkeypatch.chdir(tmp_path)
    assert list_command(default_data()) == ".venv/bin/oobctl attacks list"
    assert list_command(tmp_path / "my data") == f".venv/bin/oobctl attacks list --data '{tmp_path}/my data'"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert list_command(default_data()) == f"{installed} attacks list"
    monkeypatch.setenv("PATH", str(installed.parent))
    assert list_command(default_data()) == "oobctl attacks list"


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("name", ["cli_py", "demo"])
def test_ctrl_c_during_the_imports_is_no_traceback(name: str, tmp_path: Path) -> None:
    # What a process has ignored, as in the background of a shell, its children ignore too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    (tmp_path / "urllib3.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", name, "--help"],
        capture_output=True,
        cwd=REPOSITORY,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def worker_of(pid: int) -> int | None:
    """The agent's worker below ``pid``, once its agent runs."""
    return next((one for child in children(pid) for one in children(child) if b"agent_py.worker" in command(one)), None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_start_ends_it_at_once(tmp_path: Path, number: signal.Signals) -> None:
    """The node waits for somebody to write into the pipe that is its ledger, and hears no signal meanwhile."""
    data = tmp_path / "data"
    data.mkdir()
    os.mkfifo(data / LEDGER)
    arguments = ["--replay", str(tmp_path / "never-played"), "--data", str(data), "--console-port", "0"]
    started = [sys.executable, "-m", "cli_py", "run", *arguments]
    with subprocess.Popen(started, stdout=-1, stderr=-1, text=True, cwd=REPOSITORY) as oobctl:
        try:
            deadline = time.monotonic() + 20
            while len(programs := children(oobctl.pid)) < 2:
                assert oobctl.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            time.sleep(1.0)
            assert not (data / "run" / "node.address").exists()
            assert oobctl.poll() is None
            oobctl.send_signal(number)
            began = time.monotonic()
            output, errors = oobctl.communicate(timeout=20)
        finally:
            oobctl.kill()
    assert time.monotonic() - began < STARTING_SECONDS + 4
    assert (oobctl.returncode, output, errors) == (0, "Stopped during the start.\n", "")
    assert not any(Path(f"/proc/{pid}").exists() for pid in programs)
    os.close(lock(data))


def test_a_recording_that_is_played_no_more_ends_it_with_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.chunks"
    with Writer(path, 0):
        pass
    arguments = ["--replay", str(path), "--data", str(tmp_path / "data"), "--console-port", "0"]
    started = [sys.executable, "-m", "cli_py", "run", *arguments]
    with subprocess.Popen(started, stdout=-1, stderr=-1, text=True, cwd=REPOSITORY) as oobctl:
        try:
            assert oobctl.stdout is not None
            while oobctl.stdout.readline() != "Stop with Ctrl-C.\n":
                assert oobctl.poll() is None
            worker = worker_of(oobctl.pid)
            assert worker is not None
            programs = children(oobctl.pid)
            os.kill(worker, signal.SIGKILL)
            output, errors = oobctl.communicate(timeout=30)
        finally:
            oobctl.kill()
    assert oobctl.returncode == 70
    assert errors == (
        "oobctl: The agent ended (exit code 70): "
        f"The worker that plays {path} ended before the agent (killed by SIGKILL).\n"
    )
    assert output == "Stopping.\n", "nothing was started again"
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in programs):
        assert time.monotonic() < deadline
        time.sleep(0.02)
