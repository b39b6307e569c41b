import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent_py import config
from agent_py.discover.elf import ChangedError, Elf
from agent_py.mirroring import OLD_LOOKS, SWEEP_LOOKS, YOUNG_LOOKS, Mirroring
from common_py.errors import UserError
from tests.agent_py.test_config import load


class Probe:
    def __init__(self, open_probes: set[str], path: str) -> None:
        self._open, self._path = open_probes, path
        open_probes.add(path)

    def close(self) -> None:
        self._open.remove(self._path)


class RecordingLoader:
    """Keeps what it is told; the kernel's part is tested live."""

    def __init__(self) -> None:
        self.selected: set[int] = set()
        self.sweeps: list[Callable[[int], bool]] = []
        self.probes: set[str] = set()
        self.refuses = False
        self.full = False

    def select_process(self, pid: int) -> None:
        if self.full:
            raise UserError("The kernel's table of processes is full.")
        self.selected.add(pid)

    def deselect_process(self, pid: int) -> None:
        self.selected.discard(pid)

    def select_workload(self, mount_namespace: int) -> None:
        raise AssertionError(mount_namespace)

    def deselect_workload(self, mount_namespace: int) -> None:
        raise AssertionError(mount_namespace)

    def select_port(self, port: int) -> None:
        raise AssertionError(port)

    def attach_keys(self, path: str, offset: int) -> Probe:
        assert offset > 0
        if self.refuses:
            raise UserError(f"The kernel refuses a probe at {path}.")
        return Probe(self.probes, path)

    def counters(self) -> dict[str, int]:
        return {}

    def sweep(self, ended: Callable[[int], bool]) -> int:
        self.sweeps.append(ended)
        return 0

    def close(self) -> None:
        raise AssertionError


@pytest.fixture
def server() -> Iterator[subprocess.Popen[str]]:
    """A process with libcrypto that forks one child and says so."""
    program = "import os, ssl, sys; pid = os.fork(); pid and print(pid, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


def settings(tmp_path: Path, **changes: object) -> config.AgentConfig:
    return load(tmp_path, mirror_processes=[], **changes)


def test_a_process_its_children_and_their_library_come_and_go(tmp_path: Path, server: subprocess.Popen[str]) -> None:
    assert server.stdout is not None
    assert server.stdin is not None
    child = int(server.stdout.readline())
    loader = RecordingLoader()
    mirroring = Mirroring(settings(tmp_path, mirror_pids=[server.pid]), loader)
    mirroring.start()
    assert loader.selected == {server.pid, child}
    assert len(loader.probes) == len(mirroring.libraries) == 1
    server.stdin.close()
    server.wait()
    deadline = time.monotonic() + 10
    while mirroring.processes and time.monotonic() < deadline:
        mirroring.look()
        time.sleep(0.01)
    assert loader.selected == set()
    assert loader.sweeps
    for ended in loader.sweeps:
        assert ended(server.pid)
        assert ended(child)
        assert not ended(os.getpid())
    assert loader.probes == set()


def test_tls_switched_off_attaches_no_probe(tmp_path: Path, server: subprocess.Popen[str]) -> None:
    loader = RecordingLoader()
    Mirroring(settings(tmp_path, mirror_pids=[server.pid], tls_enabled=False), loader).start()
    assert server.pid in loader.selected
    assert loader.probes == set()
    server.communicate("")


def test_what_children_left_that_were_never_seen_is_swept_now_and_then(
    tmp_path: Path, server: subprocess.Popen[str]
) -> None:
    loader = RecordingLoader()
    mirroring = Mirroring(settings(tmp_path, mirror_pids=[server.pid]), loader)
    mirroring.start()
    for _ in range(SWEEP_LOOKS - 2):
        mirroring.look()
    assert loader.sweeps == []
    mirroring.look()
    assert len(loader.sweeps) == 1
    server.communicate("")


LATER = "import sys; sys.stdin.readline(); import ssl; print('has libcrypto', flush=True); sys.stdin.read()"


EXECUTES = "import os, sys; sys.stdin.readline(); os.execv(sys.argv[1], [sys.argv[1], '-c', sys.argv[2]])"
NOBODY = 2**22 + 8
STARTED = "import sys; print('started', flush=True); sys.stdin.read()"


