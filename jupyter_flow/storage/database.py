"""Engines and transactions. Every difference between databases stands in this file.

SQLite: WAL with synchronous=FULL, one writer connection, ``BEGIN IMMEDIATE`` for every writer transaction (a reader
never turns into a writer half-way), readers are ``query_only``. On a network file system, where WAL corrupts, the
rollback journal is used and a warning is logged.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import sqlalchemy
from sqlalchemy import Connection, Engine, event, make_url, text
from sqlalchemy.exc import DBAPIError

from ..model.errors import InvalidInput, NotFound
from ..model.faultpoint import faultpoint
from .filesystem import network_filesystem
from .prompt_connection import prompt_connection

_held = threading.local()
logger = logging.getLogger(__name__)

BUSY_TIMEOUT_MS = 5_000
"""How long SQLite waits for another program's lock: as long the host's loop may stand still."""
PATIENCE = 10.0
"""Seconds after which a server that does not answer a statement counts as away."""
CONNECT_WITHIN = 5
"""Seconds in which a server must accept a connection."""
KEY = sqlalchemy.BigInteger().with_variant(sqlalchemy.Integer(), "sqlite")
"""The type of surrogate keys: 64 bits everywhere; SQLite numbers rows by itself only under the name INTEGER."""
NEVER_REUSE_IDS: dict[str, Any] = {"sqlite_autoincrement": True}
"""Table options under which the ids of deleted rows are never given out again (cursors stay true)."""


def create_engine(url: str) -> Engine:
    """Return the engine of the one writer. Raises :class:`InvalidInput` for a database that is not supported."""
    return _create(url, writer=True)


def create_reader(url: str) -> Engine:
    """Return an engine whose connections cannot write; :class:`NotFound` on use if there is no database yet."""
    return _create(url, writer=False)


@contextmanager
def begin_write(engine: Engine, name: str = "write") -> Iterator[Connection]:
    """Hold the write lock from the start; commit at the end, roll everything back on an exception.

    ``name`` is that of its fault points: ``<name>.before_commit``, ``<name>.after_commit``.
    Raises RuntimeError when this thread holds it already: it would wait for itself.
    """
    held: set[int] = _held.__dict__.setdefault("engines", set())
    if id(engine) in held:
        raise RuntimeError("this thread holds the write lock already: pass the connection on")
    held.add(id(engine))
    try:
        with engine.begin() as connection:
            yield connection
            faultpoint(f"{name}.before_commit")
        faultpoint(f"{name}.after_commit")
    finally:
        held.discard(id(engine))


@contextmanager
def connect_read(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees one consistent state until it is closed."""
    with engine.connect() as connection:
        yield connection


def is_shared(connection: Connection) -> bool:
    """Tell whether hosts of several homes may work on this database at the same time."""
    return connection.dialect.name != "sqlite"


def is_file(connection: Connection) -> bool:
    """Tell whether the database is a file of this machine (SQLite), not a server."""
    return connection.dialect.name == "sqlite"


def change_counter(connection: Connection) -> int | None:
    """Return a number that changes with every commit of *another* connection; None where there is no such thing.

    It means something only on one connection that is kept open for nothing else: the call ends its transaction.
    """
    if connection.dialect.name != "sqlite":
        return None
    number: int = connection.execute(text("PRAGMA data_version")).scalar_one()
    connection.rollback()
    return number


Failure = Literal["full", "locked", "unwritable", "away", "refused", "broken"]
"""What is wrong with a database: its disk is full; another program has locked it; it cannot be written; it does not
answer; it does not want us (a wrong password or name); its content cannot be read."""

_SQLITE: dict[str, Failure] = {
    "SQLITE_FULL": "full",
    "SQLITE_BUSY": "locked",
    "SQLITE_LOCKED": "locked",
    "SQLITE_PROTOCOL": "locked",
    "SQLITE_READONLY": "unwritable",
    "SQLITE_PERM": "unwritable",
    "SQLITE_CANTOPEN": "away",
    "SQLITE_IOERR": "away",
    "SQLITE_CORRUPT": "broken",
    "SQLITE_NOTADB": "broken",
}
_POSTGRESQL: dict[str, Failure] = {
    "53100": "full",
    "25006": "unwritable",
    "55P03": "locked",
    "58030": "away",
    "XX001": "broken",
    "XX002": "broken",
}
_PASSING = ("starting up", "shutting down", "recovery", "too many", "connection slots", "terminating")


