"""DagSpec: a DAG as frozen data. Canonical JSON, hashed; the only shape of a DAG that crosses the wall."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Literal

Json = None | bool | int | float | str | list[Any] | dict[str, Any]
FORMAT = 1


@dataclass(frozen=True)
class ScheduleSpec:
    """What ``schedule=`` became: the timetable as data.

    ``kind``: ``none`` (manual only), ``once``, ``cron`` (``expression`` holds five fields) or ``delta``
    (``seconds``). ``interval``: True = a run covers the data interval [logical date, next) and starts at its
    end; False = trigger meaning, the interval has zero length. ``summary`` is the author's own text.
    """

    kind: Literal["none", "once", "cron", "delta"] = "none"
    expression: str | None = None
    seconds: float | None = None
    interval: bool = True
    summary: str | None = None


@dataclass(frozen=True)
class TaskSpec:
    """One task. Durations are seconds. ``arguments`` are the operator's own arguments as JSON.

    ``operator_ref`` is ``module:Class`` of an operator of this package, or None for a class that only the DAG
    file defines. ``needs_dag_file``: the runner must load the DAG file from the bundle (callables, own
    classes); otherwise the operator is rebuilt from ``arguments`` alone. ``xcom_inputs`` are the
    ``(task_id, key)`` pairs that templates and XComArgs name literally, ``variable_inputs`` the variable keys:
    both are resolved at claim and travel in the workload. ``files`` are static paths (notebooks, templates),
    relative to the folder of the DAG file, pinned in the bundle.
    """

    task_id: str
    operator: str
    operator_ref: str | None = None
    upstream: tuple[str, ...] = ()
    trigger_rule: str = "all_success"
    retries: int = 0
    retry_delay: float = 300.0
    retry_exponential_backoff: float = 0.0
    max_retry_delay: float | None = None
    execution_timeout: float | None = None
    pool: str = "default_pool"
    pool_slots: int = 1
    priority_weight: int = 1
    queue: str = "default"
    owner: str = ""
    doc: str | None = None
    do_xcom_push: bool = True
    template_fields: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    needs_dag_file: bool = False
    xcom_inputs: tuple[tuple[str, str], ...] = ()
    variable_inputs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    env: Mapping[str, str] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_notebook(self) -> bool:
        """Whether the task starts a kernel (counts against ``notebook_parallelism``)."""
        return self.operator == "NotebookOperator" or (self.operator_ref or "").endswith(":NotebookOperator")


@dataclass(frozen=True)
class DagSpec:
    """A DAG. ``dag_file`` is relative to its DAG folder (posix). ``tasks`` stand in topological order.

    ``params``: name -> ``{"default": …, "schema": {JSON schema}, "description": …}``.
    ``start_date``/``end_date`` are ISO 8601 UTC. ``timezone`` is an IANA name.
    """

    dag_id: str
    dag_file: str
    tasks: tuple[TaskSpec, ...] = ()
    schedule: ScheduleSpec = ScheduleSpec()
    start_date: str | None = None
    end_date: str | None = None
    timezone: str = "UTC"
    catchup: bool = False
    description: str | None = None
    doc_md: str | None = None
    owner: str = ""
    tags: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    max_active_runs: int = 16
    max_active_tasks: int = 16
    dagrun_timeout: float | None = None
    is_paused_upon_creation: bool | None = None
    render_template_as_native_obj: bool = False
    format: int = FORMAT

    def task(self, task_id: str) -> TaskSpec:
        """Return the task ``task_id``; KeyError if there is none."""
        for task in self.tasks:
            if task.task_id == task_id:
                return task
        raise KeyError(task_id)

    def downstream(self) -> dict[str, list[str]]:
        """Return task id -> ids of its direct downstream tasks, in task order."""
        result: dict[str, list[str]] = {task.task_id: [] for task in self.tasks}
        for task in self.tasks:
            for upstream in task.upstream:
                result[upstream].append(task.task_id)
        return result


def plain(value: DagSpec | TaskSpec | ScheduleSpec) -> dict[str, Any]:
    """Return the spec as what ``json.dumps`` writes. Values are shared with the spec: do not change them."""
    data = dict(vars(value))
    if isinstance(value, DagSpec):
        data["schedule"] = vars(value.schedule)
        data["tasks"] = [vars(task) for task in value.tasks]
    return data


def to_json(value: DagSpec | TaskSpec | ScheduleSpec) -> dict[str, Any]:
    """Return the spec as JSON-ready dicts and lists of its own."""
    copied: dict[str, Any] = json.loads(json.dumps(plain(value), ensure_ascii=False))
    return copied


def canonical(spec: DagSpec) -> str:
    """Return the canonical JSON text: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(plain(spec), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def spec_hash(spec: DagSpec) -> str:
    """Return the sha256 hex digest of :func:`canonical`."""
    return text_hash(canonical(spec))


def text_hash(text: str) -> str:
    """Return the sha256 hex digest of a canonical text that is at hand already."""
    return hashlib.sha256(text.encode()).hexdigest()


def task_from_json(data: Mapping[str, Any]) -> TaskSpec:
    """Rebuild a :class:`TaskSpec`; unknown keys raise ValueError."""
    known = _known(TaskSpec, data)
    for name in ("upstream", "template_fields", "variable_inputs", "files"):
        known[name] = tuple(known.get(name, ()))
    known["xcom_inputs"] = tuple((pair[0], pair[1]) for pair in known.get("xcom_inputs", ()))
    return TaskSpec(**known)


def dag_from_json(data: Mapping[str, Any]) -> DagSpec:
    """Rebuild a :class:`DagSpec` from :func:`to_json`'s answer; unknown keys or formats raise ValueError."""
    known = _known(DagSpec, data)
    if known.get("format", FORMAT) != FORMAT:
        raise ValueError(f"DagSpec format {known['format']!r} is not {FORMAT}")
    known["tags"] = tuple(known.get("tags", ()))
    known["schedule"] = ScheduleSpec(**_known(ScheduleSpec, known.get("schedule", {})))
    known["tasks"] = tuple(task_from_json(task) for task in known.get("tasks", ()))
    return DagSpec(**known)


def _known(cls: type, data: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := data.keys() - _names(cls):
        raise ValueError(f"{cls.__name__}: unknown keys {sorted(unknown)}")
    return dict(data)


@cache
def _names(cls: type) -> frozenset[str]:
    return frozenset(item.name for item in fields(cls))
