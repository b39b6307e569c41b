"""Types of a compiled object, as bpftool reads them from its BTF."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from tests.support.bpftool import bpftool

OBJECTS = Path(__file__).resolve().parents[3] / "agent_py" / "bpf"


@cache
def types(name: str) -> dict[int, dict[str, Any]]:
    """All types of an object, by id."""
    return {one["id"]: one for one in bpftool("btf", "dump", "file", str(OBJECTS / name))["types"]}


def struct(name: str, tag: str) -> dict[str, Any]:
    """A struct by its tag."""
    return next(one for one in types(name).values() if one["kind"] == "STRUCT" and one["name"] == tag)


def enum(name: str, tag: str) -> dict[str, int]:
    """An enum's names and values."""
    found = next(one for one in types(name).values() if one["kind"] == "ENUM" and one["name"] == tag)
    return {value["name"]: value["val"] for value in found["values"]}


def size(name: str, identifier: int) -> int:
    """Bytes of a type."""
    found = types(name)[identifier]
    if found["kind"] == "ARRAY":
        return int(found["nr_elems"]) * size(name, found["type_id"])
    if "size" in found:
        return int(found["size"])
    return size(name, found["type_id"])


def members(name: str, tag: str) -> list[tuple[str, int, int]]:
    """(member, offset, bytes) of a struct, in order."""
    return [
        (member["name"], member["bits_offset"] // 8, size(name, member["type_id"]))
        for member in struct(name, tag)["members"]
    ]
