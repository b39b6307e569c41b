"""What the loader attaches is what the objects' sources say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent_py.loader import programs

BPF = Path(__file__).resolve().parents[3] / "agent_py" / "bpf"


def written(name: str, section: str) -> set[tuple[str, str]]:
    """Pairs (end of the section's name, program) in an object's source."""
    source = (BPF / name).with_suffix(".c").read_text()
    return set(re.findall(rf'^SEC\("{section}/(\w+)"\)\nint (\w+)\(', source, re.MULTILINE))


@pytest.mark.parametrize("name", programs.TYPED_TRACEPOINTS)
def test_each_program_at_a_typed_tracepoint_is_attached(name: str) -> None:
    assert {program for _, program in written(name, "tp_btf")} == set(programs.TYPED_TRACEPOINTS[name])


def test_each_program_of_a_closing_call_is_attached_where_its_section_says() -> None:
    pairs = written(programs.CAPTURE, "tracepoint/syscalls")
    named = {(tracepoint.removeprefix("sys_enter_"), program) for tracepoint, program in pairs}
    assert named < set(programs.CLOSING_CALLS.items())
    assert {program for _, program in named} == set(programs.CLOSING_CALLS.values())
    assert set(programs.CLOSING_CALLS) > programs.OPTIONAL_CALLS


def test_the_key_program_is_the_only_probe() -> None:
    assert written(programs.KEYS, "uprobe") == {("EVP_KDF_derive", programs.KEY_PROGRAM)}
