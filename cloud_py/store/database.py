"""Opening the database: the engine with SQLite's settings, and the migrations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError

from common_py.errors import CONFIGURATION, UNAVAILABLE, UserError

MIGRATIONS = Path(__file__).resolve().parent / "migrations"

WAL_BYTES = 8 << 20
SETTINGS = (
    "journal_mode=WAL",
    f"journal_size_limit={WAL_BYTES}",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "busy_timeout=5000",
)
"""What each connection to SQLite is set to, in this order."""
NEW_FILE = ("auto_vacuum=INCREMENTAL",)
"""What the first connection to a new file sets before all else."""


def connect(url: str) -> sa.Engine:
    """Return an engine for ``url`` with all migrations applied. Raises UserError, never naming the URL's password."""
    try:
        parsed = sa.make_url(url)
        engine = sa.create_engine(parsed)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as error:
        raise UserError(
            "database.url is not a database address.",
            "Use sqlite:////path/to/file or postgresql+psycopg://user:password@host/name.",
            exit_code=CONFIGURATION,
        ) from error
    except ModuleNotFoundError as error:
        raise UserError(
            f"database.url needs the Python package {error.name}.", "Install it.", exit_code=CONFIGURATION
        ) from error
    if engine.dialect.name == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            _make_directory(Path(parsed.database).parent)
        sa.event.listen(engine, "connect", _configure_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    try:
        migrate(engine)
    except sa.exc.DatabaseError as error:
        raise unusable(parsed, error) from error
    except CommandError as error:
        raise UserError(
            f"The database has a schema this version does not know: {error}.",
            "It was written by a newer version: start that one, or name another database.",
            exit_code=CONFIGURATION,
        ) from error
    return engine


def unusable(url: sa.URL, error: sa.exc.DatabaseError) -> UserError:
    """The sentence for a database that cannot be worked with from the start."""
    return UserError(
        f"Cannot open the database {url.render_as_string(hide_password=True)}: {error.orig}.",
        "Check the path or the server, and the rights on it.",
        exit_code=UNAVAILABLE,
    )


def migrate(engine: sa.Engine) -> None:
    """Bring the schema to the newest version, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UserError(
            f"Cannot make the database's directory {path}: {error.strerror}.",
            "Set database.url to a path that may be written.",
            exit_code=CONFIGURATION,
        ) from error


def _configure_sqlite(connection: Any, _record: object) -> None:
    """WAL lets readers go on beside the writer; NORMAL can lose the last commits on power loss, never corrupt.

    The log is cut to ``WAL_BYTES`` when it begins anew, after each checkpoint (every 1000 pages): a large transaction
    does not leave a large file behind.

    ``auto_vacuum`` (see ``space``) is for a new file and must come first. Of one that has it the statement would write
    a page, beside the writer's lock: a transaction that had read before could then not write ("database is locked").
    """
    # Python's driver begins a transaction only at an INSERT, UPDATE or DELETE: a migration would be one for each table,
    # and a page read from several moments. So transactions are begun by ``_begin_sqlite``.
    connection.isolation_level = None
    cursor = connection.cursor()
    new = cursor.execute("PRAGMA page_count").fetchone()[0] == 0
    for setting in (*NEW_FILE, *SETTINGS) if new else SETTINGS:
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")
