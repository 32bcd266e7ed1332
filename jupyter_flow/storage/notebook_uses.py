"""Which DAGs speak of a file, without reading the specs of all."""

from __future__ import annotations

from sqlalchemy import Connection, or_, select

from ..model.rows import Dag
from .mapping import to_dag
from .schema import dag, dag_version


def dags_speaking_of(connection: Connection, words: str, limit: int) -> list[Dag]:
    """Return active DAGs in whose file name or spec ``words`` stand, by id; some may mean another file of that name."""
    query = (
        select(dag)
        .join_from(dag, dag_version, dag_version.c.id == dag.c.version_id)
        .where(dag.c.is_active)
        .where(
            or_(dag.c.dag_file.contains(words, autoescape=True), dag_version.c.spec.contains(words, autoescape=True))
        )
        .order_by(dag.c.dag_id)
        .limit(limit)
    )
    return [to_dag(row) for row in connection.execute(query)]
