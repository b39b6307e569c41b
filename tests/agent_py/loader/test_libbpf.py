"""What a user is told when an object cannot be loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent_py.loader import live, programs
from agent_py.loader.libbpf import Object
from agent_py.loader.live import OBJECTS, LiveLoader, LiveSettings
from common_py.errors import NO_INPUT, NO_PERMISSION, UNAVAILABLE, UserError

pytestmark = pytest.mark.live


def test_an_object_that_is_not_compiled(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"capture\.bpf\.o is not compiled\. Run: make bpf") as raised:
        LiveLoader(LiveSettings(), tmp_path)
    assert raised.value.exit_code == NO_INPUT


def test_an_object_that_is_none(tmp_path: Path) -> None:
    (tmp_path / programs.CAPTURE).write_bytes(b"\x7fELF" + bytes(100))
    with pytest.raises(UserError, match=r"^libbpf cannot open capture\.bpf\.o") as raised:
        LiveLoader(LiveSettings(), tmp_path)
    assert raised.value.exit_code == UNAVAILABLE


WRONG = """
typedef unsigned int u32;
__attribute__((section("license"))) char LICENSE[] = "GPL";
__attribute__((section("raw_tracepoint/sched_process_exit"))) int wrong(void *ctx)
{
	volatile int sum = 0;

	for (int i = 0; i < STEPS; i++)
		sum += i;
	return *(int *)(long)77;
}
"""


@pytest.mark.parametrize("steps", [1, 20_000])
def test_the_verifiers_verdict_is_part_of_the_error(tmp_path: Path, steps: int) -> None:
    source = tmp_path / "wrong.c"
    source.write_text(WRONG.replace("STEPS", str(steps)))
    compiled = tmp_path / "wrong.bpf.o"
    subprocess.run(["clang", "-O2", "-g", "-target", "bpf", "-c", source, "-o", compiled], check=True)
    with Object(compiled) as wrong, pytest.raises(UserError) as raised:
        wrong.load()
    assert "wrong.bpf.o" in raised.value.message
    assert "invalid mem access" in raised.value.hint, "also at the end of a log of megabytes"


UNPRIVILEGED = """
from agent_py.loader.live import LiveLoader, LiveSettings
from common_py.errors import UserError
from common_py.process import drop_privileges
drop_privileges(65532)
try:
    LiveLoader(LiveSettings())
except UserError as error:
    print(error.exit_code, error)
"""


def test_without_privileges_the_user_is_told_which_are_missing() -> None:
    result = subprocess.run([sys.executable, "-c", UNPRIVILEGED], capture_output=True, text=True, check=True)
    code, _, sentence = result.stdout.strip().partition(" ")
    assert int(code) == NO_PERMISSION
    assert "Run it as root, or with CAP_BPF and CAP_PERFMON." in sentence
    assert len(sentence.splitlines()) == 1


def test_a_probe_that_the_kernel_refuses(tmp_path: Path) -> None:
    loader = LiveLoader(LiveSettings(ring_bytes=4096))
    try:
        with pytest.raises(UserError, match=r"refuses a probe at .*nothing\+0x10"):
            loader.attach_keys(str(tmp_path / "nothing"), 16)
    finally:
        loader.close()


def test_without_btf_the_user_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(live, "_BTF", tmp_path / "vmlinux")
    with pytest.raises(UserError, match="CONFIG_DEBUG_INFO_BTF") as raised:
        LiveLoader(LiveSettings())
    assert raised.value.exit_code == UNAVAILABLE


def test_a_loader_may_be_closed_twice() -> None:
    before = len(os.listdir("/proc/self/fd"))
    loader = LiveLoader(LiveSettings(ring_bytes=4096))
    assert len(os.listdir("/proc/self/fd")) > before + 30
    loader.close()
    loader.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_objects_are_there() -> None:
    assert all((OBJECTS / name).is_file() for name in (programs.CAPTURE, programs.LIFETIME, programs.KEYS))
