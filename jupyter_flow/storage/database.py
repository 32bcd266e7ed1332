"""Engines and transactions. Differences between databases stand here and in ``upkeep.py``, nowhere else.

SQLite: WAL with synchronous=FULL, one writer connection, ``BEGIN IMMEDIATE`` for every writer transaction (a reader
never turns into a writer half-way), readers are ``query_only``. On a network file system, where WAL corrupts, the
rollback journal is used and a warning is logged.

PostgreSQL: writers take turns too, by one lock that each write transaction takes first. So ids of events are given in
the order of commits (a reader's cursor passes none over), nothing counted changes before what was decided by it is
written, and no two writers wait for each other. Readers wait for nobody and cannot write.
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
IDLE_IN_TRANSACTION = 8
"""Seconds after which a server ends the transaction of a writer that stands still, and with it its lock."""
OLDEST_SERVER = 14
"""The oldest major version of PostgreSQL that the house runs on."""
HOW_TO_WRITE = (
    "write postgresql+psycopg://USER:PASSWORD@HOST:PORT/NAME, in the password %40 for @, %3A for :, %2F for /"
)
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
def begin_write(
    engine: Engine, name: str = "write", patience: float | None = None, in_turn: bool = True
) -> Iterator[Connection]:
    """Hold the write lock from the start; commit at the end, roll everything back on an exception.

    ``name`` is that of its fault points: ``<name>.before_commit``, ``<name>.after_commit``.
    ``patience``: seconds that the wait for the lock, and a statement on a server, may take (default: as long as the
    loop of a host may stand still). ``in_turn`` False: do not wait for other writers of a server; for a sign of life,
    from which nothing else follows. Raises RuntimeError when this thread holds it already: it would wait for itself.
    """
    held: set[int] = _held.__dict__.setdefault("engines", set())
    if id(engine) in held:
        raise RuntimeError("this thread holds the write lock already: pass the connection on")
    held.add(id(engine))
    try:
        with engine.connect() as connection, _waiting(connection, patience):
            with connection.begin():
                if in_turn and is_shared(connection):
                    _take_turn(connection, patience)
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


def is_shared(bind: Connection | Engine) -> bool:
    """Tell whether hosts of several homes may work on this database at the same time."""
    return bind.dialect.name != "sqlite"


def notify(connection: Connection, message: str) -> None:
    """Send ``message`` (less than 8,000 bytes) to every :class:`Listener` when this transaction is committed."""
    if is_shared(connection):
        connection.execute(_NOTIFY, {"channel": CHANNEL, "message": message})


class Listener:
    """Hears what :func:`notify` sends, on a connection of its own. To be watched for reading by its ``fileno``."""

    def __init__(self, url: str) -> None:
        """Begin to listen. Raises what the driver raises when there is no server."""
        self._engine = _create(url, writer=True)
        try:
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._connection.exec_driver_sql(f"LISTEN {CHANNEL}")
        except BaseException:
            self._engine.dispose()
            raise
        driver: Any = self._connection.connection.driver_connection
        self._driver = driver
        self._descriptor: int = driver.fileno()  # a lost connection does not tell it any more

    def fileno(self) -> int:
        """Return the descriptor of the connection, also after it was lost."""
        return self._descriptor

    def take(self) -> list[str] | None:
        """Return the messages that have come, without waiting; None: the connection is lost, close this listener."""
        messages: list[str] = []
        try:
            self._driver.pgconn.consume_input()
            while (notice := self._driver.pgconn.notifies()) is not None:
                messages.append(notice.extra.decode())
        except self._engine.dialect.loaded_dbapi.Error:
            return None
        return messages

    def close(self) -> None:
        """Listen no more."""
        self._connection.invalidate()
        self._connection.close()
        self._engine.dispose()


@contextmanager
def _waiting(connection: Connection, patience: float | None) -> Iterator[None]:
    """Let a connection wait longer than usual; it has not begun its transaction."""
    raw: Any = connection.connection.driver_connection
    if patience is None:
        yield
    elif is_shared(connection):
        raw.patience = patience
        try:
            yield
        finally:
            raw.patience = PATIENCE
    else:
        raw.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")
        try:
            yield
        finally:
            raw.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _take_turn(connection: Connection, patience: float | None) -> None:
    if patience is not None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(patience * 1000)}")
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(patience * 1000)}")
    connection.execute(_TURN)


_NOTIFY = text("SELECT pg_notify(:channel, :message)")
CHANNEL = "jupyter_flow"
"""The channel on which hosts tell each other of changes. It is the database's own."""
_TURN = text("SELECT pg_advisory_xact_lock(7310503415)")
"""The number is the house's own; whoever shares the database has other ones."""


