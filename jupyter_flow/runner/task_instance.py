"""``ti`` and ``dag_run`` of the context: what a running task may know of itself and of its run."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any, NamedTuple

from ..authoring.runtime import NOT_GIVEN, Runtime
from ..authoring.xcom_arg import RETURN_VALUE
from ..model.instants import from_iso, from_iso_or_none
from ..model.records import Workload
from .stamps import now


class TaskInstanceKey(NamedTuple):
    """What names one try of one task instance."""

    dag_id: str
    task_id: str
    run_id: str
    try_number: int
    map_index: int


class DagRunView:
    """``dag_run``: the DAG run. Dates are None in a run without a logical date."""

    def __init__(self, workload: Workload, runtime: Runtime) -> None:
        run = workload.run
        self.dag_id = run.dag_id
        self.run_id = run.run_id
        self.run_type = run.run_type
        self.state = "running"
        self.conf = dict(run.conf)
        self.logical_date = self.execution_date = from_iso_or_none(run.logical_date)
        self.data_interval_start = from_iso_or_none(run.data_interval_start)
        self.data_interval_end = from_iso_or_none(run.data_interval_end)
        self.queued_at = from_iso(run.queued_at)
        self.start_date = from_iso(run.start_date)
        self.end_date: datetime | None = None
        self.triggered_by = run.triggered_by
        self.external_trigger = run.run_type == "manual"
        self.partition_key = None
        self._runtime = runtime

    def get_task_instances(self, state: str | Iterable[str] | None = None) -> list[SimpleNamespace]:
        """Return the task instances of the run as they are now (those in ``state``, if given)."""
        return _task_instances(self._runtime, self.dag_id, self.run_id, None, state)

    def get_task_instance(self, task_id: str, map_index: int = -1) -> SimpleNamespace | None:
        """Return one task instance of the run as it is now, None if there is none."""
        found = _task_instances(self._runtime, self.dag_id, self.run_id, task_id, None)
        return next((item for item in found if item.map_index == map_index), None)

    def get_previous_dagrun(self, state: str | None = None) -> SimpleNamespace | None:
        """Return the DAG's run with the latest logical date before this one (in ``state``, if given), or None."""
        return _previous(self._runtime, state)

    def __repr__(self) -> str:
        return f"<DagRun {self.dag_id} @ {self.logical_date}: {self.run_id}>"


class TaskInstanceView:
    """``ti``: the task instance, as its own task may see it. ``max_tries`` is the number of retries, as in Airflow."""

    def __init__(
        self, workload: Workload, runtime: Runtime, task: Any, context: Callable[[], Mapping[str, Any]]
    ) -> None:
        own = workload.task
        self.task = task
        self.task_id = own.task_id
        self.dag_id = workload.run.dag_id
        self.run_id = workload.run.run_id
        self.map_index = workload.map_index
        self.try_number = workload.try_number
        self.max_tries = max(workload.max_tries - 1, 0)
        self.attempt_number = workload.attempt_number
        self.state = "running"
        self.start_date = now()
        self.first_start_date = from_iso_or_none(workload.first_start)
        self.end_date: datetime | None = None
        self.operator = own.operator
        self.owner = own.owner
        self.pool, self.pool_slots, self.queue = own.pool, own.pool_slots, own.queue
        self.priority_weight = own.priority_weight
        self.logical_date = self.execution_date = from_iso_or_none(workload.run.logical_date)
        self.is_mapped = workload.map_index >= 0
        self.pid = os.getpid()
        self._runtime = runtime
        self._context = context

    @property
    def hostname(self) -> str:
        """The name of the machine that runs the task."""
        return socket.gethostname()

    @property
    def key(self) -> TaskInstanceKey:
        """What names this try."""
        return TaskInstanceKey(self.dag_id, self.task_id, self.run_id, self.try_number, self.map_index)

    @property
    def log_url(self) -> str:
        """The path of the attempt's log under the address of the Jupyter Server."""
        from urllib.parse import quote

        dag_id, run_id, task_id = (quote(name, safe="") for name in (self.dag_id, self.run_id, self.task_id))
        place = f"/jupyter-flow/api/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/log"
        return f"{place}?map_index={self.map_index}&attempt={self.attempt_number}"

    def xcom_push(self, key: str, value: Any) -> None:
        """Hand ``value`` to the other tasks of the DAG run, under ``key``."""
        self._runtime.xcom_push(key, value)

    def xcom_pull(
        self,
        task_ids: str | Iterable[str] | None = None,
        dag_id: str | None = None,
        key: str | None = RETURN_VALUE,
        include_prior_dates: bool = False,
        *,
        map_indexes: Any = NOT_GIVEN,
        default: Any = None,
        run_id: str | None = None,
    ) -> Any:
        """Return what the task ``task_ids`` pushed under ``key``, else ``default``.

        A list of ids gives a list of values, a mapped task the list over its map indexes; no id means this task.
        """
        return self._runtime.xcom_pull(
            task_ids, dag_id, key, include_prior_dates, map_indexes=map_indexes, default=default, run_id=run_id
        )

    def get_dagrun(self) -> DagRunView:
        """Return the DAG run."""
        found: DagRunView = self._context()["dag_run"]
        return found

    def get_template_context(self) -> Mapping[str, Any]:
        """Return the context of the task."""
        return self._context()

    def get_previous_dagrun(self, state: str | None = None) -> SimpleNamespace | None:
        """Return the DAG's run before this one (in ``state``, if given), or None."""
        return _previous(self._runtime, state)

    def __repr__(self) -> str:
        return f"<TaskInstance: {self.dag_id}.{self.task_id} {self.run_id} try {self.try_number}>"


def _task_instances(
    runtime: Runtime, dag_id: str, run_id: str, task_id: str | None, state: str | Iterable[str] | None
) -> list[SimpleNamespace]:
    rows = runtime.ask("ask.task_instances", dag_id=dag_id, run_id=run_id, task_id=task_id)["task_instances"]
    wanted = None if state is None else {state} if isinstance(state, str) else set(map(str, state))
    return [_facts(row) for row in rows if wanted is None or row["state"] in wanted]


def _previous(runtime: Runtime, state: str | None) -> SimpleNamespace | None:
    row = runtime.ask("ask.previous_run", state=None if state is None else str(state))["run"]
    return None if row is None else _facts(row)


def _facts(row: Mapping[str, Any]) -> SimpleNamespace:
    dates = {name: from_iso_or_none(row[name]) for name in row if name.endswith(("_date", "_at", "_start", "_end"))}
    return SimpleNamespace(**{**row, **dates})
