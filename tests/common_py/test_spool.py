"""Entries that outlive the process: a kill, a damaged file, a full one."""

from __future__ import annotations

import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_py.spool import MEMORY_ALONE, Spool
from tests.tiers import REPOSITORY


def begin(path: Path, limit: int = 1 << 20) -> tuple[Spool[str], list[tuple[int, str]]]:
    spool = Spool(path, str, limit)
    return spool, spool.read()


def entries(path: Path) -> list[str]:
    """What the next process finds."""
    spool, found = begin(path)
    spool.close()
    return [entry for _, entry in found]


def test_what_is_not_forgotten_is_read_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    spool, found = begin(path)
    assert found == []
    numbers = spool.add(["a", "b", "c"])
    assert len(set(numbers)) == 3
    spool.forget(numbers[:1])
    spool.close()
    assert [item.name for item in tmp_path.iterdir()] == ["spool"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    spool, found = begin(path)
    assert found == list(zip(numbers[1:], "bc", strict=True))
    assert min(spool.add(["d"])) > max(numbers)
    spool.close()


Step = tuple[str, int]


@settings(deadline=None, max_examples=40)  # each example opens files
@given(st.lists(st.tuples(st.sampled_from(["add", "forget", "restart"]), st.integers(0, 4)), max_size=12))
def test_the_file_holds_what_was_added_and_not_forgotten(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    path = tmp_path_factory.mktemp("spool") / "spool"
    spool, held = begin(path)
    added = 0
    for what, count in steps:
        if what == "add":
            new = [str(added + number) for number in range(count)]
            held += zip(spool.add(new), new, strict=True)
            added += count
        elif what == "forget":
            spool.forget([number for number, _ in held[:count]])
            held = held[count:]
        else:
            spool.close()
            spool, found = begin(path)
            assert found == held
    spool.close()


def test_what_does_not_fit_is_in_memory_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spool, _ = begin(tmp_path / "spool", limit=25)
    first = spool.add(["x" * 9, "x" * 9, "x" * 9])
    assert first == [1, 2, MEMORY_ALONE]
    assert spool.add(["x" * 9]) == [MEMORY_ALONE]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1, "once until it is over"
    assert "more than 25 bytes" in lines[0]
    spool.forget([1])
    assert spool.add(["y" * 9]) == [3]
    assert spool.add(["y" * 9]) == [MEMORY_ALONE]
    assert len(capsys.readouterr().out.splitlines()) == 1
    spool.close()
    assert entries(tmp_path / "spool") == ["x" * 9, "y" * 9]


def test_the_bound_counts_what_was_there_before(tmp_path: Path) -> None:
    spool, _ = begin(tmp_path / "spool")
    spool.add(["x" * 20])
    spool.close()
    spool, _ = begin(tmp_path / "spool", limit=25)
    assert spool.add(["x" * 20]) == [MEMORY_ALONE]
    spool.close()


def test_an_empty_file_is_small_again(tmp_path: Path) -> None:
    spool, _ = begin(tmp_path / "spool")
    spool.forget(spool.add(["x" * 100_000] * 5))
    spool.close()
    assert (tmp_path / "spool").stat().st_size > 500_000
    assert entries(tmp_path / "spool") == []
    assert (tmp_path / "spool").stat().st_size < 50_000


def foreign_database(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE others (x)")
    database.close()


def torn(path: Path) -> None:
    spool, _ = begin(path)
    spool.add(["x" * 5000] * 20)
    spool.close()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(b"no database at all" * 100), "file is not a database"),
        (foreign_database, "it is a database of format 0 with 1 tables"),
        (torn, "malformed"),
    ],
)
def test_a_damaged_file_is_set_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str], damage, reason: str) -> None:  # type: ignore[no-untyped-def]  # three makers of damage
    path = tmp_path / "spool"
    damage(path)
    content = path.read_bytes()
    for _ in range(2):
        spool, found = begin(path)
        assert found == []
        assert spool.add(["a"]) != [MEMORY_ALONE]
        spool.close()
        output = capsys.readouterr().out
        assert output.count("\n") == 1
        assert "was set aside" in output
        assert reason in output
        assert entries(path) == ["a"]
        assert path.with_name("spool.damaged").read_bytes() == content
        path.write_bytes(content)


def test_an_entry_that_cannot_be_read_costs_itself_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "spool"
    spool, _ = begin(path)
    numbers = spool.add(["a", "b", "c"])
    spool.close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE entries SET body = x'c1' WHERE number = ?", numbers[1:2])
        database.execute("UPDATE entries SET body = 7 WHERE number = ?", numbers[2:])
    database.close()
    spool, found = begin(path)
    assert found == [(numbers[0], "a")]
    assert "entries=2" in capsys.readouterr().out
    assert MEMORY_ALONE not in spool.add(["d"])
    spool.close()
    assert entries(path) == ["a", "d"]


def test_without_a_usable_place_everything_is_in_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spool").mkdir()
    spool, found = begin(tmp_path / "spool")
    assert found == []
    assert "Hits cannot be kept on the disk" in capsys.readouterr().out
    assert spool.add(["a", "b"]) == [MEMORY_ALONE] * 2
    spool.forget([1])
    spool.close()


def test_a_disk_that_refuses_is_logged_once_and_costs_nothing_that_was_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "spool"
    spool, _ = begin(path)
    kept = spool.add(["a"])
    assert spool._database is not None
    spool._database.execute("PRAGMA query_only = ON")
    assert spool.add(["b"]) == spool.add(["c"]) == [MEMORY_ALONE]
    spool.forget(kept)
    assert capsys.readouterr().out.count("\n") == 1
    spool._database.execute("PRAGMA query_only = OFF")
    assert spool.add(["d"]) != [MEMORY_ALONE]
    spool.close()
    assert entries(path) == ["a", "d"]


WRITER = """
import os
import sys
from pathlib import Path
from common_py.spool import Spool
spool = Spool(Path(sys.argv[1]), str, 1 << 30)
spool.read()
for count in range(1 << 30):
    spool.forget(spool.add([str(count)]))
    spool.add([f"kept {count} {number} " + "x" * 3000 for number in range(7)])
    os.write(1, b"%d\\n" % count)
"""


def test_a_kill_at_any_moment_keeps_what_was_added(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 300:
            pass
        process.send_signal(signal.SIGKILL)
        last = int((process.stdout.read().split() or [b"300"])[-1])
    spool, found = begin(path, 1 << 30)
    kept = [entry.split()[1:3] for _, entry in found if entry.startswith("kept")]
    # Whole batches in order, up to the last one that was reported or the one after it.
    batches = len(kept) // 7
    assert kept == [[str(batch), str(number)] for batch in range(batches) for number in range(7)]
    assert batches - (last + 1) in (0, 1)
    assert len(found) - len(kept) in (0, 1)
    spool.close()