def described(url: str) -> str:
    """Return what people call a database: its file, or server and name. No user, password or setting."""
    try:
        parsed = make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        return "of an unreadable URL"
    if parsed.get_backend_name() == "sqlite":
        return str(parsed.database)
    host = parsed.host or parsed.query.get("host") or "localhost"
    port = f":{parsed.port}" if parsed.port else ""
    return f"{str(host).rpartition('@')[2]}{port}/{parsed.database or ''}"


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
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not os.path.exists(parsed.database or ""):
        raise NotFound(f"there is no database {parsed.database}")  # it must not be created here
    engine = _create(url, writer=True)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT 1"))
            faultpoint("probe.before_commit")
    finally:
        engine.dispose()


def has_password(url: str) -> bool:
    """Tell whether a URL holds a password, or cannot be read and may."""
    try:
        parsed = make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        return True
    return parsed.password is not None or any("password" in name for name in parsed.query)


def _create(url: str, *, writer: bool) -> Engine:
    try:
        parsed = make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):  # their texts may quote the password
        raise InvalidInput(f"the database URL cannot be read: {HOW_TO_WRITE}") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise InvalidInput("database in memory: give a file, several processes share it")
        return _sqlite(parsed, Path(parsed.database), writer)
    if backend != "postgresql":
        raise InvalidInput(f"database {backend!r} is not supported: use sqlite or postgresql")
    if parsed.drivername not in ("postgresql", "postgresql+psycopg"):
        raise InvalidInput(f"database driver {parsed.drivername!r} is not supported: use postgresql+psycopg")
    if "@" in (parsed.host or ""):  # else it would be looked up, and shown, as the name of a host
        raise InvalidInput(f"the database URL has an @ too many: {HOW_TO_WRITE}")
    try:
        return _postgresql(parsed.set(drivername="postgresql+psycopg"), writer)
    except ImportError:
        raise InvalidInput("PostgreSQL needs its driver: pip install 'jupyterlab-flow[postgresql]'") from None


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
    engine = sqlalchemy.create_engine(url, hide_parameters=True, **pool)
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

    def _begin(connection: Any) -> None:
        connection.cursor().execute("BEGIN IMMEDIATE" if writer else "BEGIN")

    # not by the event "begin": an engine with a listener of its own asks for listeners around every statement
    engine.dialect.do_begin = _begin  # type: ignore[assignment]
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
    arguments = {
        "application_name": "jupyter-flow",
        "connect_timeout": CONNECT_WITHIN,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": int(PATIENCE * 1000),
    }
    arguments = {name: value for name, value in arguments.items() if name not in url.query}
    engine = sqlalchemy.create_engine(
        url,
        connect_args=arguments,
        pool_pre_ping=True,
        pool_timeout=CONNECT_WITHIN,
        hide_parameters=True,  # an error is logged, values of variables are not
    )

    ask = engine.dialect.do_ping
    setattr(engine.dialect, "do_ping", lambda found: found.is_there() or ask(found))  # noqa: B010 - of this engine alone

    @event.listens_for(engine, "do_connect")
    def _connect(dialect: Any, _record: Any, positional: Any, named: Any) -> Any:
        return prompt_connection(dialect.dbapi, PATIENCE).connect(*positional, **named)

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        _check_server(connection, described(str(url)))
        settings = {"timezone": "'UTC'", "statement_timeout": int(PATIENCE * 1000)}
        if writer:
            settings |= {"lock_timeout": BUSY_TIMEOUT_MS}
            settings |= {"idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION * 1000}
        else:
            settings |= {"default_transaction_isolation": "'repeatable read'", "default_transaction_read_only": "on"}
            if connection.execute("SELECT to_regclass('alembic_version')").fetchone()[0] is None:
                raise NotFound(f"database {described(str(url))} has no tables: start the host once, it creates them")
        connection.execute("; ".join(f"SET {name} = {value}" for name, value in settings.items()))
        connection.commit()

    return engine


def _check_server(connection: Any, name: str) -> None:
    version = connection.info.server_version // 10_000
    if version < OLDEST_SERVER:
        raise InvalidInput(f"database {name} is PostgreSQL {version}: the house needs {OLDEST_SERVER} or newer")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise InvalidInput(f"database {name} is encoded in {encoding}: create one with ENCODING 'UTF8'")
