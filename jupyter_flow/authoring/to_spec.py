"""From the author's DAG to the DagSpec: checked, ordered, and the same for the same file every time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ..model.instants import iso_or_none
from ..model.spec import DagSpec, TaskSpec
from . import checks
from .exceptions import DagError
from .jsonable import to_jsonable
from .location import warn
from .params import Param, params_to_data
from .schedule import zone_name, zone_of
from .template_names import TemplateNames, is_template, template_names
from .topology import topological_order

if TYPE_CHECKING:
    from .dag import DAG
    from .operator import BaseOperator

_OPERATORS = f"{__package__.rpartition('.')[0]}.operators."


def to_spec(dag: DAG, dag_file: str = "", default_timezone: str = "UTC") -> DagSpec:
    """Return ``dag`` as frozen data. ``dag_file`` is relative to its DAG folder (posix).

    Raises :class:`DagError`: a cycle (naming its path), an unknown upstream task, a template or argument that
    cannot be used. Warns (:class:`FlowWarning`) about what has no effect or looks wrong.
    """
    where = f"DAG {dag.dag_id!r}"
    order = _order(dag)
    params = params_to_data(dag.params)
    if dag.schedule.kind != "none" and (missing := [name for name, data in params.items() if data.get("required")]):
        raise DagError(f"{where}: param {missing[0]!r} needs a default, because the DAG has a schedule", dag.location)
    zone, start, end = _dates(dag, where, default_timezone)
    _check_default_args(dag, where)
    if not order:
        warn(f"{where} has no tasks", dag.location)
    place = {task_id: index for index, task_id in enumerate(dag.task_dict)}
    return DagSpec(
        dag_id=dag.dag_id,
        dag_file=dag_file,
        tasks=tuple(_task_spec(dag, dag.task_dict[task_id], place) for task_id in order),
        schedule=dag.schedule,
        start_date=iso_or_none(start),
        end_date=iso_or_none(end),
        timezone=zone,
        catchup=dag.catchup,
        description=dag.description,
        doc_md=dag.doc_md,
        owner=_owner(dag),
        tags=dag.tags,
        params=params,
        max_active_runs=dag.max_active_runs,
        max_active_tasks=dag.max_active_tasks,
        dagrun_timeout=dag.dagrun_timeout,
        is_paused_upon_creation=dag.is_paused_upon_creation,
        render_template_as_native_obj=dag.render_template_as_native_obj,
    )


def _order(dag: DAG) -> list[str]:
    for task in dag.tasks:
        for upstream in task._upstream:
            if upstream not in dag.task_dict:
                hint = checks.suggestion(upstream, dag.task_dict)
                raise DagError(
                    f"DAG {dag.dag_id!r}: task {task.task_id!r} names the upstream task {upstream!r}, "
                    f"which the DAG does not have{hint}",
                    task.location,
                )
    order, cycle = topological_order({task.task_id: list(task._upstream) for task in dag.tasks})
    if cycle:
        path = " -> ".join(cycle)
        raise DagError(f"DAG {dag.dag_id!r} has a cycle: {path}", dag.task_dict[cycle[0]].location)
    return order


def _dates(dag: DAG, where: str, default_timezone: str) -> tuple[str, datetime | None, datetime | None]:
    own = dag.timezone or zone_of(dag.start_date)
    zone = zone_name(where, own if own is not None else default_timezone)
    start, end = (_aware(moment, zone) for moment in (dag.start_date, dag.end_date))
    if start is not None and end is not None and end < start:
        raise DagError(f"{where}: end_date {end.isoformat()} is before start_date {start.isoformat()}", dag.location)
    return zone, start, end


def _aware(moment: datetime | None, zone: str) -> datetime | None:
    if moment is None:
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def _owner(dag: DAG) -> str:
    owners = [str(dag.default_args.get("owner") or ""), *(task.owner for task in dag.tasks)]
    return ", ".join(dict.fromkeys(owner for owner in owners if owner))


def _check_default_args(dag: DAG, where: str) -> None:
    unused = set(dag.default_args) - dag.used_default_args if dag.task_dict else set()
    for name in sorted(unused):
        from .operator import BaseOperator, accepted_arguments

        hint = checks.suggestion(name, accepted_arguments(BaseOperator))
        warn(f"{where}: default_args: no task has an argument {name!r}{hint}", dag.location)


def _task_spec(dag: DAG, task: BaseOperator, place: dict[str, int]) -> TaskSpec:
    try:
        return _checked_task_spec(dag, task, place)
    except DagError as error:
        raise DagError(str(error), error.location or task.location) from None


def _checked_task_spec(dag: DAG, task: BaseOperator, place: dict[str, int]) -> TaskSpec:
    where = f"DAG {dag.dag_id!r}, task {task.task_id!r}"
    cls = type(task)
    own_class = not cls.__module__.startswith(_OPERATORS)
    fields = {name: getattr(task, name) for name in task.template_fields}
    names = template_names(where, {**fields, "env": task.env, "cwd": task.cwd})
    _check_names(dag, task, names, where)
    return TaskSpec(
        task_id=task.task_id,
        operator=getattr(cls, "operator_name", cls.__name__),
        operator_ref=None if own_class else f"{cls.__module__}:{cls.__qualname__}",
        upstream=tuple(sorted(task._upstream, key=place.__getitem__)),
        trigger_rule=task.trigger_rule,
        retries=task.retries,
        retry_delay=task.retry_delay,
        retry_exponential_backoff=task.retry_exponential_backoff,
        max_retry_delay=task.max_retry_delay,
        execution_timeout=task.execution_timeout,
        pool=task.pool,
        pool_slots=task.pool_slots,
        priority_weight=task.priority_weight,
        queue=task.queue,
        owner=task.owner,
        doc=task.doc,
        do_xcom_push=task.do_xcom_push,
        template_fields=tuple(task.template_fields),
        arguments=_shown(task) if own_class or task.needs_dag_file else task.arguments(),
        needs_dag_file=own_class or task.needs_dag_file,
        xcom_inputs=tuple(sorted(names.xcoms)),
        variable_inputs=tuple(sorted(names.variables)),
        files=tuple(sorted({path for path in task.static_files() if not is_template(path)})),
        env=None if task.env is None else to_jsonable(task.env, f"{where}: env"),
        params=to_jsonable(_plain_params(task), f"{where}: params"),
    )


def _shown(task: BaseOperator) -> dict[str, Any]:
    """Arguments for people to read; the task itself comes from the DAG file."""
    shown = {}
    for name in dict.fromkeys([*task.spec_fields, *task.template_fields]):
        try:
            shown[name] = to_jsonable(getattr(task, name), name)
        except DagError:
            shown[name] = f"<{type(getattr(task, name)).__name__}>"
    if task.cwd is not None:
        shown["cwd"] = task.cwd
    return shown


def _plain_params(task: BaseOperator) -> dict[str, Any]:
    plain = {}
    for name, value in task.params.items():
        if isinstance(value, Param):
            value.to_data(name)  # refuses a default that does not fit
            value = value.default if value.has_default else None
        plain[name] = value
    return plain


def _check_names(dag: DAG, task: BaseOperator, names: TemplateNames, where: str) -> None:
    for name in sorted(names.unknown):
        warn(f"{where}: a template uses {name!r}, which no run has", task.location)
    near = {task.task_id, *task._upstream}
    far = None
    for task_id, key in sorted(names.xcoms):
        if task_id in near:
            continue
        far = _ancestors(dag, task) if far is None else far
        if task_id not in dag.task_dict:
            hint = checks.suggestion(task_id, dag.task_dict)
            warn(
                f"{where} pulls the XCom {key!r} of task {task_id!r}, which the DAG does not have{hint}", task.location
            )
        elif task_id not in far:
            warn(f"{where} pulls the XCom {key!r} of task {task_id!r}, which does not come before it", task.location)


def _ancestors(dag: DAG, task: BaseOperator) -> set[str]:
    found: set[str] = {task.task_id}
    pending = list(task._upstream)
    while pending:
        task_id = pending.pop()
        if task_id not in found:
            found.add(task_id)
            pending += dag.task_dict[task_id]._upstream
    return found
