"""DAG: the graph an author writes. Its way to the house is :func:`to_spec.to_spec`."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from ..model.ids import is_valid_id
from . import callbacks, checks, dag_arguments, deprecated, not_yet, registry
from .deadlines import check_deadlines
from .exceptions import DagError
from .location import author_line
from .node import Node
from .placeholders import DagParam
from .profiles import with_profile
from .schedule import Meaning, check_beside, instant, schedule_spec, zone_name
from .task_group import TaskGroup, refuse_taken

if TYPE_CHECKING:
    from ..model.spec import DagSpec
    from .operator import BaseOperator


class DagMeta(type):
    """Takes old names of arguments, with a note."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make a DAG."""
        where = f"DAG {kwargs.get('dag_id', args[0] if args else '?')!r}"
        return super().__call__(*args, **deprecated.renamed(where, kwargs, deprecated.DAG))


class DAG(metaclass=DagMeta):
    """A directed acyclic graph of tasks.

    ``schedule``: cron expression, preset (``@daily`` …), timedelta, timetable, assets, or None for manual runs only; a
    cron run with logical date D covers the interval from D to the next date and starts at its end. ``start_date``: the
    first logical date (naive: in ``timezone``, which is UTC unless given). ``default_args``: arguments for every task.
    ``default_args_profiles``: named sets of them that are put over ``default_args`` in a house of that profile.
    ``params``: inputs of a run, plain defaults or :class:`Param`. ``catchup``: runs for past intervals, as far back
    as a timedelta says. ``dag_retries``: how often a failed run has its failed tasks run again. ``strict``: an arrow
    that is drawn twice is an error. Old names of arguments are in ``deprecated.DAG``.

    Raises :class:`DagError` for arguments that cannot be used.
    """

    schedule_meaning: Meaning = "interval"
    """What cron expressions and timedeltas mean here (see :func:`.schedule.schedule_spec`)."""

    def __init__(
        self,
        dag_id: str,
        description: str | None = None,
        schedule: Any = None,
        start_date: datetime | date | str | None = None,
        end_date: datetime | date | str | None = None,
        *,
        default_args: Mapping[str, Any] | None = None,
        default_args_profiles: Mapping[str, Mapping[str, Any]] | None = None,
        timezone: Any = None,
        catchup: bool | timedelta = False,
        max_active_runs: int = 16,
        max_active_tasks: int = 16,
        max_consecutive_failed_dag_runs: int = 0,
        dagrun_timeout: timedelta | float | None = None,
        dag_retries: int = 0,
        fail_fast: bool = False,
        allowed_run_types: Any = None,
        params: Mapping[str, Any] | None = None,
        tags: Iterable[str] | None = None,
        dag_display_name: str | None = None,
        doc_md: str | None = None,
        owner_links: Mapping[str, str] | None = None,
        access_control: Mapping[str, Any] | None = None,
        is_paused_upon_creation: bool | None = None,
        render_template_as_native_obj: bool = False,
        template_searchpath: str | Iterable[str] | None = None,
        template_undefined: Any = None,
        user_defined_macros: Mapping[str, Any] | None = None,
        user_defined_filters: Mapping[str, Any] | None = None,
        jinja_environment_kwargs: Mapping[str, Any] | None = None,
        on_success_callback: Any = None,
        on_failure_callback: Any = None,
        sla_miss_callback: Any = None,
        deadline: Any = None,
        auto_register: bool = True,
        strict: bool | None = None,
        **others: Any,
    ) -> None:
        if not is_valid_id(dag_id):
            raise DagError(f"dag_id {dag_id!r} is not a valid id: use 1 to 250 letters, digits and _ . ~ : + @ -")
        where = f"DAG {dag_id!r}"
        for name in others:
            if name not in not_yet.DAG:
                raise DagError(f"{where}: DAG has no argument {name!r}{checks.suggestion(name, _ARGUMENTS)}")
        not_yet.warn_unused(where, others, not_yet.DAG)
        self.dag_id = dag_id
        self.location = author_line()
        given = with_profile(where, default_args, default_args_profiles)
        self.default_args = deprecated.renamed(f"{where}: default_args", given, deprecated.OPERATOR)
        for_tasks = {name: value for name, value in self.default_args.items() if name not in ("start_date", "end_date")}
        not_yet.warn_unused(f"{where}: default_args", for_tasks, not_yet.OPERATOR)
        self.own_default_args = set(self.default_args)
        self.used_default_args: set[str] = {"owner", "start_date", "end_date", *not_yet.OPERATOR}
        self.description = checks.text_or_none(where, "description", description)
        self.dag_display_name = checks.text_or_none(where, "dag_display_name", dag_display_name)
        self.schedule = schedule_spec(where, schedule, self.schedule_meaning)
        self.timetable = schedule if hasattr(schedule, "next_dagrun_info") else None
        self.start_date = instant(where, "start_date", start_date or self.default_args.get("start_date"))
        self.end_date = instant(where, "end_date", end_date or self.default_args.get("end_date"))
        self.timezone = None if timezone is None else zone_name(where, timezone)
        self.catchup, self.catchup_window = dag_arguments.catchup(where, catchup)
        self.max_active_runs = checks.whole(where, "max_active_runs", max_active_runs, 1)
        self.max_active_tasks = checks.whole(where, "max_active_tasks", max_active_tasks, 1)
        self.max_consecutive_failed_dag_runs = checks.whole(
            where, "max_consecutive_failed_dag_runs", max_consecutive_failed_dag_runs or 0, 0
        )
        self.dagrun_timeout = checks.positive_seconds(where, "dagrun_timeout", dagrun_timeout)
        self.dag_retries = checks.whole(where, "dag_retries", dag_retries, 0)
        self.fail_fast = checks.flag(where, "fail_fast", fail_fast)
        self.allowed_run_types = dag_arguments.allowed_run_types(where, allowed_run_types)
        self.params = checks.mapping(where, "params", params)
        self.tags = dag_arguments.tags(where, tags)
        self.doc_md = checks.text_or_none(where, "doc_md", doc_md)
        self.owner_links = dag_arguments.owner_links(where, owner_links)
        self.access_control = dag_arguments.access_control(where, access_control)
        self.is_paused_upon_creation = is_paused_upon_creation
        self.render_template_as_native_obj = checks.flag(
            where, "render_template_as_native_obj", render_template_as_native_obj
        )
        self.template_searchpath = dag_arguments.template_searchpath(where, template_searchpath)
        self.template_undefined = dag_arguments.template_undefined(where, template_undefined)
        self.user_defined_macros = dag_arguments.template_names(where, "user_defined_macros", user_defined_macros)
        self.user_defined_filters = dag_arguments.template_names(where, "user_defined_filters", user_defined_filters)
        self.jinja_environment_kwargs = dag_arguments.jinja_arguments(where, jinja_environment_kwargs)
        self.on_success_callback = callbacks.check_callbacks(where, "on_success_callback", on_success_callback)
        self.on_failure_callback = callbacks.check_callbacks(where, "on_failure_callback", on_failure_callback)
        self.sla_miss_callback = callbacks.check_callbacks(where, "sla_miss_callback", sla_miss_callback)
        self.deadlines = check_deadlines(where, deadline)
        self.auto_register = bool(auto_register)
        self.strict = strict
        self.task_dict: dict[str, BaseOperator] = {}
        self.task_group_dict: dict[str, TaskGroup] = {}
        self.task_group = TaskGroup(None, dag=self)
        self.edge_labels: dict[tuple[str, str], str] = {}
        self.repeated_edges: list[tuple[str, str, tuple[str, int]]] = []
        self._stated: set[tuple[str, str]] = set()
        dated = self.start_date is not None
        check_beside(where, self.schedule, self.timetable, dated, self.catchup, self.max_active_runs)

    def add_task(self, task: Node) -> None:
        """Place ``task`` in this DAG. Raises :class:`DagError` for a task id that is taken."""
        if task.dag is not None and task.dag is not self:
            raise DagError(f"task {task.task_id!r} is in DAG {task.dag.dag_id!r} already")
        if self.task_dict.get(task.task_id) is task:
            return
        group = task.task_group or self.task_group
        if group.dag is not self:
            raise DagError(
                f"task {task.task_id!r} is in task group {group.group_id!r} of another DAG than {self.dag_id!r}",
                task.location,
            )
        refuse_taken(self, "task_id", task.task_id, task.location)
        self.task_dict[task.task_id] = task  # type: ignore[assignment]  # a mapped task is shown as its operator
        task.dag, task.task_group = self, group
        group.add(task)

    def add_group(self, group: TaskGroup) -> None:
        """Place ``group`` in this DAG. Raises :class:`DagError` for an id that is taken."""
        name = group.group_id
        assert name is not None and group.parent_group is not None  # noqa: S101, PT018 - only the root has neither
        refuse_taken(self, "group_id", name, group.location)
        self.task_group_dict[name] = group
        group.parent_group.add(group)

    def state_edge(self, before: str, after: str, place: tuple[str, int]) -> None:
        """Take note that an arrow between two tasks or groups was drawn at ``place``."""
        if (before, after) in self._stated:
            self.repeated_edges.append((before, after, place))
        self._stated.add((before, after))

    @property
    def tasks(self) -> list[BaseOperator]:
        """The tasks in the order they were made."""
        return list(self.task_dict.values())

    @property
    def task_ids(self) -> list[str]:
        """The ids of the tasks in the order they were made."""
        return list(self.task_dict)

    def get_task(self, task_id: str) -> BaseOperator:
        """Return a task. Raises :class:`DagError` if there is none."""
        if task_id not in self.task_dict:
            hint = checks.suggestion(task_id, self.task_dict)
            raise DagError(f"DAG {self.dag_id!r} has no task {task_id!r}{hint}")
        return self.task_dict[task_id]

    def param(self, name: str, default: Any = ...) -> DagParam:
        """Return the param ``name`` for use as an argument of tasks; ``default`` declares it if the DAG has none."""
        if default is not ...:
            self.params.setdefault(name, default)
        if name not in self.params:
            raise DagError(f"DAG {self.dag_id!r} has no param {name!r}{checks.suggestion(name, self.params)}")
        return DagParam(name)

    def has_task(self, task_id: str) -> bool:
        """Tell whether there is a task with this id."""
        return task_id in self.task_dict

    def set_dependency(self, upstream_task_id: str, downstream_task_id: str) -> None:
        """Let one task start after another, both named by their ids."""
        self.get_task(upstream_task_id).set_downstream(self.get_task(downstream_task_id))

    @property
    def roots(self) -> list[BaseOperator]:
        """Tasks without upstream tasks."""
        return [task for task in self.tasks if not task._upstream]

    @property
    def leaves(self) -> list[BaseOperator]:
        """Tasks without downstream tasks."""
        return [task for task in self.tasks if not task._downstream]

    def to_spec(self, dag_file: str = "", default_timezone: str = "UTC", strict: bool = False) -> DagSpec:
        """Return this DAG as frozen data (see :func:`to_spec.to_spec`)."""
        from .to_spec import to_spec

        return to_spec(self, dag_file, default_timezone, strict)

    def test(
        self,
        *,
        run_conf: Mapping[str, Any] | None = None,
        logical_date: datetime | str | None = None,
        mark_success_pattern: str | None = None,
    ) -> dict[str, Any]:
        """Run this DAG now, its Python tasks in this process, print a table and return the run; nothing is kept.

        ``run_conf``: params. ``logical_date``: default now. ``mark_success_pattern``: regular expression; tasks whose
        id it matches succeed without being executed. Where a house loads the file, nothing happens.
        Raises :class:`DagTestFailed` unless the run succeeds, :class:`DagError` for a DAG that is in no file.
        """
        found: dict[str, Any] = _tester().run_test(self, run_conf, logical_date, mark_success_pattern)
        return found

    def cli(self, arguments: Iterable[str] | None = None) -> None:
        """Be a command line for this DAG (``test``, ``run``, ``check``, ``tasks``), and end the process.

        ``arguments``: default those of the process. Where a house loads the file, nothing happens.
        """
        _tester().run_cli(self, None if arguments is None else list(arguments))

    def __enter__(self) -> Self:
        registry.push(self)
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        registry.pop()
        if kind is None and self.auto_register:
            registry.register(self)

    def __repr__(self) -> str:
        return f"<DAG: {self.dag_id}>"


def _tester() -> Any:
    # by name: this room knows nothing of the runner, which knows all of this room
    return importlib.import_module("jupyter_flow.runner.dag_test")


_ARGUMENTS = [
    *(name for name in DAG.__init__.__code__.co_varnames[: DAG.__init__.__code__.co_argcount] if name != "self"),
    *(DAG.__init__.__kwdefaults__ or {}),
    *deprecated.DAG,
    *not_yet.DAG,
]
