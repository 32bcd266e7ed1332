"""BaseOperator: the class behind every task."""

from __future__ import annotations

import inspect
import logging
from abc import ABCMeta
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from ..model.ids import is_valid_id
from . import checks, deprecated, not_yet, operator_arguments, setup_teardown
from .context import get_current_context
from .edges import link
from .exceptions import DagError
from .jsonable import to_jsonable
from .location import author_line, warn
from .node import Node
from .registry import current_group
from .trigger_rule import OLD_NAMES, TriggerRule
from .xcom_arg import RETURN_VALUE, XComArg, find_xcom_args

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from .context import Context
    from .dag import DAG
    from .mapped import OperatorPartial
    from .task_group import TaskGroup


_TRIGGER_RULES = frozenset(TriggerRule)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class OperatorMeta(ABCMeta):
    """Fills arguments from ``default_args``, refuses unknown ones, and places the finished task in its DAG."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make a task."""
        positional = _positional(cls)[: len(args)]
        accepted = accepted_arguments(cls)
        where = f"task {kwargs.get('task_id', args[0] if args else '?')!r}"
        kwargs = deprecated.renamed(where, kwargs, deprecated.OPERATOR)
        for name in kwargs:
            if name not in accepted:
                hint = checks.suggestion(name, [*accepted, *deprecated.OPERATOR])
                raise DagError(f"{where}: {cls.__name__} has no argument {name!r}{hint}")
        group = kwargs.get("task_group") or current_group(kwargs.get("dag"))
        for name, value in default_arguments(cls, where, group, kwargs.get("default_args")).items():
            if name not in kwargs and name not in positional:
                kwargs[name] = value
        task = super().__call__(*args, **kwargs)
        task._complete(None if group is None else group.dag)
        return task


