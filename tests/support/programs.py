"""The BPF programs of this machine: those that are loaded, by whomever, and those that a process holds."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from tests.support.bpftool import bpftool


def held_by(pid: int) -> set[int]:
    """Ids of the programs that a process holds a descriptor of."""
    found: set[int] = set()
    for path in Path(f"/proc/{pid}/fdinfo").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.update(map(int, re.findall(r"^prog_id:\s+(\d+)", path.read_text(), re.MULTILINE)))
    return found


def loaded() -> dict[int, str]:
    """All programs that are loaded, by id: their names."""
    return {one["id"]: one.get("name", "") for one in bpftool("prog", "show")}
