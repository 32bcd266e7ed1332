"""From table rows to the frozen records that leave the drawer."""

from __future__ import annotations

from typing import Any

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


def to_run(row: _ROW) -> rows.DagRun:
    """Read a row of ``dag_run``."""
    return rows.DagRun(
        id=row.id,
        dag_id=row.dag_id,
        run_id=row.run_id,
        run_type=RunType(row.run_type),
        state=RunState(row.state),
        row_version=row.row_version,
        dag_version_id=row.dag_version_id,
        logical_date=row.logical_date,
        data_interval_start=row.data_interval_start,
        data_interval_end=row.data_interval_end,
        run_after=row.run_after,
        queued_at=row.queued_at,
        start_date=row.start_date,
        end_date=row.end_date,
        conf=row.conf,
        triggered_by=row.triggered_by,
        actor=row.actor,
        timezone=row.timezone,
        reason=Reason.from_json(row.reason),
        cancel_requested_at=row.cancel_requested_at,
        cancel_requested_by=row.cancel_requested_by,
        retries_used=row.retries_used,
        backfill_id=row.backfill_id,
        parent_run_id=row.parent_run_id,
        asset_event_set=row.asset_event_set,
        note=row.note,
        wall_text=row.wall_text,
        parent_task_instance_id=row.parent_task_instance_id,
        parent_try_number=row.parent_try_number,
        held_by=row.held_by,
    )


def to_task_instance(row: _ROW) -> rows.TaskInstance:
    """Read a row of ``task_instance``."""
    return rows.TaskInstance(
        id=row.id,
        dag_run_id=row.dag_run_id,
        dag_id=row.dag_id,
        run_id=row.run_id,
        task_id=row.task_id,
        map_index=row.map_index,
        operator=row.operator,
        state=TaskState(row.state),
        row_version=row.row_version,
        try_number=row.try_number,
        max_tries=row.max_tries,
        attempt_count=row.attempt_count,
        infra_losses=row.infra_losses,
        attempt_id=row.attempt_id,
        scheduled_at=row.scheduled_at,
        queued_at=row.queued_at,
        start_date=row.start_date,
        end_date=row.end_date,
        check_at=or_none(row.check_at),
        reason=Reason.from_json(row.reason),
        failing_cell=row.failing_cell,
        cancel_requested_at=row.cancel_requested_at,
        cancel_requested_by=row.cancel_requested_by,
        follow=row.follow,
        label=row.label,
        first_started_at=row.first_started_at,
        reschedules=row.reschedules,
    )


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
