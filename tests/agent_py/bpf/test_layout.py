"""What Python believes of the kernel programs' structures, against the objects themselves."""

from __future__ import annotations

import re
from struct import Struct, calcsize

import pytest

from agent_py import chunk
from agent_py.loader import live, programs
from agent_py.loader.counters import BLOCK_BYTES, NAMES
from tests.agent_py.bpf import btf

pytestmark = pytest.mark.live

CAPTURE, LIFETIME, KEYS = programs.CAPTURE, programs.LIFETIME, programs.KEYS


def fields(layout: Struct) -> list[tuple[int, int]]:
    """(offset, bytes) of each field of a packed layout."""
    found, at = [], 0
    for code in re.findall(r"\d+s|[A-Za-z]", layout.format.removeprefix("<")):
        found.append((at, calcsize("<" + code)))
        at += calcsize("<" + code)
    return found


@pytest.mark.parametrize(
    ("name", "tag", "layout"),
    [
        (CAPTURE, "chunk", chunk.HEADER),
        (KEYS, "chunk", chunk.HEADER),
        (CAPTURE, "open_info", chunk.OPEN),
        (KEYS, "key_info", chunk.KEY),
        (CAPTURE, "settings", live._SETTINGS),
        (CAPTURE, "connection_key", live._CONNECTION_KEY),
    ],
)
def test_struct_is_laid_out_as_python_reads_it(name: str, tag: str, layout: Struct) -> None:
    assert [(offset, size) for _, offset, size in btf.members(name, tag)] == fields(layout)
    assert btf.struct(name, tag)["size"] == layout.size


def test_the_fields_of_a_chunk_have_the_same_names() -> None:
    assert tuple(member for member, _, _ in btf.members(CAPTURE, "chunk")) == chunk.Chunk.__struct_fields__[:-1]


def test_the_header_of_a_chunk_has_no_padding_before_its_payload() -> None:
    (_, at, _), (_, payload, _) = btf.members(CAPTURE, "scratch")[-2:]
    assert payload - at == chunk.HEADER.size
    assert {member: offset for member, offset, _ in btf.members(KEYS, "key_record")}["info"] == chunk.HEADER.size


@pytest.mark.parametrize(
    ("tag", "prefix", "values"),
    [
        ("chunk_kind", "CHUNK_", chunk.Kind),
        ("chunk_direction", "", chunk.Direction),
        ("chunk_flags", "CHUNK_", chunk.Flag),
        ("key_protocol", "", chunk.KeyProtocol),
    ],
)
def test_enums_have_the_same_values(tag: str, prefix: str, values: type[chunk.Kind]) -> None:
    sources = (btf.OBJECTS / "chunk.h").read_text()
    body = re.search(rf"enum {tag} {{(.*?)}};", sources, re.DOTALL)
    assert body is not None
    written = {name.removeprefix(prefix): int(value) for name, value in re.findall(r"(\w+) = (\d+)", body[1])}
    assert written == {value.name: value.value for value in values}


def test_counters_have_the_same_order() -> None:
    sources = (btf.OBJECTS / "counters.h").read_text()
    body = re.search(r"enum counter {(.*?)}", sources, re.DOTALL)
    assert body is not None
    written = re.findall(r"^\t([A-Z_]+),", body[1], re.MULTILINE)
    assert [name.removeprefix("COUNT_").lower() for name in written] == [*NAMES, "counters"]
    assert btf.struct(CAPTURE, "counters")["size"] == BLOCK_BYTES


@pytest.mark.parametrize("tag", ["connection", "thread", "scratch", "settings", "counters"])
@pytest.mark.parametrize("name", [LIFETIME, KEYS])
def test_objects_agree_on_what_is_in_shared_maps(name: str, tag: str) -> None:
    assert btf.struct(name, tag)["size"] == btf.struct(CAPTURE, tag)["size"]


def test_a_value_of_a_per_cpu_map_fits_into_its_unit() -> None:
    assert btf.struct(CAPTURE, "scratch")["size"] <= 32768, "PCPU_MIN_UNIT_SIZE (include/linux/percpu.h)"


def test_sources_name_their_licence_first() -> None:
    sources = [*btf.OBJECTS.glob("*.c"), *btf.OBJECTS.glob("*.h")]
    assert len(sources) > 8
    for source in sources:
        first = source.read_text().partition("\n")[0]
        assert "SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)" in first, source.name
