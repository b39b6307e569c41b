"""Where TLS secrets can be captured, in made processes and in a real one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent_py.discover import libraries
from agent_py.discover.elf import Elf
from agent_py.discover.libraries import Contents, view
from tests.agent_py.discover.elves import TEXT_OFFSET, Image

TEST_JE = bytes.fromhex("4885ff7413488b07c3")
OPENSSL_3 = Image(
    text=TEST_JE.ljust(64, b"\x90"),
    symbols={"EVP_KDF_derive": (0, len(TEST_JE))},
    build_id=b"\xab\xcd",
    rest=b"\0OpenSSL 3.0.15 3 Sep 2024\0",
)


class Proc:
    """A made /proc with one process, number 7."""

    def __init__(self, directory: Path) -> None:
        self.path = directory
        self.process = directory / "7"
        (self.process / "root").mkdir(parents=True)
        (self.process / "map_files").mkdir()
        self._maps: list[str] = []

    def map(self, path: str, image: Image, *, flags: str = "r-xp", deleted: bool = False) -> None:
        """Map a file; a deleted one is reachable through map_files alone."""
        address = f"{0x1000 * (len(self._maps) + 1):x}-{0x1000 * (len(self._maps) + 2):x}"
        target = self.process / "map_files" / address if deleted else self.process / "root" / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(image.build())
        shown = path + " (deleted)" if deleted else path
        self._maps.append(f"{address} {flags} 00000000 fe:01 {target.stat().st_ino}    {shown}\n")
        (self.process / "maps").write_text("".join(self._maps))

    def execute(self, path: str) -> None:
        (self.process / "exe").symlink_to(path)


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def test_a_mapped_libcrypto_is_a_target(proc: Proc) -> None:
    proc.map("/usr/sbin/nginx", Image())
    proc.map("/usr/lib/libssl.so.3", Image())
    proc.map("/usr/lib/libcrypto.so.3", OPENSSL_3)
    proc.execute("/usr/sbin/nginx")
    (target,) = view(7, proc.path).targets
    assert (target.file.path, target.version, target.build_id) == ("/usr/lib/libcrypto.so.3", "3.0.15", "abcd")
    assert (target.offset, target.point.mnemonic, target.point.emulated) == (TEXT_OFFSET + 3, "je", True)
    status = (proc.process / "root/usr/lib/libcrypto.so.3").stat()
    assert target.identity == (status.st_dev, status.st_ino)


def test_a_replaced_library_is_reached_through_its_mapping(proc: Proc) -> None:
    proc.map("/opt/kong/lib/libcrypto.so.3", OPENSSL_3, deleted=True)
    (target,) = view(7, proc.path).targets
    assert target.file.path == "/opt/kong/lib/libcrypto.so.3"
    assert "/map_files/" in target.file.opened


def test_an_executable_with_openssl_inside_is_a_target(proc: Proc) -> None:
    proc.map("/usr/bin/node", OPENSSL_3)
    proc.execute("/usr/bin/node")
    assert [target.file.path for target in view(7, proc.path).targets] == ["/usr/bin/node"]


def test_on_another_machine_the_entry_is_probed(proc: Proc) -> None:
    proc.map("/usr/lib/libcrypto.so.3", Image(symbols={"EVP_KDF_derive": (8, 16)}, machine=183))
    (target,) = view(7, proc.path).targets
    assert (target.offset, target.point.emulated, target.version) == (TEXT_OFFSET + 8, False, "")


@pytest.mark.parametrize(
    ("path", "image", "reason"),
    [
        ("/usr/lib/libcrypto.so.1.1", Image(rest=b"OpenSSL 1.1.1w  11 Sep 2023"), "OpenSSL 1.1.1w, which has no"),
        ("/usr/lib/libcrypto.so.3", Image(), "of an unknown version"),
        ("/app/server", Image(sections=(".go.buildinfo",)), "Go program"),
        ("/app/server", Image(rest=b"BoringSSL"), "BoringSSL inside"),
        ("/app/server", Image(), "maps no libcrypto"),
        ("/usr/lib/libpcre.so", OPENSSL_3, "maps no libcrypto"),
    ],
)
def test_why_tls_is_not_visible(proc: Proc, path: str, image: Image, reason: str) -> None:
    proc.map(path, image)
    proc.execute("/app/server")
    found = view(7, proc.path)
    assert found.targets == []
    assert reason in found.reason


def test_a_damaged_library_is_a_reason(proc: Proc) -> None:
    proc.map("/usr/lib/libcrypto.so.3", OPENSSL_3)
    library = proc.process / "root/usr/lib/libcrypto.so.3"
    library.write_bytes(b"no library" * 100)
    assert "cannot be read" in view(7, proc.path).reason


def test_a_function_that_claims_to_be_endless_is_read_to_a_limit(proc: Proc) -> None:
    proc.map("/usr/lib/libcrypto.so.3", Image(text=TEST_JE, symbols={"EVP_KDF_derive": (0, 2**64 - 1)}))
    (target,) = view(7, proc.path).targets
    assert target.offset == TEXT_OFFSET + 3


def test_data_mappings_and_ended_processes_are_nothing(proc: Proc) -> None:
    proc.map("/usr/lib/libcrypto.so.3", OPENSSL_3, flags="r--p")
    assert list(libraries.mapped_files(7, proc.path)) == []
    assert list(libraries.mapped_files(8, proc.path)) == []


def test_a_real_process_with_tls() -> None:
    code = "import ssl; print(ssl.OPENSSL_VERSION, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        shown = child.stdout.readline().decode().split()
        found = view(child.pid)
        child.kill()
    (target,) = found.targets
    assert target.version == shown[1]
    assert os.path.basename(target.file.path).startswith("libcrypto")
    assert target.build_id


def test_a_process_that_ends_while_it_is_looked_at_has_no_files(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    proc.map("/usr/lib/libcrypto.so.3", OPENSSL_3)
    looked: list[str] = []

    def status(path: str) -> os.stat_result:
        looked.append(path)
        if len(looked) > 1:
            raise FileNotFoundError(path)
        return original(path)

    original = os.stat
    monkeypatch.setattr(libraries.os, "stat", status)
    assert [file.path for file in libraries.mapped_files(7, proc.path)] == ["/usr/lib/libcrypto.so.3"]
    assert list(libraries.mapped_files(7, proc.path)) == []


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are parsed, in order."""
    paths: list[str] = []

    class Noted(Elf):
        def __init__(self, path: Path | str) -> None:
            paths.append(str(path))
            super().__init__(path)

    monkeypatch.setattr(libraries, "Elf", Noted)
    return paths


