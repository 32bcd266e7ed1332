"""DagSpec: a DAG as frozen data. Canonical JSON, hashed; the only shape of a DAG that crosses the wall."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, Literal

from .frozen import made_of

Json = None | bool | int | float | str | list[Any] | dict[str, Any]
FORMAT = 1
_TASK_TUPLES = (
    *("upstream", "template_fields", "variable_inputs", "files", "callbacks", "inlets", "outlets"),
    *("email", "email_on"),
)


@dataclass(frozen=True)
class ScheduleSpec:
    """What ``schedule=`` became: the timetable as data.

    ``kind``: ``none`` (manual only), ``once``, ``continuous`` (the next run starts when the last one has ended),
    ``cron`` (``expression``: five or six fields; more of them in ``more_expressions``), ``delta`` (``seconds``, or
    ``relative``: the fields of a relativedelta), ``events`` (``events``: ISO instants, ascending), ``assets``
    (``assets`` alone) or ``custom`` (``timetable``: name of the author's class, asked in a child).
    ``interval``: True = a run covers the data interval [logical date, next) and starts at its end; False = trigger
    meaning: the interval ends at the run's instant and lasts ``trigger_interval`` seconds (zero by default).
    ``assets``: a condition ``{"asset": {"name", "uri"}}``, ``{"alias": name}``, ``{"all": […]}`` or ``{"any": […]}``;
    beside another ``kind`` it means "asset or time". ``timezone``: the timetable's own zone, None = the DAG's.
    ``run_immediately``: for trigger meaning without a start date, whether a fire before the first look counts (True,
    False, seconds of grace, None: a tenth of the time between two fires). ``restrict_to_events``: manual runs take
    the last event. ``summary`` is the author's own text.
    """

    kind: Literal["none", "once", "continuous", "cron", "delta", "events", "assets", "custom"] = "none"
    expression: str | None = None
    seconds: float | None = None
    interval: bool = True
    summary: str | None = None
    more_expressions: tuple[str, ...] = ()
    relative: Mapping[str, Any] | None = None
    events: tuple[str, ...] = ()
    restrict_to_events: bool = False
    assets: Mapping[str, Any] | None = None
    timetable: str | None = None
    timezone: str | None = None
    trigger_interval: float = 0.0
    run_immediately: bool | float | None = False


@dataclass(frozen=True)
class GroupSpec:
    """A task group. ``group_id`` is its full id (prefixes included), ``parent`` the full id of the group around it.

    ``expand``: as in :class:`TaskSpec`, for a mapped group: its tasks are mapped together, index by index.
    """

    group_id: str
    parent: str | None = None
    label: str | None = None
    tooltip: str | None = None
    expand: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class TaskSpec:
    """One task. Durations are seconds. ``arguments`` are the operator's own arguments as JSON.

    ``operator_ref`` is ``module:Class`` of an operator of this package, or None for a class that only the DAG
    file defines. ``needs_dag_file``: the runner must load the DAG file from the bundle (callables, own
    classes); otherwise the operator is rebuilt from ``arguments`` alone. ``xcom_inputs`` are the
    ``(task_id, key)`` pairs that templates and XComArgs name literally, ``variable_inputs`` the variable keys:
    both are resolved at claim and travel in the workload. ``files`` are static paths (notebooks, templates),
    relative to the folder of the DAG file, pinned in the bundle.

    ``priority_weight`` is the effective weight (``weight_rule`` applied to the authors' weights). ``group``: full id
    of the task group around it. ``expand`` of a mapped task: ``{"kind": "product" | "kwargs", "inputs": {argument:
    LENGTH}}`` (``kwargs`` has one input, named ""), where LENGTH says how long the input will be:
    ``{"const": n}``, ``{"xcom": [task_id, key]}``, ``{"zip": [LENGTH…], "longest": bool}`` or ``{"concat":
    [LENGTH…]}``; the house knows lengths only. ``callbacks``: which of execute, success, failure, retry, skipped the
    task has. ``inlets``/``outlets``: ``{"name", "uri", "group", "extra"}`` of an asset, or ``{"alias": name}``.
    ``start_date``/``end_date``: ISO 8601 UTC; runs with a logical date outside leave the task out (skipped).
    ``resource_group``: whose limits it counts against (empty: none). ``resources``: what it asks for: ``memory`` in
    bytes, ``CPU`` in cores, ``GPU`` and other names in units.
    ``email``: who is written to at the events ``email_on`` (failure, retry), and when an SLA is missed.
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
    group: str | None = None
    display_name: str | None = None
    is_setup: bool = False
    is_teardown: bool = False
    on_failure_fail_dagrun: bool = False
    expand: Mapping[str, Any] | None = None
    map_index_template: str | None = None
    weight_rule: str = "downstream"
    depends_on_past: bool = False
    ignore_first_depends_on_past: bool = True
    wait_for_downstream: bool = False
    wait_for_past_depends_before_skipping: bool = False
    max_active_tis_per_dag: int | None = None
    max_active_tis_per_dagrun: int | None = None
    start_date: str | None = None
    end_date: str | None = None
    sla: float | None = None
    callbacks: tuple[str, ...] = ()
    inlets: tuple[Mapping[str, Any], ...] = ()
    outlets: tuple[Mapping[str, Any], ...] = ()
    render_template_as_native_obj: bool | None = None
    email: tuple[str, ...] = ()
    email_on: tuple[str, ...] = ()
    resource_group: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_notebook(self) -> bool:
        """Whether the task starts a kernel (counts against ``notebook_parallelism``)."""
        classes = (":NotebookOperator", ":DecoratedNotebook", ":NotebookCellOperator")
        return self.operator == "NotebookOperator" or (self.operator_ref or "").endswith(classes)


@dataclass(frozen=True)
class DagSpec:
    """A DAG. ``dag_file`` is relative to its DAG folder (posix). ``tasks`` stand in topological order.

    ``params``: name -> ``{"default": …, "schema": {JSON schema}, "description": …}``.
    ``start_date``/``end_date`` are ISO 8601 UTC. ``timezone`` is an IANA name.
    ``catchup_window``: with ``catchup``, the most seconds that an interval may be in the past (None: no bound).
    ``dag_retries``: how often a failed run has its failed tasks run again. ``labels``: ``(upstream, downstream,
    label)`` of edges. ``callbacks``: which of success, failure, sla_miss the DAG has. ``deadlines``: ``{"name",
    "reference": {"kind": "logical_date" | "queued_at" | "fixed" | "average_runtime", …}, "interval": seconds,
    "has_callback": bool}`` each. ``template_searchpath``: folders relative to the DAG file's. ``user_templates``: the
    DAG has macros or filters of its own, so that its templated tasks load the DAG file.
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
    display_name: str | None = None
    catchup_window: float | None = None
    groups: tuple[GroupSpec, ...] = ()
    labels: tuple[tuple[str, str, str], ...] = ()
    fail_fast: bool = False
    max_consecutive_failed_dag_runs: int = 0
    allowed_run_types: tuple[str, ...] | None = None
    dag_retries: int = 0
    callbacks: tuple[str, ...] = ()
    deadlines: tuple[Mapping[str, Any], ...] = ()
    owner_links: Mapping[str, str] = field(default_factory=dict)
    access_control: Mapping[str, Any] = field(default_factory=dict)
    template_searchpath: tuple[str, ...] = ()
    user_templates: bool = False
    format: int = FORMAT

    def task(self, task_id: str) -> TaskSpec:
        """Return the task ``task_id``; KeyError if there is none."""
        for task in self.tasks:
            if task.task_id == task_id:
                return task
        raise KeyError(task_id)

    def mapped_task_ids(self) -> frozenset[str]:
        """Return the ids of the tasks that are mapped, themselves or with a group around them."""
        groups = {group.group_id: group for group in self.groups}

        def is_mapped(name: str | None) -> bool:
            group = None if name is None else groups.get(name)
            return group is not None and (group.expand is not None or is_mapped(group.parent))

        return frozenset(task.task_id for task in self.tasks if task.expand is not None or is_mapped(task.group))

    def downstream(self) -> dict[str, list[str]]:
        """Return task id -> ids of its direct downstream tasks, in task order."""
        result: dict[str, list[str]] = {task.task_id: [] for task in self.tasks}
        for task in self.tasks:
            for upstream in task.upstream:
                result[upstream].append(task.task_id)
        return result


def plain(value: DagSpec | TaskSpec | ScheduleSpec | GroupSpec) -> dict[str, Any]:
    """Return the spec as what ``json.dumps`` writes. Values are shared with the spec: do not change them.

    Optional fields of a task that have their default are left out: most tasks of a large DAG use few of them.
    """
    if isinstance(value, TaskSpec):
        defaults = _task_defaults()
        return {name: item for name, item in vars(value).items() if name not in defaults or item != defaults[name]}
    data = dict(vars(value))
    if isinstance(value, DagSpec):
        data["schedule"] = vars(value.schedule)
        data["tasks"] = [plain(task) for task in value.tasks]
        data["groups"] = [vars(group) for group in value.groups]
    return data


def to_json(value: DagSpec | TaskSpec | ScheduleSpec | GroupSpec) -> dict[str, Any]:
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
    """Rebuild a :class:`TaskSpec`; unknown keys raise ValueError, missing ones TypeError."""
    return TaskSpec(**_task_values(data))


def own_task_from_json(data: Mapping[str, Any]) -> TaskSpec:
    """Rebuild a :class:`TaskSpec` from what :func:`plain` wrote for this process; missing keys are not looked for."""
    return made_of(TaskSpec, _task_values(data))


def _task_values(data: Mapping[str, Any]) -> dict[str, Any]:
    known = _known(TaskSpec, data)
    for name in _TASK_TUPLES:
        known[name] = tuple(known.get(name, ()))
    known["xcom_inputs"] = tuple((pair[0], pair[1]) for pair in known.get("xcom_inputs", ()))
    return known


def schedule_from_json(data: Mapping[str, Any]) -> ScheduleSpec:
    """Rebuild a :class:`ScheduleSpec`; unknown keys raise ValueError."""
    known = _known(ScheduleSpec, data)
    for name in ("more_expressions", "events"):
        known[name] = tuple(known.get(name, ()))
    return ScheduleSpec(**known)


def dag_from_json(data: Mapping[str, Any]) -> DagSpec:
    """Rebuild a :class:`DagSpec` from :func:`to_json`'s answer; unknown keys or formats raise ValueError."""
    known = _known(DagSpec, data)
    if known.get("format", FORMAT) != FORMAT:
        raise ValueError(f"DagSpec format {known['format']!r} is not {FORMAT}")
    for name in ("tags", "callbacks", "deadlines", "template_searchpath"):
        known[name] = tuple(known.get(name, ()))
    if known.get("allowed_run_types") is not None:
        known["allowed_run_types"] = tuple(known["allowed_run_types"])
    known["labels"] = tuple((edge[0], edge[1], edge[2]) for edge in known.get("labels", ()))
    known["groups"] = tuple(GroupSpec(**_known(GroupSpec, group)) for group in known.get("groups", ()))
    known["schedule"] = schedule_from_json(known.get("schedule", {}))
    known["tasks"] = tuple(task_from_json(task) for task in known.get("tasks", ()))
    return DagSpec(**known)


def _known(cls: type, data: Mapping[str, Any]) -> dict[str, Any]:
    names = _names(cls)
    if unknown := [name for name in data if name not in names]:
        raise ValueError(f"{cls.__name__}: unknown keys {sorted(unknown)}")
    return dict(data)


@cache
def _task_defaults() -> dict[str, Any]:
    plain_defaults = {item.name: item.default for item in fields(TaskSpec) if item.default is not MISSING}
    made = {item.name: item.default_factory() for item in fields(TaskSpec) if item.default_factory is not MISSING}
    return plain_defaults | made


@cache
def _names(cls: type) -> frozenset[str]:
    return frozenset(item.name for item in fields(cls))
