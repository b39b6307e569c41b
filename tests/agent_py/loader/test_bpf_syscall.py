"""Maps by system call, on maps of the test's own."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from struct import pack

import pytest

from agent_py.loader import bpf_syscall
from agent_py.loader.bpf_syscall import MapType

pytestmark = pytest.mark.live


@pytest.fixture
def table() -> Iterator[int]:
    fd = bpf_syscall.create_map(MapType.HASH, 4, 8, 3, "a_name_that_is_too_long")
    yield fd
    os.close(fd)


def test_entries_come_and_go(table: int) -> None:
    assert bpf_syscall.lookup(table, pack("<I", 1), 8) is None
    bpf_syscall.update(table, pack("<I", 1), pack("<Q", 7))
    bpf_syscall.update(table, pack("<I", 2), b"\0" * 8)
    assert bpf_syscall.lookup(table, pack("<I", 1), 8) == pack("<Q", 7)
    assert sorted(bpf_syscall.keys(table, 4)) == [pack("<I", 1), pack("<I", 2)]
    assert bpf_syscall.delete(table, pack("<I", 1)) is True
    assert bpf_syscall.delete(table, pack("<I", 1)) is False
    assert list(bpf_syscall.keys(table, 4)) == [pack("<I", 2)]


def test_a_full_map_says_so(table: int) -> None:
    for key in range(3):
        bpf_syscall.update(table, pack("<I", key), bytes(8))
    with pytest.raises(OSError) as raised:
        bpf_syscall.update(table, pack("<I", 3), bytes(8))
    assert raised.value.errno == errno.E2BIG


def test_descriptors_are_not_inherited(table: int) -> None:
    assert os.get_inheritable(table) is False


def test_a_descriptor_that_is_no_map_is_an_error() -> None:
    with open(os.devnull, "rb") as file, pytest.raises(OSError) as raised:
        list(bpf_syscall.keys(file.fileno(), 4))
    assert raised.value.errno == errno.EINVAL


def test_possible_cpus_cover_the_present_ones() -> None:
    assert bpf_syscall.possible_cpus() >= (os.cpu_count() or 1)
