"""From the author's DAG to the DagSpec: checked, ordered, and the same for the same file every time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ..model.instants import iso_or_none
from ..model.spec import DagSpec, TaskSpec
from . import checks, graph, operator_arguments, unfinished
from .callbacks import dag_events
from .exceptions import DagError
from .jsonable import to_jsonable
from .location import warn
from .operator import BaseOperator, accepted_arguments, is_template_file
from .params import Param, params_to_data
from .schedule import zone_name, zone_of
from .template_names import TemplateNames, is_template, template_names

if TYPE_CHECKING:
    from .dag import DAG
    from .task_group import TaskGroup

_OPERATORS = tuple(f"{__package__.rpartition('.')[0]}.{room}." for room in ("operators", "sensors"))


def to_spec(dag: DAG, dag_file: str = "", default_timezone: str = "UTC", strict: bool = False) -> DagSpec:
    """Return ``dag`` as frozen data. ``dag_file`` is relative to its DAG folder (posix). ``strict``: where the DAG
    itself does not say, whether an arrow that is drawn twice is an error.

    Raises :class:`DagError`: a cycle (naming its path), an unknown upstream task, a template or argument that
    cannot be used. Warns (:class:`FlowWarning`) about what has no effect or looks wrong.
    """
    where = f"DAG {dag.dag_id!r}"
    order = graph.ordered(dag)
    graph.judge_repeats(dag, strict if dag.strict is None else dag.strict)
    graph.check_setups(dag)
    params = params_to_data(dag.params)
    if dag.schedule.kind != "none" and (missing := [name for name, data in params.items() if data.get("required")]):
        raise DagError(f"{where}: param {missing[0]!r} needs a default, because the DAG has a schedule", dag.location)
    zone, start, end = _dates(dag, where, default_timezone)
    _check_default_args(dag, where)
    if not order:
        warn(f"{where} has no tasks", dag.location)
    unfinished.warn_about(dag)
    place = {task_id: index for index, task_id in enumerate(dag.task_dict)}
    whole = _Whole(dag, place, graph.weights(dag, order), zone, dag.template_searchpath, _has_user_templates(dag))
    return DagSpec(
        dag_id=dag.dag_id,
        dag_file=dag_file,
        tasks=tuple(_task_spec(whole, dag.task_dict[task_id]) for task_id in order),
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
        display_name=dag.dag_display_name,
        catchup_window=dag.catchup_window,
        groups=graph.group_specs(dag),
        labels=tuple((before, after, text) for (before, after), text in dag.edge_labels.items()),
        fail_fast=dag.fail_fast,
        max_consecutive_failed_dag_runs=dag.max_consecutive_failed_dag_runs,
        allowed_run_types=dag.allowed_run_types,
        dag_retries=dag.dag_retries,
        callbacks=dag_events(dag),
        deadlines=tuple(item.to_data(zone) for item in dag.deadlines),
        owner_links=dag.owner_links,
        access_control=dag.access_control,
        template_searchpath=whole.searchpath,
        user_templates=whole.user_templates,
    )


@dataclass(frozen=True)
class _Whole:
    """What the specs of all tasks need of their DAG. ``place``: task id -> its place in the file's order."""

    dag: DAG
    place: Mapping[str, int]
    weights: Mapping[str, int]
    zone: str
    searchpath: tuple[str, ...]
    user_templates: bool


def _has_user_templates(dag: DAG) -> bool:
    return bool(
        dag.user_defined_macros or dag.user_defined_filters or dag.jinja_environment_kwargs or dag.template_undefined
    )


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
    holders: list[tuple[str, DAG | TaskGroup]] = [(where, dag)] if dag.task_dict else []
    for group_id, group in dag.task_group_dict.items():
        if any(True for _ in group):
            holders.append((f"{where}, task group {group_id!r}", group))
    for place, holder in holders:
        for name in sorted(holder.own_default_args - holder.used_default_args):
            hint = checks.suggestion(name, accepted_arguments(BaseOperator))
            warn(f"{place}: default_args: no task has an argument {name!r}{hint}", holder.location)


def _task_spec(whole: _Whole, task: BaseOperator) -> TaskSpec:
    try:
        return _checked_task_spec(whole, task)
    except DagError as error:
        raise DagError(str(error), error.location or task.location) from None


