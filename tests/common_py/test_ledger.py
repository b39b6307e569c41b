"""The books that outlive a kill: what the next node reads, and what it does with a file that is none."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from pathlib import Path
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_py import ledger
from common_py.errors import UserError
from common_py.ledger import FILE_BYTES, MAGIC, Ledger
from tests.tiers import REPOSITORY


def begin(path: Path, hits_kept: int = 0) -> Ledger:
    return ledger.begin(path, ledger.read(path), hits_kept=hits_kept)


def losses(books: Ledger) -> tuple[int, int, int]:
    return books.exchanges.killed, books.hits.killed, books.summaries.killed


def test_a_first_start_has_nothing_to_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ledger"
    assert ledger.read(path).closed
    books = begin(path)
    assert losses(books) == (0, 0, 0)
    assert not books.closed
    assert path.stat().st_size == FILE_BYTES
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in tmp_path.iterdir()] == ["ledger"]
    assert capsys.readouterr() == ("", "")


def test_what_was_held_is_counted_by_the_next_and_carried_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    first = begin(path)
    first.exchanges.give(500)
    first.exchanges.settle(470)
    first.hits.give(12)
    first.hits.settle(5)
    first.summaries.give(3)
    second = begin(path)
    assert losses(second) == (30, 7, 3)
    assert (second.exchanges.held, second.hits.held, second.summaries.held) == (0, 0, 0)
    # The first one's mapping is of the file that was replaced: nothing it does from now on is in the new books.
    first.hits.give(100)
    second.hits.give(1)
    assert losses(begin(path)) == (30, 8, 3)
    assert losses(begin(path)) == (30, 8, 3)


def test_what_is_found_again_is_held_and_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    begin(path).hits.give(10)
    second = begin(path, hits_kept=8)
    assert (second.hits.killed, second.hits.held) == (2, 8)
    # More than the books know of: killed before the last batch was given. Never a negative loss.
    third = begin(path, hits_kept=9)
    assert (third.hits.killed, third.hits.held) == (2, 9)


def test_a_clean_stop_leaves_nothing_to_count(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    books = begin(path)
    for account in (books.exchanges, books.hits, books.summaries):
        account.give(4)
        account.settle(4)
    books.close()
    before = ledger.read(path)
    assert before.closed
    after = ledger.begin(path, before, hits_kept=0)
    assert losses(after) == (0, 0, 0)
    assert not after.closed


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "shorter than 4096"),
        (b"oobbooks", "shorter than 4096"),
        (bytes(FILE_BYTES), "does not begin"),
        (b"SQLite format 3\0".ljust(FILE_BYTES, b"x"), "does not begin"),
        (bytes(3 * FILE_BYTES), "longer than 4096"),
        (pack("=QQ", MAGIC, 2).ljust(FILE_BYTES, b"\0"), "version is 2, not 1"),
        (pack("=QQQQQ", MAGIC, 1, 0, 3, 4).ljust(FILE_BYTES, b"\0"), "numbers of exchanges are no counts"),
        (pack("=12Q", MAGIC, 1, 0, *[0] * 8, 1 << 53).ljust(FILE_BYTES, b"\0"), "numbers of summaries are no counts"),
        (b"oobbooks".ljust(FILE_BYTES, b"\xff"), "version is"),
    ],
)
def test_a_file_that_is_no_ledger_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, reason: str
) -> None:
    path = tmp_path / "ledger"
    path.write_bytes(content)
    books = begin(path)
    output = capsys.readouterr().out
    assert output.count("\n") == 1
    assert "The ledger cannot be used" in output
    assert reason in output
    assert str(path) in output
    assert losses(books) == (0, 0, 0)
    books.hits.give(1)
    assert begin(path).hits.killed == 1


@given(st.binary(max_size=200))
def test_any_page_is_read_or_refused(tail: bytes) -> None:
    content = (pack("=QQ", MAGIC, 1) + tail).ljust(FILE_BYTES, b"\0")
    assert ledger.foreign(content) == ""
    books = Ledger(bytearray(content))
    assert books.damage() or min(books.exchanges.held, books.hits.held, books.summaries.held) >= 0


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    with pytest.raises(UserError, match=r"^Cannot write the ledger .*/ledger: Is a directory\. The data"):
        begin(tmp_path / "ledger")
    with pytest.raises(UserError, match="No such file or directory"):
        begin(tmp_path / "missing" / "ledger")


CLERK = """
import os
import sys
from pathlib import Path
from common_py import ledger
path = Path(sys.argv[1])
books = ledger.begin(path, ledger.read(path), hits_kept=0)
for count in range(1, 1 << 40):
    books.exchanges.give(3)
    books.exchanges.settle(2)
    books.hits.give(1)
    if count in (1000, 2000):
        os.write(1, b"%d\\n" % count)
"""


def test_stores_survive_a_kill_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    command = [sys.executable, "-c", CLERK, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        assert [json.loads(process.stdout.readline()) for _ in range(2)] == [1000, 2000]
        process.send_signal(signal.SIGKILL)
    after = ledger.read(path)
    assert not after.closed
    assert after.hits.held >= 2000
    # The kill came between any two of the three stores of a round.
    assert after.exchanges.held - after.hits.held in (0, 1, 3)
