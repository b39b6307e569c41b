from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from cloud_py.store import space
from cloud_py.store.database import WAL_BYTES, connect

MIB = 1 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cloud.sqlite3"


@pytest.fixture
def engine(path: Path) -> Iterator[sa.Engine]:
    engine = connect(f"sqlite:///{path}")
    yield engine
    engine.dispose()


def fill(engine: sa.Engine, mib: int) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE filler (data BLOB)"))
        connection.execute(sa.text("INSERT INTO filler VALUES (:data)"), [{"data": b"x" * MIB}] * mib)


def empty(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM filler"))


def used(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return space.used(connection)


def length(engine: sa.Engine, path: Path) -> int:
    """Of the file, after the write-ahead log is in it."""
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        assert connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0] == 0
        connection.exec_driver_sql("BEGIN")
    return path.stat().st_size


def test_what_is_used_is_the_file_without_its_free_pages(engine: sa.Engine, path: Path):
    before = used(engine)
    assert before == length(engine, path)
    fill(engine, 4)
    assert before + 4 * MIB < used(engine) < before + 4.1 * MIB
    empty(engine)
    assert used(engine) <= before + 2 * 4096
    assert length(engine, path) > 4 * MIB, "free pages stay in the file"


def test_a_transaction_sees_what_it_has_written_itself(engine: sa.Engine):
    before = used(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE filler AS SELECT zeroblob(1000000) AS data"))
        assert space.used(connection) > before + 1_000_000


def test_much_free_space_is_given_back_a_bounded_step_at_a_time(
    engine: sa.Engine, path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(space, "STEP_PAGES", 100)
    monkeypatch.setattr(space, "GIVE_BACK_PAGES", 300)
    fill(engine, 4)
    full = length(engine, path)
    assert space.give_back(engine) == 0
    empty(engine)
    content = used(engine)
    assert 300 <= space.give_back(engine) <= 302, "a page of the map of pages may go with them"
    assert length(engine, path) <= full - 300 * 4096
    while space.give_back(engine):
        pass
    assert used(engine) <= content
    assert length(engine, path) < content * 1.5


def test_a_file_of_an_older_version_stays_as_it_is_and_its_pages_are_used_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr("cloud_py.store.database.NEW_FILE", ())
        connect(f"sqlite:///{path}").dispose()
    engine = connect(f"sqlite:///{path}")
    fill(engine, 2)
    full = length(engine, path)
    empty(engine)
    assert space.give_back(engine) == 0
    assert used(engine) < MIB
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO filler VALUES (zeroblob(1800000))"))
    assert length(engine, path) == full
    engine.dispose()


def test_the_write_ahead_log_of_a_large_transaction_is_cut(engine: sa.Engine, path: Path):
    fill(engine, 20)
    log = path.with_name(path.name + "-wal")
    assert log.stat().st_size > 20 * MIB
    for _ in range(2):
        with engine.begin() as connection:
            connection.execute(sa.text("INSERT INTO filler VALUES (zeroblob(8000))"))
    assert log.stat().st_size <= WAL_BYTES


def test_other_databases_bound_themselves():
    other = SimpleNamespace(dialect=SimpleNamespace(name="postgresql"), url=sa.make_url("postgresql://h/n"))
    assert space.used(other) == 0  # type: ignore[arg-type]  # stands in for a connection
    assert space.give_back(other) == 0  # type: ignore[arg-type]  # stands in for an engine
    assert space.directory(other) is None  # type: ignore[arg-type]  # stands in for an engine
    assert space.directory(sa.create_engine("sqlite:///:memory:")) is None
    assert space.shortage(None, 1 << 60) == ""


def test_the_directory_is_that_of_the_file(engine: sa.Engine, tmp_path: Path):
    assert space.directory(engine) == tmp_path


def test_a_floor_is_kept_to_the_byte_that_the_file_system_tells(tmp_path: Path):
    assert space.shortage(tmp_path, 1) == ""
    total = shutil.disk_usage(tmp_path).total
    sentence = space.shortage(tmp_path, total)
    assert f"less than the {total >> 20} MiB of retention.free_bytes" in sentence
    assert str(tmp_path) not in sentence


@given(total=st.integers(1, 1 << 24), free=st.integers(0, 1 << 24), floor=st.integers(0, 1 << 36))
def test_the_floor_is_that_of_the_configuration_or_else_fits_the_file_system(total: int, free: int, floor: int):
    system = SimpleNamespace(f_bavail=free, f_frsize=4096, f_blocks=total)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _path: system)
        refused = space.shortage(Path("/"), floor)
    if floor:
        assert bool(refused) == (free * 4096 < floor)
    else:
        assert bool(refused) == (free * 4096 < 512 * MIB and free * 4096 < total * 4096 // 20)


def test_a_place_that_is_gone_takes_nothing(tmp_path: Path):
    assert space.shortage(tmp_path / "gone", 1) == (
        "The free space of the database's disk cannot be read: No such file or directory."
    )
