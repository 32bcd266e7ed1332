"""The JSON documents that every door hands out: one function per shape, from rows to REST names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ..model.changes import RunInfo
from ..model.instants import from_iso, iso_or_none
from ..model.reason import Reason
from ..model.rows import (
    AssetEvent,
    Attempt,
    Dag,
    DagRun,
    Event,
    ImportProblem,
    ParentTask,
    TaskInstance,
    Variable,
)
from ..model.spec import DagSpec, TaskSpec
from .schedule_words import asset_words, schedule_text

Document = dict[str, Any]


def reason_document(reason: Reason | None) -> Document | None:
    """A reason as ``{"code", "args", "text"}``."""
    return None if reason is None else reason.to_json()


def next_run_document(info: RunInfo) -> Document:
    """A future run."""
    return {
        "run_after": iso_or_none(info.run_after),
        "logical_date": iso_or_none(info.logical_date),
        "data_interval_start": iso_or_none(info.data_interval_start),
        "data_interval_end": iso_or_none(info.data_interval_end),
    }


def dag_document(
    dag: Dag, spec: DagSpec, recent: Sequence[DagRun] = (), warnings: Iterable[str] = (), *, now: datetime
) -> Document:
    """A DAG. ``recent``: its last runs, newest last."""
    next_run = None
    if dag.next_run_after is not None:
        next_run = {
            "run_after": iso_or_none(dag.next_run_after),
            "logical_date": iso_or_none(dag.next_logical_date),
            "data_interval_start": iso_or_none(dag.next_interval_start),
            "data_interval_end": iso_or_none(dag.next_interval_end),
        }
    return {
        **spec_document(spec),
        "is_paused": dag.is_paused,
        "is_active": dag.is_active,
        "dag_folder": dag.dag_folder,
        "version": dag.version_number,
        "warnings": list(warnings),
        "next_run": next_run,
        "recent_runs": [run_document(run, dag.version_number, now=now) for run in recent],
    }


def spec_document(spec: DagSpec) -> Document:
    """The part of a DAG's document that stands in its spec."""
    return {
        "dag_id": spec.dag_id,
        "dag_display_name": spec.display_name or spec.dag_id,
        "description": spec.description,
        "doc_md": spec.doc_md,
        "owner": spec.owner,
        "owner_links": dict(spec.owner_links),
        "tags": list(spec.tags),
        "schedule": schedule_text(spec.schedule),
        "schedule_assets": asset_words(spec.schedule.assets),
        "timezone": spec.timezone,
        "schedule_timezone": spec.schedule.timezone or spec.timezone,
        "dag_file": spec.dag_file,
        "catchup": spec.catchup,
        "catchup_window": spec.catchup_window,
        "start_date": _normal(spec.start_date),
        "end_date": _normal(spec.end_date),
        "max_active_runs": spec.max_active_runs,
        "max_active_tasks": spec.max_active_tasks,
        "max_consecutive_failed_dag_runs": spec.max_consecutive_failed_dag_runs,
        "dagrun_timeout": spec.dagrun_timeout,
        "dag_retries": spec.dag_retries,
        "fail_fast": spec.fail_fast,
        "allowed_run_types": None if spec.allowed_run_types is None else list(spec.allowed_run_types),
        "params": {name: dict(value) if isinstance(value, dict) else value for name, value in spec.params.items()},
    }


def graph_document(spec: DagSpec) -> Document:
    """The graph of a DAG: its ``tasks``, its ``groups`` (each after the one around it) and ``labels`` of edges."""
    return {
        "tasks": task_documents(spec),
        "groups": [
            {
                "group_id": group.group_id,
                "parent": group.parent,
                "label": group.label or group.group_id,
                "tooltip": group.tooltip,
                "is_mapped": group.expand is not None,
            }
            for group in spec.groups
        ],
        "labels": [
            {"upstream": upstream, "downstream": downstream, "label": label}
            for upstream, downstream, label in spec.labels
        ],
    }


def task_documents(spec: DagSpec) -> list[Document]:
    """The tasks of a DAG, in topological order."""
    downstream = spec.downstream()
    return [
        {
            "task_id": task.task_id,
            "task_display_name": task.display_name or task.task_id,
            "operator": task.operator,
            "owner": task.owner,
            "group": task.group,
            "trigger_rule": task.trigger_rule,
            "is_setup": task.is_setup,
            "is_teardown": task.is_teardown,
            "on_failure_fail_dagrun": task.on_failure_fail_dagrun,
            "is_mapped": task.expand is not None,
            "priority_weight": task.priority_weight,
            "weight_rule": task.weight_rule,
            "pool": task.pool,
            "pool_slots": task.pool_slots,
            "queue": task.queue,
            "resource_group": task.resource_group,
            "resources": dict(task.resources),
            "depends_on_past": task.depends_on_past,
            "wait_for_downstream": task.wait_for_downstream,
            "upstream": list(task.upstream),
            "downstream": downstream[task.task_id],
            "retries": task.retries,
            "doc": task.doc,
            "notebook": notebook_of(task),
        }
        for task in spec.tasks
    ]


def notebook_of(task: TaskSpec) -> str | None:
    """The notebook path as the author wrote it (of a ``%%task`` cell its own notebook), None for other tasks."""
    value = task.arguments.get("notebook", task.arguments.get("dag_notebook"))
    return value if isinstance(value, str) else None


