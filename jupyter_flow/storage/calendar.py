"""The runs of a DAG by day, counted by the database: a long history makes no long answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from sqlalchemy import Connection, Integer, and_, column, func, or_, select, values

from .schema import dag_run
from .types import UtcDateTime


def states_between(connection: Connection, dag_id: str, bounds: Sequence[datetime]) -> list[dict[str, int]]:
    """Return for each span from one of ``bounds`` to the next how many runs of a DAG are in which state.

    A run belongs to the span of its logical date; one that has none to that of its ``run_after``.
    """
    columns = (column("place", Integer), column("start", UtcDateTime), column("until", UtcDateTime))
    rows = [(place, start, until) for place, (start, until) in enumerate(pairwise(bounds))]
    spans = values(*columns, name="spans").data(rows).cte("spans")
    found: list[dict[str, int]] = [{} for _ in rows]
    dated = and_(dag_run.c.logical_date >= spans.c.start, dag_run.c.logical_date < spans.c.until)
    undated = and_(
        dag_run.c.logical_date.is_(None), dag_run.c.run_after >= spans.c.start, dag_run.c.run_after < spans.c.until
    )
    query = (
        select(spans.c.place, dag_run.c.state, func.count())
        .join_from(spans, dag_run, and_(dag_run.c.dag_id == dag_id, or_(dated, undated)))
        .group_by(spans.c.place, dag_run.c.state)
    )
    for place, state, count in connection.execute(query):
        found[place][state] = count
    return found
