"""The programs of host mode over an empty recording: what they leave in the data directory, and who may read it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from agent_py.recording import Writer
from cli_py.client import Client
from cli_py.host import Host, HostSettings, lock, secret
from common_py.errors import UserError

pytestmark = pytest.mark.program


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    with Writer(tmp_path / "empty.chunks", 0):
        pass
    return tmp_path / "empty.chunks"


@pytest.mark.parametrize("existing", [False, True])
def test_files_are_private_and_tokens_outlive_a_run(tmp_path: Path, recording: Path, existing: bool) -> None:
    data = tmp_path / "data"
    if existing:
        data.mkdir(mode=0o755)
    settings = HostSettings(data, replay=recording)
    host = Host(settings, print)
    host.start()
    try:
        assert Client.find(None, None, data) == Client(host.url, host.token)
        assert Client(host.url, host.token).get("/v1/attacks")["attacks"] == []
        for path in data.rglob("*"):
            open_below = not path.is_dir() and path.parent == data / "run"
            mode = stat.S_IMODE(path.stat().st_mode)
            # Files in run/ that hold no secret may be wider: the directory is closed.
            assert mode & 0o077 == 0 or (open_below and path.suffix not in {".key", ".yaml"}), path
        assert stat.S_IMODE(data.stat().st_mode) == (0o755 if existing else 0o700)
        assert stat.S_IMODE((data / "run").stat().st_mode) == 0o700
        for name in ("administrator.token", "node.token", "agent.token", "run/node.key", "run/agent.yaml"):
            assert stat.S_IMODE((data / name).stat().st_mode) == 0o600, name
        assert host.token not in repr(host)
        for log in (data / "run").glob("*.log"):
            assert host.token not in log.read_text()
        assert host.token not in (data / "run" / "cloud.yaml").read_text()
        with pytest.raises(UserError, match="Another oobctl run uses the data directory"):
            Host(settings, print).start()
        pids = [program.process.pid for program in host.programs if program.process]
        assert len(pids) == 3
    finally:
        host.stop()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert json.loads((data / "host.json").read_text()) == {"url": host.url}
    os.close(lock(data))
    assert secret(data / "administrator.token") == host.token


def test_a_program_that_fails_takes_the_others_with_it(tmp_path: Path) -> None:
    host = Host(HostSettings(tmp_path / "data", replay=tmp_path / "absent"), print)
    with pytest.raises(UserError, match="The agent did not start: Cannot read the recording") as caught:
        host.start()
    assert caught.value.exit_code == 66
    assert [program.process.poll() is None for program in host.programs if program.process] == [False] * 3
    os.close(lock(tmp_path / "data"))


def test_tokens_are_made_once_and_are_long(tmp_path: Path) -> None:
    first = secret(tmp_path / "token")
    assert len(first) == 64
    assert secret(tmp_path / "token") == first
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
