"""Where in a function a uprobe is cheap: on an instruction that the kernel emulates instead of single-stepping it.

A probe on push, nop, call rel32, jmp or jcc costs about 1 µs, on anything else about 20 µs (arch/x86/kernel/uprobes.c:
``branch_setup_xol_ops``, ``push_setup_xol_ops``). OpenSSL is compiled in many ways, so the place is looked for in each
library: the first such instruction that every call executes exactly once and at which the argument registers still
have the arguments. When there is none the entry is taken: right, but dearer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import capstone

WINDOW = 64
"""Bytes from the entry in which the place is looked for."""
FUNCTION_LIMIT = 4096
"""Bytes of the function that are searched for jumps back into the window."""

_ARGUMENTS = frozenset(
    {
        "rdi",
        "edi",
        "di",
        "dil",
        "rsi",
        "esi",
        "si",
        "sil",
        "rdx",
        "edx",
        "dx",
        "dl",
        "dh",
        "rcx",
        "ecx",
        "cx",
        "cl",
        "ch",
    }
)


@dataclass(frozen=True, slots=True)
class ProbePoint:
    """``offset`` counts from the function's entry."""

    offset: int
    mnemonic: str
    emulated: bool


def choose(code: bytes) -> ProbePoint:
    """The place for a probe in a function of x86-64 whose code starts with ``code``. Pure; O(len(code))."""
    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    engine.detail = True
    instructions = list(engine.disasm(code[:FUNCTION_LIMIT], 0))
    entry = ProbePoint(0, instructions[0].mnemonic if instructions else "", emulated=False)
    targets = _jump_targets(instructions)
    for instruction in instructions:
        if instruction.address >= WINDOW or (instruction.address and instruction.address in targets):
            return entry
        if is_emulated(bytes(instruction.bytes)):
            return ProbePoint(instruction.address, instruction.mnemonic, emulated=True)
        if _leaves(instruction) or _written(instruction) & _ARGUMENTS:
            return entry
    return entry


def is_emulated(instruction: bytes) -> bool:
    """Whether the kernel emulates the instruction. Those with a prefix (but REX.B before push) it does not."""
    first = instruction[0]
    if first == 0x41:
        return len(instruction) == 2 and 0x50 <= instruction[1] <= 0x57
    if first == 0x0F:
        return 0x80 <= instruction[1] <= 0x8F
    return first == 0x90 or first in (0xE8, 0xE9, 0xEB) or 0x50 <= first <= 0x57 or 0x70 <= first <= 0x7F


def _jump_targets(instructions: list[Any]) -> set[int]:
    """Where the function's own direct jumps go to."""
    return {
        operand.imm
        for instruction in instructions
        if instruction.group(capstone.CS_GRP_JUMP)
        for operand in instruction.operands
        if operand.type == capstone.CS_OP_IMM
    }


def _leaves(instruction: Any) -> bool:
    """Whether what follows is not executed on every call."""
    groups = (
        capstone.CS_GRP_JUMP,
        capstone.CS_GRP_CALL,
        capstone.CS_GRP_RET,
        capstone.CS_GRP_INT,
        capstone.CS_GRP_IRET,
    )
    return any(instruction.group(group) for group in groups)


def _written(instruction: Any) -> set[str]:
    _read, written = instruction.regs_access()
    return {instruction.reg_name(register) for register in written}
