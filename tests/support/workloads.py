"""Workloads made by hand, for tests of what a runner does with one."""

from __future__ import annotations

from typing import Any

from jupyter_flow.model.records import RunFacts, Workload
from jupyter_flow.model.spec import TaskSpec

DATES: dict[str, Any] = {
    "logical_date": "2026-01-31T00:00:00+00:00",
    "data_interval_start": "2026-01-31T00:00:00+00:00",
    "data_interval_end": "2026-02-01T00:00:00+00:00",
}


def workload(
    task: TaskSpec | None = None, *, dateless: bool = False, run: dict[str, Any] | None = None, **values: Any
) -> Workload:
    """Return a workload of ``task`` (default: an empty one) in a run of the DAG ``d``; ``values`` are its fields."""
    facts: dict[str, Any] = {
        "dag_id": "d",
        "run_id": "manual__1",
        "run_type": "manual",
        "queued_at": "2026-02-01T00:00:00+00:00",
        "start_date": "2026-02-01T00:00:01+00:00",
        "conf": {},
        "params": {},
        "triggered_by": "cli",
        "timezone": "UTC",
        **(dict.fromkeys(DATES) if dateless else DATES),
        **(run or {}),
    }
    given: dict[str, Any] = {
        "attempt_id": "a" * 32,
        "attempt_number": 1,
        "try_number": 1,
        "max_tries": 1,
        "map_index": -1,
        "task": task or TaskSpec("t", "EmptyOperator", "jupyter_flow.operators.empty:EmptyOperator"),
        "run": RunFacts(**facts),
        "dag_file": "example.py",
        "dag_folder": "/nowhere/dags",
        "root": "/nowhere/dags",
        "bundle": "/nowhere/bundle",
        "cwd": "/nowhere/dags",
        "spool": "/nowhere/spool",
        "home": "/nowhere/home",
        **values,
    }
    return Workload(**given)
