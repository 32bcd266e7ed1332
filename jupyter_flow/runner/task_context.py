"""The context of a task: what ``execute(context)``, ``get_current_context()`` and templates see."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

from ..authoring.operator import BaseOperator
from ..authoring.runtime import Runtime
from ..authoring.xcom_arg import RETURN_VALUE
from ..model.instants import from_iso, from_iso_or_none
from ..model.records import Workload
from .macros import MACROS, filter_ds, filter_ds_nodash, filter_ts, filter_ts_nodash, filter_ts_nodash_with_tz
from .task_channel import TaskChannel

__all__ = ["TaskChannel", "TaskContext", "build_context", "dag_facts", "task_facts", "working_folder"]


class TaskInstanceView:
    """``ti``: the task instance, as its own task may see it."""

    def __init__(self, workload: Workload, runtime: Runtime) -> None:
        self.task_id = workload.task.task_id
        self.dag_id = workload.run.dag_id
        self.run_id = workload.run.run_id
        self.map_index = workload.map_index
        self.try_number = workload.try_number
        self.max_tries = workload.max_tries
        self.attempt_number = workload.attempt_number
        self.operator = workload.task.operator
        self.owner = workload.task.owner
        self._runtime = runtime

    def xcom_push(self, key: str, value: Any) -> None:
        """Hand ``value`` (JSON) to the other tasks of the DAG run, under ``key``."""
        self._runtime.xcom_push(key, value)

    def xcom_pull(
        self,
        task_ids: str | Iterable[str] | None = None,
        dag_id: str | None = None,
        key: str = RETURN_VALUE,
        include_prior_dates: bool = False,
        *,
        map_indexes: int | None = None,
        default: Any = None,
        run_id: str | None = None,
    ) -> Any:
        """Return what the task ``task_ids`` pushed under ``key``, else ``default``.

        A list of ids gives a list of values; no id means this task.
        """
        if task_ids is not None and not isinstance(task_ids, str):
            return [
                self.xcom_pull(
                    task_id, dag_id, key, include_prior_dates, map_indexes=map_indexes, default=default, run_id=run_id
                )
                for task_id in task_ids
            ]
        found, value = self._runtime.xcom_pull(
            task_ids or self.task_id,
            key,
            map_index=-1 if map_indexes is None else map_indexes,
            dag_id=dag_id,
            run_id=run_id,
            include_prior_dates=include_prior_dates,
        )
        return value if found else default

    def __repr__(self) -> str:
        return f"<TaskInstance: {self.dag_id}.{self.task_id} {self.run_id} try {self.try_number}>"


class VariableView:
    """``var.value`` and ``var.json``: variables by name."""

    def __init__(self, runtime: Runtime, *, as_json: bool) -> None:
        self._runtime = runtime
        self._as_json = as_json

    def get(self, key: str, default: Any = None) -> Any:
        """Return the variable ``key``, else ``default``."""
        text = self._runtime.variable_get(key)
        if text is None:
            return default
        if not self._as_json:
            return text
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"variable {key!r} is not JSON: {error}") from None

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):
            raise AttributeError(key)
        missing = object()
        value = self.get(key, missing)
        if value is missing:
            raise LookupError(f"variable {key!r} is not set: set it with `jupyter flow variables set {key} VALUE`")
        return value

    __getitem__ = __getattr__


class TaskContext(dict[str, Any]):
    """The context of a task. ``for_templates``: the same with plain facts in place of the author's live objects.

    ``template_folders``: where template files are, the pinned copies first.
    """

    def __init__(self, values: Mapping[str, Any], workload: Workload) -> None:
        super().__init__(values)
        base = PurePosixPath(workload.dag_file).parent
        self.template_folders = [str(Path(folder) / base) for folder in (workload.bundle, workload.dag_folder)]
        self.for_templates = {**values, "dag": dag_facts(workload), "task": task_facts(workload)}
        del self.for_templates["runtime"]


def build_context(workload: Workload, runtime: Runtime, operator: BaseOperator | None = None) -> TaskContext:
    """Return the context of the attempt. Names of dates are missing in a run without a logical date."""
    run, task = workload.run, workload.task
    ti = TaskInstanceView(workload, runtime)
    dag: Any = None if operator is None else operator.dag
    context: dict[str, Any] = {
        "dag": dag if dag is not None else dag_facts(workload),
        "dag_id": run.dag_id,
        "dag_run": _dag_run(workload),
        "macros": MACROS,
        "map_index": workload.map_index,
        "params": dict(run.params),
        "run_id": run.run_id,
        "runtime": runtime,
        "task": operator if operator is not None else task_facts(workload),
        "task_id": task.task_id,
        "task_instance": ti,
        "task_instance_key_str": f"{run.dag_id}__{task.task_id}__{run.run_id}",
        "ti": ti,
        "try_number": workload.try_number,
        "var": SimpleNamespace(value=VariableView(runtime, as_json=False), json=VariableView(runtime, as_json=True)),
        **_prior(workload),
        **_dates(workload),
    }
    return TaskContext(context, workload)


def working_folder(workload: Workload, operator: BaseOperator) -> str:
    """Return where the task runs: its own ``cwd`` (relative to the DAG file's folder), else the workload's."""
    if operator.cwd is None:
        return workload.cwd
    base = Path(workload.dag_folder) / PurePosixPath(workload.dag_file).parent
    return os.path.normpath(base / operator.cwd)


def dag_facts(workload: Workload) -> SimpleNamespace:
    """What templates know of the DAG."""
    return SimpleNamespace(**{"dag_id": workload.run.dag_id, "timezone": workload.run.timezone, **workload.dag})


def task_facts(workload: Workload) -> SimpleNamespace:
    """What templates know of the task."""
    task = workload.task
    return SimpleNamespace(
        task_id=task.task_id,
        dag_id=workload.run.dag_id,
        operator=task.operator,
        owner=task.owner,
        retries=task.retries,
        trigger_rule=task.trigger_rule,
        params=dict(workload.run.params),
        doc=task.doc,
        upstream_task_ids=list(workload.upstream_task_ids),
        downstream_task_ids=list(workload.downstream_task_ids),
    )


def _dag_run(workload: Workload) -> SimpleNamespace:
    run = workload.run
    return SimpleNamespace(
        dag_id=run.dag_id,
        run_id=run.run_id,
        run_type=run.run_type,
        conf=dict(run.conf),
        logical_date=from_iso_or_none(run.logical_date),
        execution_date=from_iso_or_none(run.logical_date),
        data_interval_start=from_iso_or_none(run.data_interval_start),
        data_interval_end=from_iso_or_none(run.data_interval_end),
        queued_at=from_iso(run.queued_at),
        start_date=from_iso(run.start_date),
        triggered_by=run.triggered_by,
    )


def _prior(workload: Workload) -> dict[str, datetime | None]:
    names = ("prev_data_interval_start_success", "prev_data_interval_end_success", "prev_start_date_success")
    return {name: from_iso_or_none(getattr(workload.run, name)) for name in names}


def _dates(workload: Workload) -> dict[str, Any]:
    run = workload.run
    logical = from_iso_or_none(run.logical_date)
    if logical is None:
        return {}
    start = from_iso_or_none(run.data_interval_start) or logical
    end = from_iso_or_none(run.data_interval_end) or start
    dates: dict[str, Any] = {
        "logical_date": logical,
        "execution_date": logical,
        "data_interval_start": start,
        "data_interval_end": end,
        "next_execution_date": end,
        "ds": filter_ds(logical),
        "ds_nodash": filter_ds_nodash(logical),
        "ts": filter_ts(logical),
        "ts_nodash": filter_ts_nodash(logical),
        "ts_nodash_with_tz": filter_ts_nodash_with_tz(logical),
    }
    moved = {"next": end, "yesterday": logical - timedelta(days=1), "tomorrow": logical + timedelta(days=1)}
    for name, moment in moved.items():
        dates[f"{name}_ds"] = filter_ds(moment)
        dates[f"{name}_ds_nodash"] = filter_ds_nodash(moment)
    return dates