def _checked_task_spec(whole: _Whole, task: BaseOperator) -> TaskSpec:
    dag = whole.dag
    where = f"DAG {dag.dag_id!r}, task {task.task_id!r}"
    cls: type[BaseOperator] = getattr(task.operator_class, "alias_of", task.operator_class)
    task.check_in_dag()
    own_class = not cls.__module__.startswith(_OPERATORS)
    fields = task.template_values()
    names = template_names(where, fields, dag.user_defined_filters)
    _check_names(dag, task, names, where)
    labels = {"map_index_template": task.map_index_template} if task.map_index_template else {}
    label = template_names(where, labels, dag.user_defined_filters)  # may use names of the task's own
    xcoms = {*names.xcoms, *label.xcoms, *task.expansion_xcoms()}
    needs_dag_file = own_class or task.needs_dag_file or operator_arguments.needs_dag_file(task)
    needs_dag_file = needs_dag_file or any(item.needs_dag_file for item in task.references())
    if whole.user_templates and not needs_dag_file:
        needs_dag_file = any(_is_templated(value, task.template_ext) for value in fields.values())
    group = task.task_group
    return TaskSpec(
        task_id=task.task_id,
        operator=getattr(cls, "operator_name", cls.__name__),
        operator_ref=None if own_class else f"{cls.__module__}:{cls.__qualname__}",
        upstream=tuple(sorted(task._upstream, key=whole.place.__getitem__)),
        trigger_rule=task.trigger_rule,
        retries=task.retries,
        retry_delay=task.retry_delay,
        retry_exponential_backoff=task.retry_exponential_backoff,
        max_retry_delay=task.max_retry_delay,
        execution_timeout=task.execution_timeout,
        pool=task.pool,
        pool_slots=task.pool_slots,
        priority_weight=whole.weights[task.task_id],
        queue=task.queue,
        owner=task.owner,
        doc=task.doc,
        do_xcom_push=task.do_xcom_push,
        template_fields=tuple(task.template_fields),
        arguments=_shown(task) if own_class or task.needs_dag_file else task.arguments(),
        needs_dag_file=needs_dag_file,
        xcom_inputs=tuple(sorted(xcoms)),
        variable_inputs=tuple(sorted(names.variables | label.variables)),
        files=_files(task, whole.searchpath),
        env=None if task.env is None else to_jsonable(task.env, f"{where}: env"),
        params=to_jsonable(_plain_params(task), f"{where}: params"),
        group=None if group is None else group.group_id,
        expand=task.expansion_spec(),
        is_setup=task.is_setup,
        is_teardown=task.is_teardown,
        on_failure_fail_dagrun=task.on_failure_fail_dagrun,
        **operator_arguments.spec_fields(task),
        **_task_dates(whole, task, where),
    )


def _task_dates(whole: _Whole, task: BaseOperator, where: str) -> dict[str, Any]:
    """Return the task's own dates; those that say the same as the DAG's are left out."""
    dag = whole.dag
    found: dict[str, Any] = {}
    for name in ("start_date", "end_date"):
        moment = getattr(task, name)
        if moment is not None and moment != getattr(dag, name):
            found[name] = str(iso_or_none(_aware(moment, whole.zone)))
    if len(found) == 2 and found["end_date"] < found["start_date"]:
        raise DagError(f"{where}: end_date {found['end_date']} is before start_date {found['start_date']}")
    return found


def _files(task: BaseOperator, searchpath: tuple[str, ...]) -> tuple[str, ...]:
    """Return the static files of a task: those that are templates may lie in a folder of the searchpath too."""
    found = {path for path in task.static_files() if not is_template(path)}
    templates = [path for path in found if task.template_ext and is_template_file(path, task.template_ext)]
    return tuple(sorted(found | {f"{folder}/{path}" for folder in searchpath for path in templates}))


def _is_templated(value: Any, extensions: Sequence[str]) -> bool:
    if isinstance(value, str):
        return is_template(value) or (bool(extensions) and is_template_file(value, extensions))
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple, set)) else ()
    return any(_is_templated(item, ()) for item in items)


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
    for name in sorted(names.unknown - set(dag.user_defined_macros)):
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