def failure_of(error: BaseException) -> Failure | None:
    """Return what ``error`` says of the database itself; None if its cause is somewhere else (a wrong statement)."""
    if isinstance(error, sqlalchemy.exc.TimeoutError):  # of the pool: all connections hang
        return "away"
    if not isinstance(error, DBAPIError) or error.orig is None:
        return None
    name = getattr(error.orig, "sqlite_errorname", None)
    if name is not None:
        return next((kind for start, kind in _SQLITE.items() if name.startswith(start)), None)
    code = getattr(error.orig, "sqlstate", None)
    if code in _POSTGRESQL:
        return _POSTGRESQL[code]
    if code is not None and code.startswith(("08", "57P", "53")):
        return "away"
    if error.connection_invalidated:
        return "away"
    if code is None and isinstance(error, sqlalchemy.exc.OperationalError):
        text = str(error.orig)
        return "refused" if "FATAL" in text and not any(word in text for word in _PASSING) else "away"
    return None


def failure_text(error: BaseException) -> str:
    """Return what the driver says, in one line."""
    text = str(getattr(error, "orig", None) or error).strip()
    return " ".join(text.splitlines()[0].split())[:300] if text else type(error).__name__


def probe(url: str) -> None:
    """Take the write lock of the database once and give it back, on a connection of its own. Raises what is wrong."""
    engine = _create(url, writer=True)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT 1"))
    finally:
        engine.dispose()


def _create(url: str, *, writer: bool) -> Engine:
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise InvalidInput(f"database {url!r}: give a file, several processes share it")
        return _sqlite(parsed, Path(parsed.database), writer)
    if backend == "postgresql":
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        return _postgresql(parsed, writer)
    raise InvalidInput(f"database {backend!r} is not supported: use sqlite or postgresql")


def _sqlite(url: sqlalchemy.URL, path: Path, writer: bool) -> Engine:
    remote = network_filesystem(path.parent)
    if remote and writer:
        logger.warning(
            "%s lies on a network file system (%s): the slower rollback journal is used; "
            "set JUPYTER_FLOW_HOME to a folder on a local disk",
            path.parent,
            remote,
        )
    pool = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 60} if writer else {"pool_size": 5}
    engine = sqlalchemy.create_engine(url, **pool)
    journal = "DELETE" if remote else "WAL"

    @event.listens_for(engine, "do_connect")
    def _create_privately(*_arguments: Any) -> None:
        if not writer and not path.exists():
            raise NotFound(f"there is no database {path}: start the host once, it creates it")
        if writer:
            _make_private(path)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin or commit by itself
        statements = [f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}", "PRAGMA foreign_keys=ON"]
        if writer:
            statements += [f"PRAGMA journal_mode={journal}", "PRAGMA synchronous=FULL"]
        else:
            statements += ["PRAGMA query_only=ON", "PRAGMA wal_autocheckpoint=0"]
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine


def _make_private(path: Path) -> None:
    """Create the database file, or make it ours alone. SQLite gives its companions (journal, WAL) the same mode."""
    try:
        if not path.exists():
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        elif path.stat().st_mode & 0o077:
            path.chmod(0o600)  # not by a descriptor: closing one would drop the locks that this process has
    except OSError as error:
        logger.warning("%s cannot be made private: %s", path, error.strerror or error)  # SQLite says what is wrong


def _postgresql(url: sqlalchemy.URL, writer: bool) -> Engine:
    settings: dict[str, Any] = {"pool_pre_ping": True, "pool_timeout": CONNECT_WITHIN}
    if "connect_timeout" not in url.query:
        settings["connect_args"] = {"connect_timeout": CONNECT_WITHIN}
    if writer:
        settings["isolation_level"] = "READ COMMITTED"
    engine = sqlalchemy.create_engine(url, **settings)

    @event.listens_for(engine, "do_connect")
    def _connect(dialect: Any, _record: Any, arguments: Any, named: Any) -> Any:
        return prompt_connection(dialect.dbapi, PATIENCE).connect(*arguments, **named)

    if writer:
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
