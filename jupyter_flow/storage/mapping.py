"""From table rows to the frozen records that leave the drawer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Row

from ..model import rows
from ..model.reason import Reason
from ..model.spec import schedule_from_json
from ..model.state import RunState, RunType, TaskState
from .types import or_none

_ROW = Row[Any]


def to_dag(row: _ROW) -> rows.Dag:
    """Read a row of ``dag``."""
    return rows.Dag(
        id=row.id,
        dag_id=row.dag_id,
        dag_folder=row.dag_folder,
        dag_file=row.dag_file,
        version_id=row.version_id,
        version_number=row.version_number,
        description=row.description,
        owner=row.owner,
        tags=tuple(row.tags),
        is_paused=row.is_paused,
        is_active=row.is_active,
        schedule=schedule_from_json(row.schedule),
        timezone=row.timezone,
        start_date=row.start_date,
        end_date=row.end_date,
        catchup=row.catchup,
        max_active_runs=row.max_active_runs,
        max_active_tasks=row.max_active_tasks,
        next_logical_date=row.next_logical_date,
        next_interval_start=row.next_interval_start,
        next_interval_end=row.next_interval_end,
        next_run_after=row.next_run_after,
        catchup_window=row.catchup_window,
        max_consecutive_failed_dag_runs=row.max_consecutive_failed_dag_runs,
        asset_cursor=row.asset_cursor,
    )


def to_version(row: _ROW) -> rows.DagVersion:
    """Read a row of ``dag_version``."""
    return rows.DagVersion(
        id=row.id,
        dag_id=row.dag_id,
        number=row.number,
        spec_hash=row.spec_hash,
        spec=row.spec,
        bundle_hash=row.bundle_hash,
        created_at=row.created_at,
    )


_R = TypeVar("_R")


@lru_cache(maxsize=256)
def _getter(columns: tuple[str, ...], names: tuple[str, ...]) -> Callable[[_ROW], tuple[Any, ...]]:
    return itemgetter(*(columns.index(name) for name in names))


def _reader(record: type[_R], **convert: Callable[[Any], Any]) -> Callable[[_ROW], _R]:
    """Return what makes a ``record`` of a row that has a column for each of its fields.

    By place: by name, each column costs more than all else about a row. ``convert``: what is stored another way.
    """
    names = tuple(field.name for field in fields(record))  # type: ignore[arg-type]
    converted = [(names.index(name), function) for name, function in convert.items()]

    def read(row: _ROW) -> _R:
        values = list(_getter(tuple(row._fields), names)(row))
        for place, function in converted:
            values[place] = function(values[place])
        return record(*values)

    return read


_RUN = _reader(rows.DagRun, run_type=RunType, state=RunState, reason=Reason.from_json)
_TASK_INSTANCE = _reader(rows.TaskInstance, state=TaskState, check_at=or_none, reason=Reason.from_json)


def to_run(row: _ROW) -> rows.DagRun:
    """Read a row of ``dag_run``."""
    return _RUN(row)


def to_task_instance(row: _ROW) -> rows.TaskInstance:
    """Read a row of ``task_instance``."""
    return _TASK_INSTANCE(row)


def to_attempt(row: _ROW) -> rows.Attempt:
    """Read a row of ``attempt``."""
    return rows.Attempt(
        id=row.id,
        task_instance_id=row.task_instance_id,
        attempt_number=row.attempt_number,
        try_number=row.try_number,
        host_id=row.host_id,
        dag_version_id=row.dag_version_id,
        boot_id=row.boot_id,
        pid=row.pid,
        start_ticks=row.start_ticks,
        claimed_at=row.claimed_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        outcome=row.outcome,
        reason=Reason.from_json(row.reason),
        failing_cell=row.failing_cell,
        exit_code=row.exit_code,
        signal=row.signal,
        log_path=row.log_path,
        notebook_path=row.notebook_path,
        kernelspec=row.kernelspec,
        log_size=row.log_size,
        notebook_size=row.notebook_size,
        peak_rss=row.peak_rss,
        cpu_time=row.cpu_time,
        rendered=row.rendered,
        metrics=tuple(row.metrics or ()),
        samples=tuple(row.samples or ()),
        worker=row.worker,
        held_by=row.held_by,
    )


def to_event(row: _ROW) -> rows.Event:
    """Read a row of ``event``."""
    return rows.Event(
        id=row.id,
        seq=row.seq,
        kind=row.kind,
        dag_id=row.dag_id,
        run_id=row.run_id,
        task_id=row.task_id,
        map_index=row.map_index,
        state_from=row.state_from,
        state_to=row.state_to,
        reason=Reason.from_json(row.reason),
        actor=row.actor,
        at=row.at,
    )
