"""The versions of one DAG, without their specs, and the files that each was made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from ..model.errors import NotFound
from .schema import bundle, dag_run, dag_version


@dataclass(frozen=True)
class ListedVersion:
    """A version with how often it was used. Versions that were made of the same files share ``bundle_hash``."""

    number: int
    bundle_hash: str
    created_at: datetime
    runs: int
    last_run_after: datetime | None


def page_of_versions(
    connection: Connection, dag_id: str, limit: int, before: int | None = None
) -> tuple[list[ListedVersion], int | None]:
    """Return the versions of a DAG with a number less than ``before``, newest first, and the next ``before``."""
    uses = (
        select(dag_run.c.dag_version_id, func.count().label("runs"), func.max(dag_run.c.run_after).label("last"))
        .where(dag_run.c.dag_id == dag_id)
        .group_by(dag_run.c.dag_version_id)
        .subquery()
    )
    query = (
        select(
            dag_version.c.number,
            dag_version.c.bundle_hash,
            dag_version.c.created_at,
            func.coalesce(uses.c.runs, 0),
            uses.c.last,
        )
        .outerjoin(uses, uses.c.dag_version_id == dag_version.c.id)
        .where(dag_version.c.dag_id == dag_id)
        .order_by(dag_version.c.number.desc())
        .limit(limit + 1)
    )
    if before is not None:
        query = query.where(dag_version.c.number < before)
    found = [ListedVersion(*row) for row in connection.execute(query)]
    return found[:limit], found[limit - 1].number if len(found) > limit else None


def bundle_hash_of(connection: Connection, dag_id: str, number: int) -> str:
    """Return the hash of the bundle of one version; raises :class:`NotFound`."""
    query = select(dag_version.c.bundle_hash).where(dag_version.c.dag_id == dag_id, dag_version.c.number == number)
    found: str | None = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound(f"DAG {dag_id!r} has no version {number}: it was never used, or its runs were deleted")
    return found


def bundle_files(connection: Connection, bundle_hash: str) -> list[str]:
    """Return the files in a bundle, as paths relative to the DAG folder; none if it is no longer kept."""
    found = connection.execute(select(bundle.c.files).where(bundle.c.bundle_hash == bundle_hash)).scalar_one_or_none()
    return sorted(found or ())
