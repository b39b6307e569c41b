"""Symbols, offsets and build ids, of made files and of this machine's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_py.discover import elf as elf_module
from agent_py.discover.elf import ChangedError, Elf, ElfError, Symbol
from tests.agent_py.discover.elves import TEXT_OFFSET, Image


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_finds_a_function_and_its_place_in_the_file(tmp_path: Path) -> None:
    image = Image(symbols={"EVP_KDF_derive_other": (4, 1), "EVP_KDF_derive": (16, 21)}, build_id=bytes(range(20)))
    with Elf(write(tmp_path / "lib", image.build())) as elf:
        assert elf.function("EVP_KDF_derive") == Symbol("EVP_KDF_derive", TEXT_OFFSET + 16, 21)
        assert elf.function("EVP_KDF") is None
        assert elf.build_id() == bytes(range(20)).hex()


def test_a_name_may_be_the_end_of_another(tmp_path: Path) -> None:
    image = Image(symbols={"XEVP_KDF_derive": (16, 21)})
    with Elf(write(tmp_path / "lib", image.build())) as elf:
        assert elf.function("EVP_KDF_derive") is None


def test_an_undefined_symbol_is_not_found(tmp_path: Path) -> None:
    with Elf(write(tmp_path / "lib", Image(symbols={"EVP_KDF_derive": (-1, 0)}).build())) as elf:
        assert elf.function("EVP_KDF_derive") is None
        assert elf.build_id() == ""


def test_a_symbol_outside_of_all_segments_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "lib", Image(symbols={"EVP_KDF_derive": (9999, 1)}).build())
    with Elf(path) as elf, pytest.raises(ElfError, match="no segment"):
        elf.function("EVP_KDF_derive")


@pytest.mark.parametrize("data", [b"", b"x", b"#!/bin/sh\n" * 100, b"\x7fELF\x01\x01" + bytes(200), b"\x7fELF\x02\x01"])
def test_what_is_no_elf_file_is_an_error(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ElfError):
        Elf(write(tmp_path / "no", data))


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2000), st.integers(0, 255), st.integers(0, 2000))
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, at: int, to: int, cut: int
) -> None:
    data = bytearray(Image(symbols={"EVP_KDF_derive": (16, 21)}, build_id=bytes(20), sections=(".a",)).build())
    data[at % len(data)] = to
    path = write(tmp_path_factory.getbasetemp() / "damaged", bytes(data[: len(data) - cut % 64]))
    try:
        with Elf(path) as elf:
            symbol = elf.function("EVP_KDF_derive")
            assert symbol is None or symbol.offset < elf.size
            elf.build_id()
            elf.section_names()
    except ElfError:
        pass


def test_agrees_with_readelf_on_this_interpreters_libraries() -> None:
    libraries = [line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libc.so" in line]
    path = Path(libraries[0])
    shown = subprocess.run(["readelf", "-nW", path], capture_output=True, text=True, check=True).stdout
    with Elf(path) as elf:
        assert f"Build ID: {elf.build_id()}" in shown
        found = elf.function("getpid")
        assert found is not None
        assert elf.part(found.offset, 1)
    with Elf(Path(sys.executable).resolve()) as elf:
        assert {".text", ".dynsym"} <= elf.section_names()


def test_a_file_that_is_truncated_while_it_is_read_is_an_error_to_try_again(tmp_path: Path) -> None:
    """A mapped file would have killed this process with SIGBUS."""
    image = Image(symbols={"EVP_KDF_derive": (16, 21)}, build_id=bytes(20), sections=(".a",), rest=bytes(3 << 20))
    path = write(tmp_path / "lib", image.build())
    with Elf(path) as elf:
        os.truncate(path, 100)
        for read in (lambda: elf.function("EVP_KDF_derive"), elf.build_id, elf.section_names, lambda: elf.search(ENDS)):
            with pytest.raises(ChangedError, match="shorter"):
                read()
        with pytest.raises(ChangedError, match="changed"):
            elf.check_unchanged()


def test_a_file_that_grows_or_is_written_has_changed(tmp_path: Path) -> None:
    path = write(tmp_path / "lib", Image().build())
    with Elf(path) as elf:
        elf.check_unchanged()
        with path.open("ab") as file:
            file.write(b"more")
        with pytest.raises(ChangedError):
            elf.check_unchanged()


def test_what_is_no_regular_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ElfError, match="regular"):
        Elf(tmp_path / "fifo")


ENDS = re.compile(rb"OpenSSL 3 ")


@pytest.mark.parametrize("before", range(-12, 3))
def test_a_match_over_the_end_of_a_window_is_found(tmp_path: Path, before: int) -> None:
    data = Image().build()
    fill = elf_module.WINDOW + before - len(data)
    with Elf(write(tmp_path / "lib", data + b"x" * fill + b"OpenSSL 3 " + b"y" * 100)) as elf:
        assert elf.search(ENDS)
        assert not elf.search(re.compile(rb"OpenSSL 4 "))


def test_many_symbols_and_names_are_read_in_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    symbols = {f"function_{number}": (number % 64, 1) for number in range(300)} | {"EVP_KDF_derive": (5, 21)}
    path = write(tmp_path / "lib", Image(symbols=symbols).build())
    monkeypatch.setattr(elf_module, "WINDOW", 24 * 7)
    with Elf(path) as elf:
        assert elf.function("EVP_KDF_derive") == Symbol("EVP_KDF_derive", TEXT_OFFSET + 5, 21)
        assert elf.function("function_299") == Symbol("function_299", TEXT_OFFSET + 299 % 64, 1)


def test_the_bytes_read_of_one_file_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "lib", Image(rest=bytes(1 << 20)).build())
    monkeypatch.setattr(elf_module, "READ_LIMIT", 3 << 20)
    with Elf(path) as elf:
        elf.search(ENDS)
        elf.search(ENDS)
        with pytest.raises(ElfError, match="more than 3 MiB"):
            elf.search(ENDS)