def run_document(run: DagRun, version: int, *, now: datetime, parent: ParentTask | None = None) -> Document:
    """A DAG run. ``duration`` counts on until its end. ``parent``: the task that asked for it."""
    return {
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "run_type": str(run.run_type),
        "state": str(run.state),
        "reason": reason_document(run.reason),
        "logical_date": iso_or_none(run.logical_date),
        "data_interval_start": iso_or_none(run.data_interval_start),
        "data_interval_end": iso_or_none(run.data_interval_end),
        "run_after": iso_or_none(run.run_after),
        "timezone": run.timezone,
        "wall_text": run.wall_text,
        "queued_at": iso_or_none(run.queued_at),
        "start_date": iso_or_none(run.start_date),
        "end_date": iso_or_none(run.end_date),
        "duration": _duration(run.start_date, run.end_date, now),
        "conf": dict(run.conf),
        "triggered_by": run.triggered_by,
        "actor": run.actor,
        "version": version,
        "parent": None if parent is None else asdict(parent),
        "cancel_requested": run.cancel_requested_at is not None,
    }


def task_instance_document(
    row: TaskInstance,
    paths: tuple[str | None, str | None],
    reason: Reason | None,
    children: Sequence[DagRun] = (),
    *,
    now: datetime,
    display_name: str | None = None,
) -> Document:
    """A task instance. ``paths``: log and notebook of its latest attempt; ``reason``: why it is so, or waits.

    ``children``: the runs that it asked for. ``display_name``: the name of its task for people.
    """
    return {
        "dag_id": row.dag_id,
        "run_id": row.run_id,
        "task_id": row.task_id,
        "map_index": row.map_index,
        "task_display_name": display_name or row.task_id,
        "label": row.label,
        "operator": row.operator,
        "state": str(row.state),
        "try_number": row.try_number,
        "max_tries": row.max_tries,
        "attempt_number": row.attempt_count,
        "reschedules": row.reschedules,
        "queued_at": iso_or_none(row.queued_at),
        "start_date": iso_or_none(row.start_date),
        "end_date": iso_or_none(row.end_date),
        "duration": _duration(row.start_date, row.end_date, now),
        "reason": reason_document(reason),
        "failing_cell": row.failing_cell,
        "child_runs": [child_document(run) for run in children],
        "log_path": paths[0],
        "notebook_path": paths[1],
    }


def child_document(run: DagRun) -> Document:
    """A run as the task shows it that asked for it."""
    return {"dag_id": run.dag_id, "run_id": run.run_id, "state": str(run.state)}


def attempt_document(attempt: Attempt, *, now: datetime) -> Document:
    """One attempt of a task instance."""
    return {
        "attempt_number": attempt.attempt_number,
        "attempt_id": attempt.id,
        "try_number": attempt.try_number,
        "outcome": attempt.outcome,
        "reason": reason_document(attempt.reason),
        "failing_cell": attempt.failing_cell,
        "pid": attempt.pid,
        "queued_at": iso_or_none(attempt.claimed_at),
        "start_date": iso_or_none(attempt.started_at),
        "end_date": iso_or_none(attempt.finished_at),
        "duration": _duration(attempt.started_at, attempt.finished_at, now),
        "exit_code": attempt.exit_code,
        "signal": attempt.signal,
        "kernelspec": attempt.kernelspec,
        "worker": attempt.worker,
        "peak_rss": attempt.peak_rss,
        "cpu_time": attempt.cpu_time,
        "metrics": [dict(metric) for metric in attempt.metrics],
        "samples": [list(sample) for sample in attempt.samples],
        "log_path": attempt.log_path,
        "notebook_path": attempt.notebook_path,
    }


def problem_document(problem: ImportProblem) -> Document:
    """An import error or warning."""
    return {
        "file": problem.dag_file,
        "folder": problem.dag_folder,
        "line": problem.line,
        "message": problem.message,
        "traceback": problem.traceback,
        "kind": problem.kind,
    }


def warning_document(dag: Dag, message: str) -> Document:
    """A warning about a DAG that does not come from its file, in the shape of :func:`problem_document`."""
    return {
        "file": dag.dag_file,
        "folder": dag.dag_folder,
        "line": None,
        "message": message,
        "traceback": None,
        "kind": "warning",
    }


def asset_event_document(event: AssetEvent) -> Document:
    """Something that happened to an asset."""
    return {
        "id": event.id,
        "asset": {"name": event.name, "uri": event.uri},
        "at": iso_or_none(event.at),
        "extra": dict(event.extra),
        "alias": event.alias,
        "source_dag_id": event.source_dag_id,
        "source_run_id": event.source_run_id,
        "source_task_id": event.source_task_id,
        "source_map_index": event.source_map_index,
        "actor": event.actor,
    }


def variable_document(variable: Variable) -> Document:
    """A variable."""
    return {"key": variable.key, "value": variable.value, "description": variable.description}


def event_document(event: Event) -> Document:
    """An event as the WebSocket sends it. A ``notification`` has ``message`` and ``level`` too."""
    told = dict(event.reason.args) if event.kind == "notification" and event.reason is not None else {}
    return {
        **{name: told[name] for name in ("message", "level") if name in told},
        "type": "event",
        "id": event.id,
        "seq": event.seq,
        "kind": event.kind,
        "dag_id": event.dag_id,
        "run_id": event.run_id,
        "task_id": event.task_id,
        "map_index": event.map_index,
        "state_from": event.state_from,
        "state_to": event.state_to,
        "at": iso_or_none(event.at),
    }


def _duration(start: datetime | None, end: datetime | None, now: datetime) -> float | None:
    return None if start is None else round(max(0.0, ((end or now) - start).total_seconds()), 6)


def _normal(text: str | None) -> str | None:
    return None if text is None else iso_or_none(from_iso(text))
