"""``jupyter flow db``: the database of the house."""

from __future__ import annotations

import click

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
    _say_current()


@db.command("check")
def check() -> None:
    """Say whether the database has this version's schema; exit 2 if not."""
    settings = current()
    from ..service.house import open_house

    with open_house(settings.config(), write=False):
        pass
    _say_current()


def _say_current() -> None:
    settings = current()
    print_json({"state": "current"}) if settings.json else say("the database has the current schema")
