"""One database: connections, transactions, and its failures in sentences with a remedy.

A transaction that writes takes the write lock at its beginning, so that two of them cannot both read, and then lose
what the other wrote.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, TimeoutError
from sqlalchemy.pool import QueuePool

from chat.errors import StoreProblem
from chat.store import migrate

BUSY_MS = 5000
_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -16000",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA trusted_schema = OFF",
)
_ELSEWHERE = "Or name another place with --data-directory or --database-url."
# By the beginning of SQLite's own name for the error; the first that fits.
_SQLITE = (
    ("SQLITE_BUSY", "database_locked", "another program holds the database {where} locked", "Close it and try again."),
    ("SQLITE_READONLY", "database_read_only", "the database {where} may only be read", "Give Parley the right to write "
     "to the file and to its folder."),
    ("SQLITE_FULL", "database_full", "there is no room left for the database {where}", "Free some disk space."),
    ("SQLITE_IOERR", "database_unreadable", "the disk failed while the database {where} was used", "Look at the disk."),
    ("SQLITE_CANTOPEN", "database_unreadable", "the database {where} cannot be opened", "Look whether the folder is "
     "there and may be written to."),
    ("SQLITE_CORRUPT", "database_broken", "the database {where} is damaged", "Put back a copy from before."),
    ("SQLITE_NOTADB", "database_broken", "{where} is not an SQLite database", "Move the file away."),
)  # fmt: skip


class Database:
    """A database at an address. Nothing is opened before `open`; every method may be called from any thread."""

    def __init__(self, address: str) -> None:
        self.url = parse_address(address)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.file = Path(self.url.database) if self.is_sqlite and self.url.database else None
        self.where = str(self.file) if self.file else self.url.render_as_string(hide_password=True)
        self._opened_file: tuple[int, int] | None = None
        self._engine = self._connect()
        self._write_lock = threading.Lock()

    def open(self) -> None:
        """Make the file where there is none, and bring its tables up to date. Raises StoreProblem."""
        if self.file is not None:
            try:
                self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise StoreProblem(
                    f"the folder {self.file.parent} cannot be made: {error.strerror}",
                    code="database_unreadable",
                    hint=_ELSEWHERE,
                ) from error
        with self._transaction(writes=False) as connection:
            revision = migrate.revision_of(connection)
            migrate.refuse_unknown(revision)
        self._opened_file = self._identity()
        if revision != migrate.REVISIONS[-1]:
            with self.writing() as connection:
                migrate.upgrade(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of everything. Raises StoreProblem."""
        self._look_at_the_file()
        with self._transaction(writes=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection that alone may write until its end, which keeps all or nothing. Raises StoreProblem."""
        self._look_at_the_file()
        with self._turn() if self.is_sqlite else nullcontext(), self._transaction(writes=True) as connection:
            yield connection

    def close(self) -> None:
        """Close every connection that nobody uses."""
        self._engine.dispose()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One after the other: SQLite would let those who wait sleep for ever longer."""
        if not self._write_lock.acquire(timeout=BUSY_MS / 1000):
            raise StoreProblem(
                f"the database {self.where} is busy", code="database_locked", hint="Try again in a moment."
            )
        try:
            yield
        finally:
            self._write_lock.release()

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                connection.execution_options(writes=writes)
                with connection.begin():
                    yield connection
        except DBAPIError as error:
            raise self._in_words(error) from error
        except TimeoutError as error:
            raise StoreProblem("every connection to the database is in use", code="database_locked") from error

    def _connect(self) -> Engine:
        try:
            engine = create_engine(
                self.url, poolclass=QueuePool, pool_size=8, max_overflow=120, pool_timeout=10, hide_parameters=True
            )
        except (ModuleNotFoundError, NoSuchModuleError) as error:
            raise StoreProblem(
                f"the database {self.where} needs a package that is not installed: {error}",
                code="database_driver_missing",
                hint="For PostgreSQL: pip install 'psycopg[binary]' in Parley's environment.",
            ) from error
        if self.is_sqlite:
            event.listen(engine, "connect", _prepare)
            event.listen(engine, "begin", _begin)
        return engine

    def _look_at_the_file(self) -> None:
        """Writing to a file that was deleted would succeed and be lost, so it is looked at each time."""
        now = self._identity()
        if now == self._opened_file:
            return
        self._engine.dispose()
        if now is None:
            raise StoreProblem(
                f"the database {self.where} was removed while the server ran",
                code="database_removed",
                hint="Put it back, or start the server again to begin a new one.",
            )
        self.open()

    def _identity(self) -> tuple[int, int] | None:
        if self.file is None:
            return None
        try:
            found = self.file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _in_words(self, error: DBAPIError) -> StoreProblem:
        name = getattr(error.orig, "sqlite_errorname", "")
        for beginning, code, sentence, remedy in _SQLITE:
            if name.startswith(beginning):
                return StoreProblem(sentence.format(where=self.where), code=code, hint=f"{remedy} {_ELSEWHERE}")
        if not self.is_sqlite and (error.connection_invalidated or isinstance(error, InterfaceError)):
            return self._unreachable()
        first_line = str(error.orig).partition("\n")[0]
        if not self.is_sqlite and "connect" in first_line:
            return self._unreachable()
        return StoreProblem(f"the database {self.where} refused: {first_line}", code="database_error")

    def _unreachable(self) -> StoreProblem:
        return StoreProblem(
            f"the database {self.where} cannot be reached",
            code="database_unreachable",
            hint=f"Look whether it runs and lets this server in. {_ELSEWHERE}",
        )


def parse_address(address: str) -> URL:
    """An address such as sqlite:///data/parley.db or postgresql://name@host/parley. Raises StoreProblem."""
    try:
        url = make_url(address)
    except (ArgumentError, ValueError) as error:
        raise StoreProblem(
            "database_url is not an address of a database",
            code="database_unreadable",
            hint="It looks like sqlite:///data/parley.db or postgresql://user:password@host/name.",
        ) from error
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreProblem(
            f"Parley keeps its data in SQLite or PostgreSQL, not in {url.get_backend_name()}",
            code="database_unreadable",
            hint=_ELSEWHERE,
        )
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _prepare(connection: object, _: object) -> None:
    # Python's own sqlite3 would begin a transaction only at the first write, which loses updates.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma).close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
