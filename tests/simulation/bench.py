"""What worlds share to be quick: a migrated template, one database file, and engines that know their statements."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from jupyter_flow.storage import database, migrating

from .faults import Armed

HOMES = 3
"""The most homes of a world; each has database connections of its own."""


class Bench:
    """A real SQLite database; only what makes it wait for the disk is off."""

    def __init__(self, folder: Path) -> None:
        template = folder / "template.db"
        engine = database.create_engine(f"sqlite:///{template}")
        migrating.migrate(engine)
        engine.dispose()
        self.folder = folder
        self.path = folder / "flow.db"
        shutil.copyfile(template, self.path)
        self.template = sqlite3.connect(template)
        url = f"sqlite:///{self.path}"
        self.armed: Armed | None = None
        self.engines = [(self._writer(url), database.create_reader(url)) for _ in range(HOMES)]
        self.raw = sqlite3.connect(self.path, isolation_level=None)
        self.raw.execute("PRAGMA synchronous=OFF")

    def _writer(self, url: str) -> Engine:
        engine = database.create_engine(url)

        @event.listens_for(engine, "connect")
        def _be_quick(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA synchronous=OFF")

        @event.listens_for(engine, "before_cursor_execute")
        def _before(*_arguments: Any) -> None:
            if self.armed is not None:
                self.armed.pass_statement()

        return engine

    def reset(self) -> None:
        """Begin with an empty, migrated database."""
        self.template.backup(self.raw)

    def close(self) -> None:
        """Close every connection."""
        for pair in self.engines:
            for engine in pair:
                engine.dispose()
        self.raw.close()
        self.template.close()
