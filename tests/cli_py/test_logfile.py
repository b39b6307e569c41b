from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from cli_py.logfile import TAIL_BYTES, begin, last_lines, older, rotate


@pytest.fixture
def path(tmp_path: Path) -> Path:
    begin(tmp_path / "a.log")
    return tmp_path / "a.log"


def test_a_writer_that_holds_the_file_open_goes_on_at_its_beginning(path: Path) -> None:
    with path.open("ab", buffering=0) as writer:
        writer.write(b"x" * 99)
        assert not rotate(path, 100)
        writer.write(b"y")
        assert rotate(path, 100)
        assert (path.read_bytes(), older(path).read_bytes()) == (b"", b"x" * 99 + b"y")
        writer.write(b"z" * 100)
        assert path.read_bytes() == b"z" * 100
        assert rotate(path, 100)
    assert older(path).read_bytes() == b"z" * 100, "one older file is kept"
    assert sorted(one.name for one in path.parent.iterdir()) == ["a.log", "a.log.1"]


def test_a_log_of_a_run_before_is_gone(path: Path) -> None:
    path.write_bytes(b"old")
    rotate(path, 1)
    begin(path)
    assert [one.name for one in path.parent.iterdir()] == ["a.log"]


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    assert not rotate(tmp_path / "none.log", 1)


def test_a_disk_without_room_for_the_copy_gets_the_room_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, os.strerror(28))

    path.write_bytes(b"x" * 100)
    monkeypatch.setattr(shutil, "copyfile", fail)
    assert rotate(path, 100)
    assert path.stat().st_size == 0
    assert not older(path).exists()


def test_the_last_lines_are_whole(path: Path) -> None:
    path.write_bytes(b"one\ntwo\nthree\xff\n")
    assert last_lines(path) == ["one", "two", "three\ufffd"]
    assert last_lines(path, 9) == ["three\ufffd"]
    assert last_lines(path, 3) == []


def test_of_a_huge_log_only_the_end_is_read(path: Path) -> None:
    """A sparse file: reading it whole would need a tebibyte of memory."""
    os.truncate(path, 1 << 40)
    with path.open("ab") as log:
        log.write(b"\nThe last words.\n")
    assert last_lines(path)[-1] == "The last words."
    assert sum(map(len, last_lines(path))) <= TAIL_BYTES