def test_a_file_of_many_processes_is_parsed_once_until_it_changes(tmp_path: Path, opened: list[str]) -> None:
    contents = Contents()
    procs = [Proc(tmp_path / str(number)) for number in range(5)]
    procs[0].map("/usr/lib/libcrypto.so.3", OPENSSL_3)
    library = procs[0].process / "root/usr/lib/libcrypto.so.3"
    for proc in procs[1:]:
        (proc.process / "root/usr/lib").mkdir(parents=True)
        os.link(library, proc.process / "root/usr/lib/libcrypto.so.3")
        (proc.process / "maps").write_text((procs[0].process / "maps").read_text())
    views = [view(7, proc.path, contents) for proc in procs for _ in range(3)]
    assert {found.targets[0].offset for found in views} == {TEXT_OFFSET + 3}
    assert len({found.targets[0].file.opened for found in views}) == 5, "each process's own path is told"
    assert len(opened) == 1
    os.utime(library, ns=(0, library.stat().st_mtime_ns + 1))
    assert view(7, procs[3].path, contents).targets
    assert len(opened) == 2


def test_what_is_remembered_is_bounded(tmp_path: Path, opened: list[str]) -> None:
    contents = Contents(limit=2)
    proc = Proc(tmp_path)
    for number in range(3):
        proc.map(f"/usr/lib/libcrypto-{number}.so.3", OPENSSL_3)
    assert len(view(7, proc.path, contents).targets) == 3
    assert (len(contents), len(opened)) == (2, 3)
    view(7, proc.path, contents)
    assert (len(contents), len(opened)) == (2, 6)


def test_a_library_that_is_truncated_while_it_is_read_is_tried_again(
    proc: Proc, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc.map("/usr/lib/libcrypto.so.3", OPENSSL_3)
    library = proc.process / "root/usr/lib/libcrypto.so.3"
    whole, contents = library.read_bytes(), Contents()
    found = Elf.function
    with monkeypatch.context() as patch:
        patch.setattr(Elf, "function", lambda elf, name: (os.truncate(library, 80), found(elf, name))[1])
        seen = view(7, proc.path, contents)
    assert seen.targets == []
    assert seen.again == ["/usr/lib/libcrypto.so.3 cannot be read now: it changed while it was read."]
    assert (seen.reason, len(contents)) == (seen.again[0], 0)
    library.write_bytes(whole)
    (target,) = view(7, proc.path, contents).targets
    assert target.offset == TEXT_OFFSET + 3


def test_what_is_no_library_is_read_once_too(proc: Proc, opened: list[str]) -> None:
    proc.map("/usr/lib/libcrypto.so.3", OPENSSL_3)
    (proc.process / "root/usr/lib/libcrypto.so.3").write_bytes(b"no library" * 100)
    contents = Contents()
    for _ in range(3):
        found = view(7, proc.path, contents)
        assert "cannot be read: no 64-bit" in found.reason
        assert found.again == []
    assert len(opened) == 1
