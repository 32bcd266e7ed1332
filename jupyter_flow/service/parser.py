"""The host's side of parsing: when to look, and writing what the parse loop found."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from ..execution.children import Launcher, Notice
from ..model.errors import FlowError
from ..parsing.apply import apply_gone, apply_parsed, bundle_of
from ..parsing.loop import File, ParseLoop
from ..parsing.parsed import ParsedFile, Problem
from ..parsing.watch import Watcher
from ..storage import dag_files, host, timetables
from ..storage.database import is_shared
from . import due
from .custom_timetables import CustomTimetables
from .house import House
from .lease import place

log = logging.getLogger(__name__)

PATIENCE = 0.1
"""Seconds that results wait, while other parses run, to share one transaction with theirs."""

Item = tuple[ParsedFile, str | None]
"""A file with the hash of its bundle."""


class Parser:
    """Keeps the DAGs in the drawer equal to the DAG folders. ``changed(dag_ids)`` is called after a commit.

    ``only``: parse this file alone and leave everything else in the drawer as it is.
    """

    def __init__(
        self, house: House, launcher: Launcher, changed: Callable[[set[str]], None], only: File | None = None
    ) -> None:
        self._house = house
        self._changed = changed
        self._only = only
        self.loop = ParseLoop(house.config, launcher, house.spool)
        self.timetables = CustomTimetables(house, launcher, changed)
        self.watcher = Watcher([] if only else self.loop.folders)
        self._in_conflict: set[File] = set()
        self._write_at: float | None = None
        self._freed = False

    def start(self) -> None:
        """Watch, look for the first time, forget files that went while no host ran."""
        for leftover in self._house.spool.glob("parse-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        self.watcher.start()
        self.look()
        with self._house.reading() as connection:
            known = set(dag_files.known_files(connection))
            elsewhere = self._folders_elsewhere(connection)
        missing = known - {(str(folder), name) for folder, name in self.loop.files()}
        missing = {(folder, name) for folder, name in missing if folder not in elsewhere}
        if self._only is not None:  # the same file, known as one of another DAG folder
            own = self._only[0] / self._only[1]
            missing = {file for file in known if Path(*file) == own} - {(str(self._only[0]), self._only[1])}
        if missing:
            now = self._house.clock.wall()
            with self._house.writing("parse") as connection:
                for folder, name in missing:
                    apply_gone(connection, folder, name, now)

    def _folders_elsewhere(self, connection: Connection) -> set[str]:
        """Return the DAG folders whose files other living hosts see: on other machines, or where we do not look."""
        if not is_shared(connection):
            return set()
        here, own = place(self._house.config.home), {str(folder) for folder in self.loop.folders}
        found: set[str] = set()
        for item in host.open_hosts(connection):
            if item.hostname != here["hostname"]:
                found.update(item.dag_folders)
            elif item.home != here["home"]:
                found.update(set(item.dag_folders) - own)
        return found

    def take(self, notices: list[Notice]) -> None:
        """Take notices of parse children, and of those that ask timetables."""
        self.loop.take(notices)
        self.timetables.loop.take(notices)

    @property
    def busy(self) -> bool:
        """Tell whether something is parsed or asked, or waits for it."""
        return self.loop.busy or self.timetables.busy

    def look(self, *, whole: bool = False) -> None:
        """Walk the folders; ``whole``: parse every DAG file."""
        self.watcher.drain()
        if self._only is not None:
            self.loop.enqueue(self._only)
        else:
            self.loop.look()
        if whole and self._only is None:
            for file in self.loop.files():
                self.loop.enqueue(file)
        self.loop.pump(self._house.clock.monotonic())

    def turn(self) -> bool:
        """Start what waits, write what is finished; True if something was committed."""
        wrote = self._turn_of_files()
        return self.timetables.turn() or wrote

    def _turn_of_files(self) -> bool:
        instant = self._house.clock.monotonic()
        self.loop.pump(instant)
        if not self._is_time_to_write(instant):
            return False
        self._write_at = None
        finished, gone = list(self.loop.finished), list(self.loop.gone)
        went = self._write([self._bundle(parsed) for parsed in finished], gone)
        del self.loop.finished[: len(finished)], self.loop.gone[: len(gone)]
        if went or self._freed:  # a name may be free now for a file that was refused for it
            self._freed = False
            for file in self._in_conflict:
                self.loop.enqueue(file)
            self.loop.pump(self._house.clock.monotonic())
        return True

    def _write(self, items: list[Item], gone: list[File]) -> set[str]:
        """Write all in one transaction and tell of it; return the ids of DAGs that went.

        What makes the transaction of its file fail becomes a problem of that file: it must not hold up the others.
        """
        try:
            with self._house.writing("parse") as connection:
                touched, went = self._apply(connection, items, gone)
        except OperationalError:
            raise  # the database's own trouble
        except Exception as error:
            if items and (gone or len(items) > 1):
                parts = [self._write([], gone)] if gone else []
                return set().union(*parts, *(self._write([item], []) for item in items))
            if not items or not items[0][0].dags:
                raise
            parsed = items[0][0]
            log.exception("what %s defines cannot be stored", parsed.dag_file)
            text = " ".join(str(error).split())[:500]
            return self._write([_refused(parsed, f"what it defines cannot be stored: {text}")], [])
        self._changed(touched | went)
        self.timetables.look_again(touched)
        return went

    def _apply(self, connection: Connection, items: list[Item], gone: list[File]) -> tuple[set[str], set[str]]:
        now = self._house.clock.wall()
        touched: set[str] = set()
        went: set[str] = set()
        for folder, name in gone:
            self._in_conflict.discard((folder, name))
            went.update(apply_gone(connection, str(folder), name, now))
        for parsed, bundle in items:
            applied = apply_parsed(connection, parsed, bundle, self._house.config, now)
            for dag in applied.reschedule:
                timetables.forget_runs(connection, dag.version_id)  # of a version that was replaced in place
                due.refresh_next(connection, dag, now)
            touched.update(dag.dag_id for dag in parsed.dags if applied.changed)
            went.update(applied.gone)
            self._freed = self._freed or applied.freed
            file = (parsed.folder, parsed.dag_file)
            (self._in_conflict.add if applied.in_conflict else self._in_conflict.discard)(file)
        return touched, went

    def next_instant(self) -> float | None:
        """Return the monotonic instant of the next turn if nothing happens before."""
        asking = self.timetables.next_instant()
        instants = [at for at in (self.loop.next_deadline(), self._write_at, asking) if at is not None]
        return min(instants, default=None)

    def _is_time_to_write(self, now: float) -> bool:
        if not self.loop.finished and not self.loop.gone:
            return False
        if self._write_at is None:
            self._write_at = now + PATIENCE
        return not self.loop.busy or self._write_at <= now

    def _bundle(self, parsed: ParsedFile) -> Item:
        try:
            return parsed, bundle_of(parsed, self._house.bundles)
        except FlowError as error:
            return _refused(parsed, str(error))

    def close(self) -> None:
        """End parses and the watcher."""
        self.loop.close()
        self.timetables.close()
        self.watcher.close()


def _refused(parsed: ParsedFile, message: str) -> Item:
    return replace(parsed, dags=(), problems=(*parsed.problems, Problem(message))), None
