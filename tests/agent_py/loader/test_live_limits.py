"""What the kernel's limits on this process do to loading."""

from __future__ import annotations

import platform
import re
import subprocess
import sys

import pytest

from agent_py.loader import live
from agent_py.loader.bpf_syscall import MapType
from agent_py.loader.live import LiveLoader, LiveSettings
from common_py.errors import NO_PERMISSION, UNAVAILABLE, UserError

pytestmark = pytest.mark.live

LOAD = """
from agent_py.loader.live import LiveLoader, LiveSettings
from common_py.errors import UserError
try:
    LiveLoader(LiveSettings(ring_bytes=1 << 16)).close()
    print("loaded")
except UserError as error:
    print(error.exit_code, error)
"""


def test_locked_memory_counts_before_5_11_only() -> None:
    limits = ["prlimit", "--memlock=65536:65536"]
    capabilities = ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]
    result = subprocess.run(
        [*limits, *capabilities, sys.executable, "-c", LOAD], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    release = tuple(int(number) for number in re.findall(r"\d+", platform.release())[:2])
    if release >= (5, 11):
        assert result.stdout == "loaded\n"
    else:
        assert result.stdout.startswith(f"{NO_PERMISSION} ")
        assert "Operation not permitted" in result.stdout
        assert "CAP_SYS_RESOURCE" in result.stdout


@pytest.mark.parametrize(("code", "exit_code"), [(1, NO_PERMISSION), (12, UNAVAILABLE)])
def test_a_refused_ring_is_one_sentence(code: int, exit_code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(kind: MapType, *_rest: object) -> int:
        raise OSError(code, "the kernel's reason")

    monkeypatch.setattr(live.bpf_syscall, "create_map", refuse)
    with pytest.raises(UserError, match=r"refuses a ring of 65536 bytes: the kernel's reason\.") as raised:
        LiveLoader(LiveSettings(ring_bytes=1 << 16))
    assert raised.value.exit_code == exit_code