def test_a_process_that_gets_its_name_long_after_its_start_is_found(tmp_path: Path) -> None:
    """A script that waits for a database, say, and then executes the server."""
    name = tmp_path / "late-server"
    name.symlink_to(sys.executable)
    loader = RecordingLoader()
    mirroring = Mirroring(load(tmp_path, mirror_processes=["late-server"]), loader, product=NOBODY)
    with subprocess.Popen(
        [sys.executable, "-c", EXECUTES, str(name), STARTED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(YOUNG_LOOKS + 1):
            mirroring.look()
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "started\n"
        assert loader.selected == set()
        for _ in range(OLD_LOOKS):
            mirroring.look()
        assert loader.selected == {process.pid}
        process.communicate("")


def test_the_product_is_not_mirrored_whatever_it_is_called(tmp_path: Path, server: subprocess.Popen[str]) -> None:
    """``server`` stands for what started the product's programs: a Python program as those that are mirrored."""
    assert server.stdout is not None
    child = int(server.stdout.readline())
    name = os.path.basename(os.path.realpath(sys.executable))
    loader = RecordingLoader()
    with subprocess.Popen(
        [sys.executable, "-c", STARTED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "started\n"
        configuration = load(tmp_path, mirror_processes=[name], mirror_pids=[os.getpid()], tls_enabled=False)
        mirroring = Mirroring(configuration, loader, product=server.pid)
        for _ in range(2):
            mirroring.look()
        other.communicate("")
    assert loader.selected & {server.pid, child, other.pid} == {other.pid}
    server.communicate("")


def test_what_the_product_started_is_mirrored_when_it_is_asked_for_by_id(
    tmp_path: Path, server: subprocess.Popen[str]
) -> None:
    """As the demonstration's nginx is."""
    assert server.stdout is not None
    child = int(server.stdout.readline())
    loader = RecordingLoader()
    Mirroring(settings(tmp_path, mirror_pids=[server.pid]), loader, product=os.getpid()).start()
    assert loader.selected == {server.pid, child}
    server.communicate("")


def test_a_full_table_of_processes_is_a_sentence_at_the_start_and_a_warning_later(
    tmp_path: Path, server: subprocess.Popen[str]
) -> None:
    assert server.stdout is not None
    child = int(server.stdout.readline())
    loader = RecordingLoader()
    loader.full = True
    with pytest.raises(UserError, match="is full"):
        Mirroring(settings(tmp_path, mirror_pids=[server.pid]), loader).start()
    loader.full = False
    mirroring = Mirroring(settings(tmp_path, mirror_pids=[server.pid]), loader)
    mirroring.start()
    del mirroring.processes[child]
    loader.full = True
    with capture_logs() as logs:
        mirroring.look()
    (warning,) = [one for one in logs if one["log_level"] == "warning"]
    assert (warning["pid"], warning["reason"]) == (child, "The kernel's table of processes is full.")
    assert set(mirroring.processes) == {server.pid}
    loader.full = False
    mirroring.look()
    assert set(mirroring.processes) == {server.pid, child}
    server.communicate("")


def test_a_probe_refused_later_is_tried_again(tmp_path: Path) -> None:
    """A process may end between the look at its files and the probe: the others are mirrored on."""
    loader = RecordingLoader()
    with subprocess.Popen(
        [sys.executable, "-c", LATER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        mirroring = Mirroring(settings(tmp_path, mirror_pids=[process.pid]), loader)
        mirroring.start()
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        loader.refuses = True
        mirroring.look()
        assert process.pid in mirroring.processes
        assert mirroring.libraries == {}
        loader.refuses = False
        mirroring.look()
        assert len(mirroring.libraries) == len(loader.probes) == 1
        process.communicate("")


def test_a_probe_refused_at_the_start_is_a_sentence(tmp_path: Path, server: subprocess.Popen[str]) -> None:
    assert server.stdout is not None
    server.stdout.readline()
    loader = RecordingLoader()
    loader.refuses = True
    with pytest.raises(UserError, match="refuses a probe"):
        Mirroring(settings(tmp_path, mirror_pids=[server.pid]), loader).start()
    server.communicate("")


def test_no_such_process_is_a_sentence(tmp_path: Path) -> None:
    absent = 2**22 + 7
    with pytest.raises(UserError, match=f"There is no process {absent}"):
        Mirroring(settings(tmp_path, mirror_pids=[absent]), RecordingLoader()).start()
    with pytest.raises(UserError, match="No process is called no-such-name"):
        Mirroring(load(tmp_path, mirror_processes=["no-such-name"]), RecordingLoader()).start()


def test_a_library_that_changes_while_it_is_read_is_a_warning_and_tried_again(
    tmp_path: Path, server: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.stdout is not None
    server.stdout.readline()
    loader = RecordingLoader()
    mirroring = Mirroring(settings(tmp_path, mirror_pids=[server.pid]), loader)

    def changed(_elf: Elf) -> None:
        raise ChangedError("it changed while it was read")

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(Elf, "check_unchanged", changed)
        mirroring.start()
        for _ in range(YOUNG_LOOKS + 2):
            mirroring.look()
    assert mirroring.libraries == {}
    said = [one for one in logs if one["log_level"] == "warning" and one["pid"] == server.pid]
    (reason,) = [one["reason"] for one in said if "libcrypto" in one["reason"]]
    assert "it changed while it was read" in reason
    mirroring.look()
    assert len(mirroring.libraries) == len(loader.probes) == 1
