"""What all tables share: the metadata with its names for constraints, and the usual columns."""

from __future__ import annotations

from sqlalchemy import Column, MetaData

from .types import KEY, Id, Word

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = Id(250)
ATTEMPT = Id(32)
DIGEST = Word(64)


def key() -> Column[int]:
    """Return the surrogate key of a table."""
    return Column("id", KEY, primary_key=True)


def namespace() -> Column[str]:
    """Return the column that keeps the objects of one namespace apart from another's."""
    return Column("namespace", ID, nullable=False, server_default="default")