def default_arguments(cls: type, where: str, group: TaskGroup | None, own: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what ``default_args`` of DAG, task groups and task (``own``) say of the arguments that ``cls`` takes."""
    accepted = accepted_arguments(cls)
    found = {}
    for name, (value, holders) in _defaults(where, group, own).items():
        if name in accepted:
            found[name] = value
            for holder in holders:
                holder.used_default_args.add(name)
    return found


def _defaults(
    where: str, group: TaskGroup | None, own: Mapping[str, Any] | None
) -> dict[str, tuple[Any, Iterable[DAG | TaskGroup]]]:
    """Return name -> value of the ``default_args`` of DAG, task groups and task, and who else gives that name."""
    found: dict[str, tuple[Any, Iterable[DAG | TaskGroup]]] = {}
    if group is not None and group.dag is not None:
        found = {name: (value, (group.dag,)) for name, value in group.dag.default_args.items()}
        for name, value in group.default_args.items():
            found[name] = (value, (group.dag, *group.around()))
    if own:
        given = deprecated.renamed(where, checks.mapping(where, "default_args", own), deprecated.OPERATOR)
        for name, value in given.items():
            found[name] = (value, found[name][1] if name in found else ())
    return {name: item for name, item in found.items() if name not in not_yet.OPERATOR}


@cache
def _positional(cls: type) -> list[str]:
    return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]  # type: ignore[misc]


@cache
def accepted_arguments(cls: type) -> dict[str, None]:
    """Return the argument names that ``cls(...)`` takes, its bases' included where it passes them on."""
    names: dict[str, None] = {}
    for base in cls.__mro__:
        init = base.__dict__.get("__init__")
        if init is None or base is object:
            continue
        parameters = inspect.signature(init).parameters.values()
        names.update({item.name: None for item in list(parameters)[1:] if item.kind in _NAMED})
        if base is BaseOperator:
            names.update(dict.fromkeys([*operator_arguments.CHECKS, *not_yet.OPERATOR]))
        if not any(item.kind is item.VAR_KEYWORD for item in parameters):
            break
    return names


class BaseOperator(Node, metaclass=OperatorMeta):
    """One task of a DAG. Durations are seconds or timedeltas. Further arguments: ``operator_arguments.CHECKS``.

    ``template_fields``: attributes that are rendered before ``execute``. ``template_ext``: a value of these
    fields that is a path with such an ending is replaced by that file. ``spec_fields``: attributes that, with the
    same names as arguments, rebuild the operator from data (operators of this package only).
    ``needs_dag_file``: False in operators of this package that are rebuilt from data alone.
    ``env``: environment variables for the task. ``cwd``: its working folder, relative to the DAG file's folder.

    Raises :class:`DagError` for arguments that cannot be used.
    """

    template_fields: ClassVar[Sequence[str]] = ()
    template_ext: ClassVar[Sequence[str]] = ()
    spec_fields: ClassVar[Sequence[str]] = ()
    needs_dag_file: ClassVar[bool] = True
    result_is_output: ClassVar[bool] = True
    """Of a ``@task.<kind>``: whether what the function returns is the output (and its annotation says what it is)."""

    # what most tasks leave as it is (see operator_arguments)
    start_date: datetime | None = None
    end_date: datetime | None = None
    depends_on_past: bool = False
    ignore_first_depends_on_past: bool = True
    wait_for_past_depends_before_skipping: bool = False
    wait_for_downstream: bool = False
    weight_rule: str = "downstream"
    max_active_tis_per_dag: int | None = None
    max_active_tis_per_dagrun: int | None = None
    map_index_template: str | None = None
    task_display_name: str | None = None
    logger_name: str | None = None
    render_template_as_native_obj: bool | None = None
    sla: float | None = None
    retry_policy: Any = None
    email: Sequence[str] = ()
    email_on_failure: bool = True
    email_on_retry: bool = True
    resource_group: str = ""
    resources: Mapping[str, float] = MappingProxyType({})
    on_execute_callback: Any = None
    on_success_callback: Any = None
    on_failure_callback: Any = None
    on_retry_callback: Any = None
    on_skipped_callback: Any = None
    inlets: Sequence[Any] = ()
    outlets: Sequence[Any] = ()

    def __init__(
        self,
        task_id: str,
        *,
        dag: DAG | None = None,
        task_group: TaskGroup | None = None,
        owner: str = "",
        retries: int = 0,
        retry_delay: float | timedelta = 300.0,
        retry_exponential_backoff: bool | float = False,
        max_retry_delay: float | timedelta | None = None,
        execution_timeout: float | timedelta | None = None,
        trigger_rule: str = TriggerRule.ALL_SUCCESS,
        pool: str = "default_pool",
        pool_slots: int = 1,
        priority_weight: int = 1,
        queue: str = "default",
        params: Mapping[str, Any] | None = None,
        default_args: Mapping[str, Any] | None = None,
        do_xcom_push: bool = True,
        multiple_outputs: bool = False,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        doc: str | None = None,
        doc_md: str | None = None,
        doc_json: str | None = None,
        doc_yaml: str | None = None,
        doc_rst: str | None = None,
        description: str | None = None,
        **others: Any,
    ) -> None:
        self.task_group = task_group or current_group(dag)
        full_id = task_id if self.task_group is None else self.task_group.child_id(task_id)
        if not is_valid_id(task_id) or not is_valid_id(full_id):
            shown = task_id if full_id == f"{task_id}" or not isinstance(task_id, str) else full_id
            raise DagError(f"task_id {shown!r} is not a valid id: use 1 to 250 letters, digits and _ . ~ : + @ -")
        where = f"task {full_id!r}"
        self.task_id = full_id
        self.dag: DAG | None = None
        self.location = author_line()
        self.owner = str(owner or "")
        self.retries = checks.whole(where, "retries", 0 if retries is None else retries, 0)
        self.retry_delay = checks.seconds(where, "retry_delay", retry_delay)
        self.retry_exponential_backoff = _backoff(where, retry_exponential_backoff)
        self.max_retry_delay = checks.positive_seconds(where, "max_retry_delay", max_retry_delay)
        self.execution_timeout = checks.positive_seconds(where, "execution_timeout", execution_timeout)
        self.trigger_rule = _trigger_rule(where, trigger_rule)
        self.pool = checks.text_or_none(where, "pool", pool) or "default_pool"
        self.pool_slots = checks.whole(where, "pool_slots", pool_slots, 1)
        self.priority_weight = checks.whole(where, "priority_weight", priority_weight)
        self.queue = checks.text_or_none(where, "queue", queue) or "default"
        self.params = checks.mapping(where, "params", params)
        self.do_xcom_push = bool(do_xcom_push)
        self.multiple_outputs = bool(multiple_outputs)
        self.env = checks.environment(where, env)
        self.cwd = checks.text_or_none(where, "cwd", cwd)
        self.doc = doc_md or doc or doc_rst or doc_yaml or doc_json or description
        self._upstream: dict[str, tuple[str, int] | None] = {}
        self._downstream: dict[str, None] = {}
        if others:
            for name in others:
                if name not in operator_arguments.CHECKS and name not in not_yet.OPERATOR:
                    hint = checks.suggestion(name, accepted_arguments(type(self)))
                    raise DagError(f"{where}: {type(self).__name__} has no argument {name!r}{hint}")
            operator_arguments.keep(
                self, where, {name: value for name, value in others.items() if name in operator_arguments.CHECKS}
            )
            not_yet.warn_unused(where, others, not_yet.OPERATOR)
        if dag is not None:
            dag.add_task(self)

    @classmethod
    def partial(cls, *args: Any, **arguments: Any) -> OperatorPartial:
        """Return the arguments that all instances of a mapped task share; ``.expand(…)`` of it makes the task."""
        from .mapped import partial

        return partial(cls, args, arguments)

    @property
    def operator_class(self) -> type[BaseOperator]:
        """The class of the task's operator; of a mapped task, that of its instances."""
        return type(self)

    @property
    def doc_md(self) -> str | None:
        """The task's documentation; it may be set after the task was made."""
        return self.doc

    @doc_md.setter
    def doc_md(self, text: str | None) -> None:
        self.doc = text

    def template_values(self) -> dict[str, Any]:
        """Return what the task's templates and references stand in, by name."""
        return {**{name: getattr(self, name) for name in self.template_fields}, "env": self.env, "cwd": self.cwd}

    def references(self) -> Iterator[XComArg]:
        """Yield the XComArgs that the task gets."""
        for value in self.template_values().values():
            if value is not None and type(value) is not str:  # most are: nothing to look into
                yield from find_xcom_args(value)

    def expansion_spec(self) -> dict[str, Any] | None:
        """Return ``expand`` of the task's spec, None for a task that is not mapped itself."""
        return None

    def expansion_xcoms(self) -> Iterable[tuple[str, str]]:
        """Return the ``(task id, key)`` pairs that the task is mapped over and that travel with its workloads."""
        return ()

    def execute(self, context: Context) -> Any:
        """Do the work; what it returns becomes the ``return_value`` XCom. Operators override this."""
        raise NotImplementedError(f"{type(self).__name__} does not define execute(context)")

    def render_template(self, content: Any, context: Context) -> Any:
        """Return ``content`` (text, or lists and dicts of texts) with its templates rendered, within a running task."""
        running: Any = get_current_context()
        return running.rendered(content, self, context)

    def pre_execute(self, context: Context) -> None:
        """Run right before ``execute``. Operators may override this."""

    def post_execute(self, context: Context, result: Any = None) -> None:
        """Run right after a successful ``execute``, with what it returned. Operators may override this."""

    def check_in_dag(self) -> None:
        """Check what only the finished DAG can tell, when its file is loaded. Operators may override this.

        Raises :class:`DagError`.
        """

    def on_kill(self) -> None:
        """Clean up when the attempt is cancelled or times out. Operators may override this."""

    def finish(self, context: Context, result: Any) -> None:
        """Push ``result`` as XCom, and each of its items with ``multiple_outputs``."""
        if result is None or not self.do_xcom_push:
            return
        push = context["ti"].xcom_push
        if self.multiple_outputs:
            if not isinstance(result, Mapping) or not all(isinstance(key, str) for key in result):
                raise TypeError(f"task {self.task_id!r} has multiple_outputs and must return a dict with text keys")
            for key, value in result.items():
                push(key, value)
        push(RETURN_VALUE, result)

    def arguments(self) -> dict[str, Any]:
        """Return the operator's own arguments as JSON: with the task's common ones they rebuild it."""
        where = f"task {self.task_id!r}"
        found = {name: to_jsonable(getattr(self, name), f"{where}: {name}") for name in self.spec_fields}
        if self.cwd is not None:
            found["cwd"] = self.cwd
        return found

    def static_files(self) -> list[str]:
        """Return paths, relative to the DAG file's folder, of files that this task reads and the bundle pins."""
        fields = (getattr(self, name) for name in self.template_fields)
        return [value for value in fields if isinstance(value, str) and is_template_file(value, self.template_ext)]

    @property
    def output(self) -> XComArg:
        """The task's ``return_value`` XCom, to be used as an argument of another task."""
        return XComArg(self)

    @property
    def log(self) -> logging.Logger:
        """The logger of this operator; the attempt's log shows what it gets."""
        return logging.getLogger(self.logger_name or f"jupyter_flow.task.{type(self).__name__}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.task_id}>"

    def _complete(self, dag: DAG | None) -> None:
        """Place the constructed task: in its DAG, and after the tasks whose outputs it uses."""
        for name in self.template_fields:
            if not hasattr(self, name):
                raise DagError(
                    f"{type(self).__name__}: template_fields names {name!r}, which the operator does not set"
                )
        if self.dag is None and dag is not None:
            dag.add_task(self)
        for argument in self.references():
            for before in argument.sources:
                link(before, self, self.location)
        setup_teardown.note(self)


def is_template_file(value: str, extensions: Iterable[str]) -> bool:
    """Tell whether a field's ``value`` is the path of a template file: one word with such an ending, no template."""
    return value.endswith(tuple(extensions)) and not any(char.isspace() or char in "{}|&;<>" for char in value)


def _backoff(where: str, value: Any) -> float:
    if value is None or isinstance(value, bool):
        return 2.0 if value else 0.0
    if not isinstance(value, (int, float)) or not 0 <= value <= 100:
        raise DagError(f"{where}: retry_exponential_backoff must be True, False or a factor up to 100, not {value!r}")
    return float(value)


def _trigger_rule(where: str, value: Any) -> str:
    if isinstance(value, str) and value in _TRIGGER_RULES:
        return str(value)
    text = str(value)
    if text in OLD_NAMES:
        warn(f"{where}: trigger_rule {text!r} is called {str(OLD_NAMES[text])!r} now")
        return str(OLD_NAMES[text])
    if text not in _TRIGGER_RULES:
        hint = checks.suggestion(text, map(str, TriggerRule)) or f": use one of {', '.join(TriggerRule)}"
        raise DagError(f"{where}: unknown trigger_rule {text!r}{hint}")
    return text
