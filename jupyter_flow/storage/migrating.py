"""Bringing a database to the schema of this version, and refusing any other one.

Alembic is imported only when there is something to migrate: the stored revision is compared first.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from ..model.errors import Conflict
from ..model.faultpoint import faultpoint
from . import database

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0003"
"""The revision that this version reads and writes: the newest file in ``migrations/versions``."""
_PR_SET_PDEATHSIG = 1
"""Of ``prctl(2)``: the signal that comes when the thread ends that forked this process; the host has but one then."""
PATIENCE = 600.0
"""Seconds that a step of a migration may take, or another host that migrates."""


def migrate(engine: Engine) -> bool:
    """Bring the database to :data:`HEAD`, in one transaction; return whether anything had to be done.

    Of several processes that do so at the same moment one migrates, the others wait for it.

    Raises :class:`Conflict` if a newer version of the house has written it.
    """
    with database.begin_write(engine, "migrate", PATIENCE) as connection:
        stored = stored_revision(connection)
        if stored == HEAD:
            return False
        if stored is not None and stored > HEAD:
            raise Conflict(_newer(stored))
        _upgrade(connection)
        return True


def migrate_apart(engine: Engine) -> None:
    """Migrate in a forked child: a process that lives long then does not keep what only Alembic imports (12 MB).

    Does nothing if there is nothing to do or a fork is not safe. Whether it went well, :func:`migrate` tells
    afterwards.
    """
    with database.begin_write(engine, "look_at_schema", PATIENCE) as connection:
        if stored_revision(connection) == HEAD:
            return
    if not sys.platform.startswith("linux") or threading.active_count() > 1:
        return
    engine.dispose()  # no connection is shared with the child
    faultpoint("migrate.before_fork")
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            _end_with(parent)
            migrate(engine)
        finally:
            os._exit(0)
    faultpoint("migrate.after_fork")
    os.waitpid(pid, 0)


def _end_with(parent: int) -> None:
    """Let this child be killed when its ``parent`` is: it has inherited the lease, which the next host needs."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it was gone before
        os._exit(0)


def check_schema(connection: Connection) -> None:
    """Raise :class:`Conflict` unless the database has the schema of this version."""
    stored = stored_revision(connection)
    if stored is None:
        raise Conflict("the database is empty: start the host once, it creates the tables")
    if stored > HEAD:
        raise Conflict(_newer(stored))
    if stored < HEAD:
        raise Conflict(f"the database has schema {stored}, this version needs {HEAD}: restart the host, it migrates")


def stored_revision(connection: Connection) -> str | None:
    """Return the revision of the database, None if it has no tables of ours."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return revision


def _upgrade(connection: Connection) -> None:
    from alembic import command

    command.upgrade(alembic_config(connection), "head")


def alembic_config(connection: Connection) -> Config:
    """Return what Alembic's commands need to work in the transaction of ``connection``."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _newer(stored: str) -> str:
    return f"the database has schema {stored}, newer than {HEAD} of this version: upgrade jupyterlab-flow"
