from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent_py.chunk import Kind
from agent_py.loader.replay import ReplaySource
from agent_py.recording import FILE_HEADER, MAGIC, Writer, read
from common_py.errors import UserError
from tests.support.chunks import OFFSET, Bench, Wire
from tests.support.tls import TlsWire, contexts, write_certificates

GET = b"GET /%s HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def replayed(path: Path) -> list[object]:
    bench, source = Bench(), ReplaySource(path)
    exchanges = []
    while not source.finished:
        exchanges += bench.feed(*source.drain(300))
    return exchanges


def test_chunks_come_back_as_they_were(tmp_path: Path) -> None:
    wire = Wire()
    chunks = [wire.open(), wire.read(b"abc"), wire.write(b"head", cut=9), wire.close()]
    with Writer(tmp_path / "a.chunks", OFFSET) as writer:
        for chunk in chunks:
            writer.write(chunk)
    recording = read(tmp_path / "a.chunks")
    assert (recording.clock_offset, list(recording.chunks)) == (OFFSET, chunks)
    assert stat.S_IMODE((tmp_path / "a.chunks").stat().st_mode) == 0o600


def test_a_recording_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "none" / "a.chunks"
    with pytest.raises(
        UserError, match=rf"^Cannot write the recording {path}: No such file or directory\. Name "
    ) as caught:
        Writer(path)
    assert caught.value.exit_code == 73


def test_a_full_recording_counts_what_it_leaves_out_and_says_so_once(tmp_path: Path) -> None:
    with capture_logs() as logs, Writer(tmp_path / "a.chunks", OFFSET, limit=100) as writer:
        for _ in range(3):
            writer.write(Wire().read(b"abc"))
    assert writer.skipped == 2
    assert [(one["event"], one["bytes"]) for one in logs] == [("the recording ends here", 24 + 4 + 56 + 3)]
    assert len(list(read(tmp_path / "a.chunks").chunks)) == 1


def test_a_file_that_others_may_read_becomes_private(tmp_path: Path) -> None:
    path = tmp_path / "a.chunks"
    path.touch(0o644)
    path.chmod(0o644)
    Writer(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_device_keeps_its_mode() -> None:
    before = os.stat("/dev/null").st_mode
    Writer(Path("/dev/null")).close()
    assert os.stat("/dev/null").st_mode == before


def test_a_full_disk_ends_the_recording_and_nothing_else(tmp_path: Path) -> None:
    """The limit on a file's size stands for the disk: it cuts a write short, then refuses it."""
    chunk = Wire().read(b"abc" * 100)
    previous = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Writer(tmp_path / "a.chunks") as writer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, previous[1]))
        try:
            for _ in range(5):
                writer.write(chunk)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, previous)
        writer.write(chunk)
    assert writer.skipped == 4
    assert list(read(tmp_path / "a.chunks").chunks) == [chunk] * 2
    with Writer(Path("/dev/full")) as writer:
        writer.write(chunk)
    assert writer.skipped == 1


def test_what_was_recorded_until_a_kill_is_whole(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a.chunks")
    chunk = Wire().read(b"abc")
    writer.write(chunk)
    assert list(read(tmp_path / "a.chunks").chunks) == [chunk]
    writer.close()


def test_the_same_exchanges_from_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.chunks"
    with Writer(path, OFFSET) as writer:
        bench, wire = Bench(record=writer.write), Wire()
        chunks = [
            wire.open(),
            wire.read(b"POST /a HTTP/1.1\r\nContent-Le"),
            wire.read(b"ngth: 3\r\n\r\nabc"),
            wire.write(OK),
        ]
        chunks += [wire.read(GET % b"b"), wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", cut=99)]
        wire.lose(0, 30)
        chunks += [wire.read(GET % b"c"), wire.close()]
        direct = bench.feed(*chunks)
    assert len(direct) == 3
    assert replayed(path) == direct


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_tls_connection_is_recorded_as_plaintext_without_keys(tmp_path: Path, version: str) -> None:
    path = tmp_path / "a.chunks"
    ends = contexts(tmp_path, write_certificates(tmp_path)[:1], version=version)
    wire = TlsWire(ends).handshake()
    for number in range(3):
        wire.request(GET % b"%d" % number)
        wire.respond(OK)
    with Writer(path, OFFSET) as writer:
        direct = Bench(record=writer.write).feed(*wire.take())
    assert replayed(path) == direct
    assert direct[0].tls is not None
    assert direct[0].tls.server_name == "shop.test"
    kinds = [chunk.kind for chunk in read(path).chunks]
    assert kinds[:2] == [Kind.OPEN, Kind.TLS]
    assert Kind.KEY not in kinds
    secrets = [bytes.fromhex(line.split()[2]) for line in ends.key_log.read_text().splitlines() if line[0] != "#"]
    data = path.read_bytes()
    assert len(secrets) >= 1
    assert all(secret not in data for secret in secrets)


def test_what_is_no_http_is_not_recorded(tmp_path: Path) -> None:
    chunks = []
    wire = Wire()
    Bench(record=chunks.append).feed(wire.open(), wire.read(b"\x00secret"), wire.write(b"x"), wire.close())
    assert chunks == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a recording"),
        (b"PK\x03\x04" + bytes(40), "is not a recording"),
        (FILE_HEADER.pack(MAGIC, 9, 0, 0, 0), "of version 9"),
    ],
)
def test_files_that_are_no_recording(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.chunks"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 66


def test_a_file_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Cannot read the recording"):
        read(tmp_path / "none")
    with pytest.raises(UserError, match="Cannot write the recording"):
        Writer(tmp_path / "no" / "directory", 0)


@pytest.mark.parametrize("keep", [-1, 30, 26])
def test_a_damaged_recording_says_where(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "x.chunks"
    with Writer(path, 0) as writer:
        writer.write(Wire().read(b"abc"))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match="damaged at byte 24"):
        list(read(path).chunks)
