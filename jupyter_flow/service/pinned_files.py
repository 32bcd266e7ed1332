"""Where the files are that a DAG version was made of."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from ..storage import host
from .holding import machine
from .house import House


def bundle_folder(house: House, connection: Connection, bundle_hash: str) -> Path | None:
    """Return where a bundle is: with this house, or with another of this machine that shares the database."""
    own = house.bundles / bundle_hash
    if own.is_dir():
        return own
    folders = (Path(home) / "bundles" / bundle_hash for home in host.homes_on(connection, machine()))
    return next((folder for folder in folders if folder.is_dir()), None)
