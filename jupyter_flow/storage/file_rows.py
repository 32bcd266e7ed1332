"""DAG files as pages show them: which there are, what they define, and which of their contents were pinned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from .schema import dag, dag_file, dag_version, import_problem


class FileDag(NamedTuple):
    """An active DAG of a DAG file."""

    dag_folder: str
    dag_file: str
    dag_id: str
    is_paused: bool


class PinnedVersion(NamedTuple):
    """A DAG version and the bundle that holds what its DAG file was."""

    dag_id: str
    number: int
    bundle_hash: str
    created_at: datetime


def page_of_files(connection: Connection, limit: int, after: str | None) -> tuple[list[Any], str | None]:
    """Return DAG files as last parsed, by name, those after ``after``; and the ``after`` of the next page.

    A name that stands in several DAG folders comes on one page with all of them.
    """
    names = select(dag_file.c.dag_file).distinct().order_by(dag_file.c.dag_file).limit(limit + 1)
    if after is not None:
        names = names.where(dag_file.c.dag_file > after)
    found = list(connection.scalars(names))
    query = select(dag_file).where(dag_file.c.dag_file.in_(found[:limit]))
    rows = connection.execute(query.order_by(dag_file.c.dag_file, dag_file.c.dag_folder)).all()
    return list(rows), found[limit - 1] if len(found) > limit else None


def dags_of_files(connection: Connection, names: Sequence[str]) -> list[FileDag]:
    """Return the active DAGs of DAG files by name, by id."""
    query = select(dag.c.dag_folder, dag.c.dag_file, dag.c.dag_id, dag.c.is_paused)
    query = query.where(dag.c.is_active, dag.c.dag_file.in_(list(names))).order_by(dag.c.dag_id)
    return [FileDag(*row) for row in connection.execute(query)]


def problem_counts(connection: Connection, names: Sequence[str]) -> dict[tuple[str, str, str], int]:
    """Return (DAG folder, DAG file, kind) → how many problems of that kind it has."""
    place = (import_problem.c.dag_folder, import_problem.c.dag_file, import_problem.c.kind)
    query = select(*place, func.count()).where(import_problem.c.dag_file.in_(list(names))).group_by(*place)
    return {(folder, name, kind): count for folder, name, kind, count in connection.execute(query)}


def owners(connection: Connection, dag_ids: Sequence[str]) -> list[FileDag]:
    """Return the active DAGs with these ids."""
    query = select(dag.c.dag_folder, dag.c.dag_file, dag.c.dag_id, dag.c.is_paused)
    return [FileDag(*row) for row in connection.execute(query.where(dag.c.is_active, dag.c.dag_id.in_(list(dag_ids))))]


def pinned_versions(connection: Connection, folder: str, name: str, limit: int) -> list[PinnedVersion]:
    """Return the latest versions of all DAGs that the file defines or last defined, newest first."""
    query = (
        select(dag_version.c.dag_id, dag_version.c.number, dag_version.c.bundle_hash, dag_version.c.created_at)
        .join(dag, dag.c.dag_id == dag_version.c.dag_id)
        .where(dag.c.dag_folder == folder, dag.c.dag_file == name)
        .order_by(dag_version.c.created_at.desc(), dag_version.c.id.desc())
        .limit(limit)
    )
    return [PinnedVersion(*row) for row in connection.execute(query)]
