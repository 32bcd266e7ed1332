"""Real records for tests: specs, runs, an engine with the current schema, and a small driver of one run."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from jupyter_flow.model.changes import NewRun, TaskChange
from jupyter_flow.model.ids import run_id_for
from jupyter_flow.model.reason import Reason
from jupyter_flow.model.records import Actor, Report
from jupyter_flow.model.rows import DagRun, TaskInstance
from jupyter_flow.model.slots import Ready
from jupyter_flow.model.spec import DagSpec, ScheduleSpec, TaskSpec
from jupyter_flow.model.state import RunState, RunType, TaskState
from jupyter_flow.storage.runs import Claim

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
ACTOR = Actor("ada", "cli", "127.0.0.1", "r1")
EMPTY = "jupyter_flow.operators.empty:EmptyOperator"


def at(seconds: float) -> datetime:
    """T0 plus ``seconds``."""
    return T0 + timedelta(seconds=seconds)


def task(task_id: str, *upstream: str, rule: str = "all_success", **more: object) -> TaskSpec:
    return TaskSpec(task_id, "PythonOperator", upstream=upstream, trigger_rule=rule, **more)  # type: ignore[arg-type]


def dag(*tasks: TaskSpec, dag_id: str = "d", **more: object) -> DagSpec:
    return DagSpec(dag_id, f"{dag_id}.py", tasks, **more)  # type: ignore[arg-type]


def chain(count: int, **more: object) -> DagSpec:
    return dag(*(task(f"t{i}", *([f"t{i - 1}"] if i else [])) for i in range(count)), **more)


def daily(expression: str = "0 0 * * *", interval: bool = True) -> ScheduleSpec:
    return ScheduleSpec("cron", expression, interval=interval)


def run_row(state: RunState = RunState.RUNNING, **more: object) -> DagRun:
    """A run as storage would hand it out."""
    values: dict[str, object] = {
        "id": 1, "dag_id": "d", "run_id": "r", "run_type": RunType.MANUAL, "state": state, "row_version": 1,
        "dag_version_id": 1, "logical_date": T0, "data_interval_start": T0, "data_interval_end": T0,
        "run_after": T0, "queued_at": T0, "start_date": T0, "end_date": None, "conf": {}, "triggered_by": "cli",
        "actor": "ada", "timezone": "UTC", "reason": None, "cancel_requested_at": None, "cancel_requested_by": None,
    }  # fmt: skip
    return DagRun(**(values | more))  # type: ignore[arg-type]


def task_row(spec: TaskSpec, number: int, state: TaskState = TaskState.WAITING, **more: object) -> TaskInstance:
    """A task instance as storage would hand it out."""
    values: dict[str, object] = {
        "id": number, "dag_run_id": 1, "dag_id": "d", "run_id": "r", "task_id": spec.task_id, "map_index": -1,
        "operator": spec.operator, "state": state, "row_version": 1, "try_number": 0, "max_tries": spec.retries + 1,
        "attempt_count": 0, "infra_losses": 0, "attempt_id": None, "scheduled_at": None, "queued_at": None,
        "start_date": None, "end_date": None, "check_at": None, "reason": None, "failing_cell": None,
        "cancel_requested_at": None, "cancel_requested_by": None,
    }  # fmt: skip
    return TaskInstance(**(values | more))  # type: ignore[arg-type]


def task_rows(spec: DagSpec) -> list[TaskInstance]:
    return [task_row(item, number) for number, item in enumerate(spec.tasks, 1)]


def new_run(dag_id: str = "d", instant: datetime = T0, run_type: RunType = RunType.MANUAL, **more: object) -> NewRun:
    values: dict[str, object] = {
        "dag_id": dag_id, "run_id": run_id_for(run_type, instant), "run_type": run_type, "run_after": instant,
        "logical_date": instant, "data_interval_start": instant, "data_interval_end": instant,
        "triggered_by": "cli", "actor": "ada",
    }  # fmt: skip
    return NewRun(**(values | more))  # type: ignore[arg-type]


def attempt_id() -> str:
    return uuid.uuid4().hex


def claims(ready: Iterable[Ready], now: datetime = T0) -> list[Claim]:
    """Ask for all of ``ready`` in the order of picking."""
    asked = sorted(ready, key=lambda item: item.order)
    return [Claim(item, attempt_id(), "0" * 64, now + timedelta(seconds=60)) for item in asked]


def report(attempt: str | None, outcome: str = "success", now: datetime = T0, **more: object) -> Report:
    reason = Reason("ok") if outcome == "success" else Reason("exception", {"type": "ValueError", "message": "no"})
    return Report(attempt or "", outcome, reason, now.isoformat(), now.isoformat(), **more)  # type: ignore[arg-type]


def change(row: TaskInstance, state: TaskState, **more: object) -> TaskChange:
    """A change of ``row`` that expects it unchanged."""
    values: dict[str, object] = {"row_version": row.row_version}
    return TaskChange(row.id, row.task_id, row.map_index, state, **(values | more))  # type: ignore[arg-type]
