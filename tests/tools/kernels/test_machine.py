"""A guest's disks, its command line, and what its console tells."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from common_py.errors import UserError
from tools.kernels import machine
from tools.kernels.catalogue import CONTENT


def test_the_repository_is_packed_with_the_arguments(tmp_path: Path) -> None:
    for name in CONTENT:
        path = tmp_path / "from" / (name if name.endswith(".toml") else f"{name}/file.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "from" / "tests" / "__pycache__").mkdir()
    (tmp_path / "from" / "tests" / "__pycache__" / "file.pyc").touch()
    (tmp_path / "from" / ".venv").mkdir()
    (tmp_path / "from" / ".venv" / "file.py").touch()
    machine.pack(tmp_path / "from", tmp_path / "to", ("tests", "-k=a or b"))
    with tarfile.open(tmp_path / "to") as archive:
        names = set(archive.getnames())
        arguments = archive.extractfile("arguments")
        assert arguments is not None
        assert arguments.read() == b"tests\n-k=a or b\n"
    assert names == {"agent_py/file.py", "common_py/file.py", "demo/file.py", "tests/file.py"} | {
        "tools/kernels/file.py",
        "pyproject.toml",
        "arguments",
    }


def test_the_root_is_never_written_back() -> None:
    command = machine.command(Path("/k"), Path("/i"), (Path("/root"), Path("/repository"), Path("/report")))
    drives = [command[number + 1] for number, part in enumerate(command) if part == "-drive"]
    assert drives[0] == "file=/root,format=raw,if=virtio,snapshot=on"
    assert drives[1] == "file=/repository,format=raw,if=virtio,readonly=on"
    assert command[command.index("-kernel") + 1] == "/k"


def test_a_console_tells_kernel_and_load() -> None:
    run = machine.Run("noise\nguest: kernel 6.1.0-1\nguest: loaded in 1.5 s\nguest: verified 9 instructions\n", b"", 3)
    assert (run.release, run.load_seconds, run.verified) == ("6.1.0-1", 1.5, 9)
    refused = machine.Run("guest: kernel 6.1.0-1\nguest: refused. Why\n", b"", 3)
    assert refused.load_seconds is None
    assert refused.verified == 0
    assert machine.Run("", b"", 3).release == ""


def test_a_guest_that_hangs_is_ended_and_its_console_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "SECONDS", 0.3)
    console = machine._boot(["sh", "-c", "echo started; exec sleep 60"])
    assert console == "started\n\nEnded: it took longer than 0.3 s.\n"
    with pytest.raises(UserError, match="no-such-qemu is not installed"):
        machine._boot(["no-such-qemu"])
