"""Which instruction is chosen, on prologues as compilers write them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_py.discover.probe_point import WINDOW, choose, is_emulated

TEST, JE, MOV_RCX, MOV_RAX = "4885ff", "7413", "4889c1", "488b07"
SUB, ENDBR, PUSH_RBP, PUSH_R12, NOP5 = "4883ec08", "f30f1efa", "55", "4154", "0f1f440000"
CALL, JMP, JMP_BACK, RET = "e800000000", "eb10", "ebf8", "c3"


@pytest.mark.parametrize(
    ("code", "offset", "mnemonic", "emulated"),
    [
        # OpenSSL 3.0 of Debian 12: test, je.
        ([TEST, JE, MOV_RAX, RET], 3, "je", True),
        # With indirect branch tracking, as Ubuntu compiles.
        ([ENDBR, TEST, JE, RET], 7, "je", True),
        ([ENDBR, PUSH_RBP, RET], 4, "push", True),
        ([PUSH_R12, RET], 0, "push", True),
        ([SUB, CALL, RET], 4, "call", True),
        ([NOP5, PUSH_RBP, RET], 5, "push", True),
        (["90", RET], 0, "nop", True),
        # An argument is overwritten before a cheap instruction comes: the entry.
        ([MOV_RCX, PUSH_RBP, RET], 0, "mov", False),
        (["31c9", PUSH_RBP, RET], 0, "xor", False),
        (["488d7a08", PUSH_RBP, RET], 0, "lea", False),
        # Nothing cheap is executed always.
        ([SUB, RET, PUSH_RBP], 0, "sub", False),
        ([SUB, "ffe0", PUSH_RBP], 0, "sub", False),
        ([MOV_RAX] * 30, 0, "mov", False),
        # A loop comes back to the push: it would count twice.
        ([SUB, PUSH_RBP, "4883c001", "ebf9"], 0, "sub", False),
        ([], 0, "", False),
    ],
)
def test_chooses(code: list[str], offset: int, mnemonic: str, emulated: bool) -> None:
    point = choose(bytes.fromhex("".join(code)))
    assert (point.offset, point.mnemonic, point.emulated) == (offset, mnemonic, emulated)


@pytest.mark.parametrize("code", ["55", "4157", "90", "e800000000", "e900000000", "eb00", "7400", "0f8400000000"])
def test_the_kernel_emulates(code: str) -> None:
    assert is_emulated(bytes.fromhex(code))


@pytest.mark.parametrize("code", ["f30f1efa", "0f1f440000", "6690", "66e80000", "4883ec08", "c3", "ff3500000000", "5d"])
def test_the_kernel_steps_over(code: str) -> None:
    assert not is_emulated(bytes.fromhex(code))


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_a_place_in_the_window(code: bytes) -> None:
    point = choose(code)
    assert 0 <= point.offset < WINDOW
    assert point.emulated or point.offset == 0
