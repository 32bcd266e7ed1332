"""``jupyter flow db``: the database of the house."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ..model.errors import InvalidInput
from ..wire.environment import COPY_TO_VARIABLE, DB_URL_VARIABLE
from .output import print_json, say
from .settings import FlowGroup, current


@click.group("db", cls=FlowGroup)
def db() -> None:
    """The database of the house."""


@db.command("upgrade")
def upgrade() -> None:
    """Create the database or bring it to this version's schema (a host does so by itself when it starts)."""
    settings = current()
    from ..service.house import open_house

    with open_house(settings.config(), write=True):
        pass
    print_json({"state": "current"}) if settings.json else say("the database has the current schema")


@db.command("check")
def check() -> int:
    """Say whether the database has this version's schema and its rows are sound; exit 2 and what is wrong, if not."""
    settings = current()
    from ..service import database_care

    problems = database_care.check(settings.config())
    if settings.json:
        print_json({"state": "broken" if problems else "current", "problems": problems})
    for problem in problems:
        say(problem)
    if not problems:
        say("the database has the current schema, and its rows are sound")
    return 2 if problems else 0


@db.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
def backup(file: Path, force: bool) -> None:
    """Copy the database (SQLite) to FILE, complete, also while a host works."""
    settings = current()
    from ..service import database_care

    file = file.expanduser().absolute()
    size = database_care.back_up(settings.config(), file, force=force)
    if settings.json:
        print_json({"file": str(file), "bytes": size})
    say(f"{file}: {size:,} bytes")


@db.command("copy")
@click.option("--to", "url", metavar="URL", help=f"SQLAlchemy URL without a password (default: ${COPY_TO_VARIABLE}).")
def copy(url: str | None) -> None:
    """Copy everything into another, empty database: from SQLite to PostgreSQL or back. The host must have ended."""
    settings = current()
    from ..service import database_care

    copied = database_care.copy(settings.config(), _target(url))
    if settings.json:
        print_json({"rows": copied.rows, "tables": copied.tables, "target": copied.target})
    say(f"{copied.rows:,} rows of {copied.tables} tables copied to {copied.target}")
    say(f"from now on: set c.JupyterFlow.db_url, or ${DB_URL_VARIABLE}, to its URL")


def _target(url: str | None) -> str:
    """Return where to copy; all users of a machine can read a command line, so no password may stand there."""
    if url is None:
        url = os.environ.get(COPY_TO_VARIABLE, "")
        if not url:
            raise InvalidInput(f"copy to which database? Give --to URL, or set ${COPY_TO_VARIABLE}")
    else:
        from ..service import database_care

        if database_care.has_password(url):
            raise InvalidInput(
                f"a password on a command line can be read by others: set ${COPY_TO_VARIABLE} to the URL instead"
            )
    return url
