"""The house as views and commands see it: configuration, clock, the drawer, and what a commit sets in motion."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from ..model.config import FlowConfig
from ..model.errors import Conflict, DatabaseAway, FlowError, InvalidInput, NoHost, NotFound
from ..storage import database, migrating
from .authorize import Policy, allow_all
from .clock import Clock, SystemClock
from .lease import Lease
from .trouble import Trouble


class Effects:
    """What a committed command sets in motion. This one, for a house without a host, does nothing."""

    def run_changed(self, dag_run_id: int) -> None:
        """Rows of this run (surrogate key) were changed by a command."""

    def run_anyway(self, dag_run_id: int) -> None:
        """Start this run even if its DAG is paused."""

    def dag_changed(self, dag_id: str) -> None:
        """The DAG was paused, unpaused, deleted, or got a run."""

    def look_again(self) -> None:
        """Something that tasks or DAGs wait for was changed: a pool, the events of an asset."""

    def reload(self, whole: bool) -> None:
        """Look at the DAG folders again; ``whole`` parses unchanged files too."""

    def stop(self, tasks: bool, finish: bool) -> None:
        """End the host: now, or ``finish`` its running tasks first, or cancel ``tasks`` first."""

    def resume(self) -> None:
        """Take back a :meth:`stop` that still waits for running tasks."""

    def troubles(self) -> list[Trouble]:
        """Return what is wrong around the house, the most important first."""
        return []

    def stopping(self) -> str | None:
        """Return why nothing new starts, None in normal service."""
        return None


@dataclass
class House:
    """What a view or command works on. ``engine`` is None in processes that do not hold the lease."""

    config: FlowConfig
    reader: Engine
    engine: Engine | None = None
    clock: Clock = field(default_factory=SystemClock)
    policy: Policy = allow_all
    effects: Effects = field(default_factory=Effects)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent snapshot for reading."""
        with database.connect_read(self.reader) as connection:
            yield connection

    @contextmanager
    def writing(self, name: str = "write", in_turn: bool = True) -> Iterator[Connection]:
        """One write transaction: committed at the end, rolled back by an exception.

        ``name``: of its fault points. ``in_turn`` False: see :func:`..storage.database.begin_write`.
        """
        if self.engine is None:
            raise NoHost("this process only reads: a command needs the host or the lease")
        with database.begin_write(self.engine, name, in_turn=in_turn) as connection:
            yield connection

    @property
    def spool(self) -> Path:
        """The folder of all attempts' folders."""
        return self.config.home / "spool"

    @property
    def bundles(self) -> Path:
        """The folder of all bundles."""
        return self.config.home / "bundles"


@contextmanager
def open_house(config: FlowConfig, *, write: bool = False) -> Iterator[House]:
    """Open the house of ``config.home`` without a host: ``query_only``, or with the lease taken if ``write``.

    Raises :class:`NoHost` when there is no database yet, :class:`Conflict` when a host holds the lease,
    :class:`InvalidInput` when the database is of no use.
    """
    if not write and not config.db_url and not (config.home / "flow.db").exists():
        raise NoHost(f"nothing is recorded in {config.home} yet: start JupyterLab or `jupyter flow scheduler`")
    with ExitStack() as stack:
        if write:
            stack.enter_context(Lease.take(config.home, SystemClock().wall()))
        stack.enter_context(usable(config))
        engine = None
        if write:
            engine = database.create_engine(config.database)
            stack.callback(engine.dispose)
            migrating.migrate(engine)
        reader = database.create_reader(config.database)
        stack.callback(reader.dispose)
        if not write:
            try:
                with database.connect_read(reader) as connection:
                    migrating.check_schema(connection)
            except NotFound:  # no tables
                name = database_name(config)
                raise NoHost(f"nothing is recorded in database {name} yet: start JupyterLab or a host") from None
        yield House(config, reader, engine)


@contextmanager
def usable(config: FlowConfig) -> Iterator[None]:
    """Turn what a database driver says of an unusable database into one clear line.

    Raises :class:`DatabaseAway` for what passes or can be mended while we wait, :class:`Conflict` when another
    program holds the database, :class:`InvalidInput` when it is of no use.
    """
    try:
        yield
    except FlowError:
        raise
    except SQLAlchemyError as error:
        kind, text = database.failure_of(error), database.failure_text(error)
        if kind is None:
            raise
        name = database_name(config)
        if kind == "locked":
            raise Conflict(f"database {name} is locked by another program: close it and try again") from None
        if kind == "full":
            raise DatabaseAway(f"database {name} cannot grow, its disk is full ({text}): free space") from None
        if kind == "away" and config.db_url:
            raise DatabaseAway(f"database {name} does not answer ({text}): start it, or wait and ask again") from None
        raise InvalidInput(f"database {name} cannot be used: {text}") from None


def database_name(config: FlowConfig) -> str:
    """Return what people call the database of ``config``; no password."""
    return database.described(config.database)
