from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cloud_py.store.database import connect
from cloud_py.store.tables import metadata, nodes
from common_py.errors import UserError


def test_migrations_from_empty_give_the_tables_of_the_code(tmp_path: Path):
    engine = connect(f"sqlite:///{tmp_path / 'new' / 'cloud.sqlite3'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(sa.text("PRAGMA foreign_keys")).scalar_one() == 1
    engine.dispose()


def test_migrating_again_changes_nothing(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'cloud.sqlite3'}"
    connect(url).dispose()
    engine = connect(url)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars().all() == ["0001"]
    engine.dispose()


def test_a_migration_that_is_killed_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The next start must find the state before: tables without a version would end every start from then on."""
    url = f"sqlite:///{tmp_path / 'cloud.sqlite3'}"

    class Killed(BaseException):
        pass

    def kill(*_arguments: object, **_options: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", kill)
        with pytest.raises(Killed):
            connect(url)
    connect(url).dispose()


def test_what_a_reader_sees_is_of_one_moment(tmp_path: Path):
    engine = connect(f"sqlite:///{tmp_path / 'cloud.sqlite3'}")
    count = sa.select(sa.func.count()).select_from(nodes)
    with engine.connect() as reader:
        assert reader.execute(count).scalar_one() == 0
        with engine.begin() as writer:
            writer.execute(nodes.insert().values(name="n", first_seen=1, last_seen=1, hits=1))
        assert reader.execute(count).scalar_one() == 0
    with engine.connect() as reader:
        assert reader.execute(count).scalar_one() == 1
    engine.dispose()


def test_a_connection_that_opens_does_not_write(tmp_path: Path):
    """A transaction that has read could not write any more: "database is locked", however long it would wait."""
    engine = connect(f"sqlite:///{tmp_path / 'cloud.sqlite'}")
    with engine.begin() as first:
        assert first.execute(sa.select(nodes)).all() == []
        with engine.connect() as second:
            assert second.execute(sa.select(nodes)).all() == []
        first.execute(nodes.insert(), {"name": "a", "first_seen": 1, "last_seen": 1, "hits": 0})
    engine.dispose()


def test_a_schema_from_the_future_is_refused(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'cloud.sqlite3'}"
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(UserError, match="newer version"):
        connect(url)


@pytest.mark.parametrize("url", ["nonsense", "nosuch://host/name"])
def test_an_address_that_is_none_is_refused(url: str):
    with pytest.raises(UserError, match=r"database\.url is not a database address"):
        connect(url)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    path = tmp_path / "text"
    path.write_text("this is no database, and long enough for SQLite to look at its first page" * 20)
    with pytest.raises(UserError, match="Cannot open the database"):
        connect(f"sqlite:///{path}")


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Cannot make the database's directory"):
        connect(f"sqlite:///{tmp_path / 'file' / 'x' / 'cloud.sqlite3'}")
