"""What ``jupyter flow db`` does: look whether a database is sound, back it up, move it to another one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..model.config import FlowConfig
from ..model.errors import NoHost
from ..storage import backup, checking, copying, database, migrating, upkeep
from .clock import SystemClock
from .house import open_house, usable
from .lease import Lease

PATIENCE = 3600.0
"""Seconds that a statement may take when a database is copied."""


@dataclass(frozen=True)
class Copied:
    """How many rows of how many tables went into the database ``target``."""

    rows: int
    tables: int
    target: str


def has_password(url: str) -> bool:
    """Tell whether a database URL holds a password, or cannot be read and may."""
    return database.has_password(url)


def check(config: FlowConfig) -> list[str]:
    """Return a line for everything that is wrong with the database of ``config``, none if it is sound.

    A host may work meanwhile. Raises what :func:`..house.open_house` raises if there is nothing to look at.
    """
    with open_house(config) as house, house.reading() as connection:
        return [*upkeep.problems_of(connection), *checking.breaches(connection)]


def back_up(config: FlowConfig, target: Path, *, force: bool = False) -> int:
    """Copy the database file to ``target`` while hosts may work, and return its size in bytes.

    Raises what :func:`..storage.backup.back_up` raises.
    """
    with open_house(config) as house:
        return backup.back_up(house.reader, target, force=force)


def copy(config: FlowConfig, url: str) -> Copied:
    """Copy all rows of the house into the empty database ``url``, whose tables are made if need be.

    Nobody may write meanwhile: the lease is taken. Raises :class:`Conflict` when a host works on either database or
    the target is not empty; it is as it was then.
    """
    if not config.db_url and not (config.home / "flow.db").exists():
        raise NoHost(f"nothing is recorded in {config.home} yet: there is nothing to copy")
    clock = SystemClock()
    with Lease.take(config.home, clock.wall()):
        source = database.create_reader(config.database)
        target = database.create_engine(url)
        try:
            with usable(config), database.connect_read(source) as reading:
                migrating.check_schema(reading)
                copying.check_unused(reading, clock.wall())
                with usable(replace(config, db_url=url)):
                    migrating.migrate(target)
                    with database.begin_write(target, "copy", PATIENCE) as writing:
                        copied = copying.copy_all(reading, writing)
        finally:
            source.dispose()
            target.dispose()
    return Copied(sum(copied.values()), len(copied), database.described(url))
