"""The database of the service: SQLite by default, PostgreSQL by its URL."""

import logging
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, CursorResult, Delete, Engine, Update, create_engine, event, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session

from src.api.store.tables import VERSION, Base, SchemaVersion
from src.errors import StoreError

logger = logging.getLogger(__name__)

_TABLES_LOCK = 5_106_429  # any number that nothing else in the database locks


class Database:
    """Opened when it is first needed, so that a service that only reads images needs none.

    Args:
        url: SQLAlchemy's.

    Raises:
        StoreError: The URL is malformed, or names another kind of database.
    """

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
        except ArgumentError as error:
            raise StoreError(f"LONGHAND_DATABASE_URL: not a database's URL: {error}") from error
        if self._url.get_backend_name() not in ("sqlite", "postgresql"):
            named = self._url.render_as_string(hide_password=True)
            raise StoreError(f"LONGHAND_DATABASE_URL: {named}: the store needs SQLite or PostgreSQL")
        self._engine: Engine | None = None
        self._lock = Lock()

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of SQLite."""
        return self._url.get_backend_name() == "sqlite"

    @property
    def folder(self) -> Path:
        """Where a file of SQLite lies; else the current folder."""
        return Path(self._url.database).parent if self.is_sqlite and self._url.database else Path()

    def session(self) -> Session:
        """A session; its changes last when it is committed.

        Raises:
            StoreError: The database cannot be opened, or is of a later version.
        """
        with self._lock:
            if self._engine is None:
                self._engine = self._open()
        return Session(self._engine, expire_on_commit=False)

    def erase(self) -> None:
        """Take what was deleted out of SQLite's log too, where earlier versions of pages lie."""
        if not self.is_sqlite:
            return
        with self.session() as session:
            busy = session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()[0]
        if busy:
            logger.warning("what was removed may lie in SQLite's log until the next removal: the database was in use")

    def close(self) -> None:
        """End the connections."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _open(self) -> Engine:
        named = self._url.render_as_string(hide_password=True)
        try:
            if self.is_sqlite and self._url.database:
                Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
            engine = create_engine(self._url, pool_pre_ping=not self.is_sqlite)
            if self.is_sqlite:
                event.listen(engine, "connect", _set_up_sqlite)
            with engine.begin() as connection:
                # Of processes that start together one makes the tables, and the others wait for it.
                lock = "BEGIN IMMEDIATE" if self.is_sqlite else f"SELECT pg_advisory_xact_lock({_TABLES_LOCK})"
                connection.execute(text(lock))
                _make_tables(connection, named)
        except (SQLAlchemyError, OSError, ImportError) as error:
            raise StoreError(f"{named}: the store cannot be opened: {error}") from error
        logger.info("store: %s", named)
        return engine


def changed_rows(session: Session, statement: Update | Delete) -> int:
    """Change or remove rows; return how many."""
    result = session.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount


def _set_up_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for setting in (
        "busy_timeout = 10000",  # first: the next line waits for other processes, too
        "journal_mode = WAL",  # readers do not wait for writers
        "synchronous = FULL",  # what was acknowledged survives a power cut
        "foreign_keys = ON",
        "secure_delete = ON",  # what is deleted is overwritten
    ):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _make_tables(connection: Connection, named: str) -> None:
    found = inspect(connection).has_table(SchemaVersion.__tablename__)
    if found:
        version = connection.execute(select(SchemaVersion.version)).scalar_one()
        if version > VERSION:
            raise StoreError(f"{named}: written by a later version of Longhand ({version}); this one knows {VERSION}")
        return
    Base.metadata.create_all(connection)
    connection.execute(SchemaVersion.__table__.insert().values(version=VERSION))  # type: ignore[attr-defined]
