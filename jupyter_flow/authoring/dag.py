"""DAG: the graph an author writes. Its way to the house is :func:`to_spec.to_spec`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from ..model.ids import is_valid_id
from . import checks, not_yet, registry
from .exceptions import DagError
from .location import author_line, place_words
from .schedule import instant, schedule_spec, zone_name

if TYPE_CHECKING:
    from ..model.spec import DagSpec
    from .operator import BaseOperator

_NOT_GIVEN: Any = type("_NotGiven", (), {"__repr__": lambda self: "<not given>"})()


class DAG:
    """A directed acyclic graph of tasks.

    ``schedule``: cron expression, preset (``@daily`` …), timedelta, or None for manual runs only; a cron run with
    logical date D covers the interval from D to the next date and starts at its end. ``start_date``: the first
    logical date (naive: in ``timezone``, which is UTC unless given). ``default_args``: arguments for every task.
    ``params``: inputs of a run, plain defaults or :class:`Param`. ``schedule_interval`` and ``concurrency`` are
    accepted as the old names of ``schedule`` and ``max_active_tasks``.

    Raises :class:`DagError` for arguments that cannot be used.
    """

    def __init__(
        self,
        dag_id: str,
        description: str | None = None,
        schedule: str | timedelta | None = _NOT_GIVEN,
        start_date: datetime | date | str | None = None,
        end_date: datetime | date | str | None = None,
        *,
        schedule_interval: str | timedelta | None = _NOT_GIVEN,
        default_args: Mapping[str, Any] | None = None,
        timezone: Any = None,
        catchup: bool = False,
        max_active_runs: int = 16,
        max_active_tasks: int | None = None,
        concurrency: int | None = None,
        dagrun_timeout: timedelta | float | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Iterable[str] | None = None,
        doc_md: str | None = None,
        is_paused_upon_creation: bool | None = None,
        render_template_as_native_obj: bool = False,
        auto_register: bool = True,
        **without_effect: Any,
    ) -> None:
        if not is_valid_id(dag_id):
            raise DagError(f"dag_id {dag_id!r} is not a valid id: use 1 to 250 letters, digits and _ . ~ : + @ -")
        where = f"DAG {dag_id!r}"
        for name in without_effect:
            if name not in not_yet.DAG:
                raise DagError(f"{where}: DAG has no argument {name!r}{checks.suggestion(name, _ARGUMENTS)}")
        not_yet.warn_unused(where, without_effect, not_yet.DAG)
        if schedule is not _NOT_GIVEN and schedule_interval is not _NOT_GIVEN:
            raise DagError(f"{where}: schedule and schedule_interval are the same argument: give one")
        if schedule is _NOT_GIVEN:
            schedule = None if schedule_interval is _NOT_GIVEN else schedule_interval
        self.dag_id = dag_id
        self.location = author_line()
        self.default_args = checks.mapping(where, "default_args", default_args)
        for_tasks = {name: value for name, value in self.default_args.items() if name not in ("start_date", "end_date")}
        not_yet.warn_unused(f"{where}: default_args", for_tasks, not_yet.OPERATOR)
        self.used_default_args: set[str] = {"owner", *not_yet.OPERATOR}
        self.description = checks.text_or_none(where, "description", description)
        self.schedule = schedule_spec(where, schedule)
        self.start_date = instant(where, "start_date", start_date or self.default_args.get("start_date"))
        self.end_date = instant(where, "end_date", end_date or self.default_args.get("end_date"))
        self.timezone = None if timezone is None else zone_name(where, timezone)
        self.catchup = bool(catchup)
        self.max_active_runs = checks.whole(where, "max_active_runs", max_active_runs, 1)
        active = concurrency if max_active_tasks is None else max_active_tasks
        self.max_active_tasks = checks.whole(where, "max_active_tasks", 16 if active is None else active, 1)
        self.dagrun_timeout = checks.positive_seconds(where, "dagrun_timeout", dagrun_timeout)
        self.params = checks.mapping(where, "params", params)
        self.tags = _tags(where, tags)
        self.doc_md = checks.text_or_none(where, "doc_md", doc_md)
        self.is_paused_upon_creation = is_paused_upon_creation
        self.render_template_as_native_obj = bool(render_template_as_native_obj)
        self.auto_register = bool(auto_register)
        self.task_dict: dict[str, BaseOperator] = {}
        if self.schedule.kind in ("cron", "delta") and self.start_date is None:
            raise DagError(
                f"{where}: start_date is missing: a DAG with a schedule needs one, "
                "e.g. start_date=datetime(2026, 1, 1)",
                self.location,
            )

    def add_task(self, task: BaseOperator) -> None:
        """Place ``task`` in this DAG. Raises :class:`DagError` for a task id that is taken."""
        if task.dag is not None and task.dag is not self:
            raise DagError(f"task {task.task_id!r} is in DAG {task.dag.dag_id!r} already")
        known = self.task_dict.setdefault(task.task_id, task)
        if known is not task:
            raise DagError(
                f"DAG {self.dag_id!r}: task_id {task.task_id!r} is taken by the task of {place_words(known.location)}: "
                "every task of a DAG needs an id of its own",
                task.location,
            )
        task.dag = self

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

    @property
    def roots(self) -> list[BaseOperator]:
        """Tasks without upstream tasks."""
        return [task for task in self.tasks if not task._upstream]

    @property
    def leaves(self) -> list[BaseOperator]:
        """Tasks without downstream tasks."""
        return [task for task in self.tasks if not task._downstream]

    def to_spec(self, dag_file: str = "", default_timezone: str = "UTC") -> DagSpec:
        """Return this DAG as frozen data (see :func:`to_spec.to_spec`)."""
        from .to_spec import to_spec

        return to_spec(self, dag_file, default_timezone)

    def __enter__(self) -> Self:
        registry.push(self)
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        registry.pop()
        if kind is None and self.auto_register:
            registry.register(self)

    def __repr__(self) -> str:
        return f"<DAG: {self.dag_id}>"


def _tags(where: str, tags: Iterable[str] | None) -> tuple[str, ...]:
    if isinstance(tags, str):
        raise DagError(f"{where}: tags must be a list of texts, not the text {tags!r}")
    found = tuple(dict.fromkeys(sorted(tags) if isinstance(tags, (set, frozenset)) else tags or ()))
    if bad := [tag for tag in found if not isinstance(tag, str) or not 0 < len(tag) <= 100]:
        raise DagError(f"{where}: tags are texts of 1 to 100 characters, not {bad[0]!r}")
    return found


_ARGUMENTS = [
    *(name for name in DAG.__init__.__code__.co_varnames[: DAG.__init__.__code__.co_argcount] if name != "self"),
    *(DAG.__init__.__kwdefaults__ or {}),
    *not_yet.DAG,
]
