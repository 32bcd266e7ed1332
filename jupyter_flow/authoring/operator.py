"""BaseOperator: the class behind every task."""

from __future__ import annotations

import inspect
import logging
from abc import ABCMeta
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from ..model.ids import is_valid_id
from . import checks, not_yet
from .exceptions import DagError
from .jsonable import to_jsonable
from .location import author_line, warn
from .registry import current_dag
from .trigger_rule import OLD_NAMES, TriggerRule
from .xcom_arg import RETURN_VALUE, XComArg, find_xcom_args

if TYPE_CHECKING:
    from datetime import timedelta

    from .context import Context
    from .dag import DAG


_TRIGGER_RULES = frozenset(TriggerRule)
_WITHOUT_EFFECT = {**not_yet.OPERATOR, **not_yet.PLACES}
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class OperatorMeta(ABCMeta):
    """Fills arguments from ``default_args``, refuses unknown ones, and places the finished task in its DAG."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make a task."""
        positional = _positional(cls)[: len(args)]
        accepted = accepted_arguments(cls)
        where = f"task {kwargs.get('task_id', args[0] if args else '?')!r}"
        for name in kwargs:
            if name not in accepted:
                raise DagError(f"{where}: {cls.__name__} has no argument {name!r}{checks.suggestion(name, accepted)}")
        dag = kwargs.get("dag") or current_dag()
        own_defaults = checks.mapping(where, "default_args", kwargs.get("default_args"))
        inherited = {} if dag is None else {k: v for k, v in dag.default_args.items() if k not in not_yet.OPERATOR}
        for name, value in {**inherited, **own_defaults}.items():
            if name not in accepted:
                continue
            if dag is not None:
                dag.used_default_args.add(name)
            if name not in kwargs and name not in positional:
                kwargs[name] = value
        task = super().__call__(*args, **kwargs)
        task._complete(dag)
        return task


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
            names.update(dict.fromkeys(not_yet.OPERATOR))
        if not any(item.kind is item.VAR_KEYWORD for item in parameters):
            break
    return names


class BaseOperator(metaclass=OperatorMeta):
    """One task of a DAG. Durations are seconds or timedeltas.

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

    def __init__(
        self,
        task_id: str,
        *,
        dag: DAG | None = None,
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
        **without_effect: Any,
    ) -> None:
        if not is_valid_id(task_id):
            raise DagError(f"task_id {task_id!r} is not a valid id: use 1 to 250 letters, digits and _ . ~ : + @ -")
        where = f"task {task_id!r}"
        self.task_id = task_id
        self.dag: DAG | None = None
        self.location = author_line()
        self.owner = str(owner or "")
        self.retries = checks.whole(where, "retries", 0 if retries is None else retries, 0)
        self.retry_delay = checks.seconds(where, "retry_delay", retry_delay)
        self.retry_exponential_backoff = _backoff(where, retry_exponential_backoff)
        self.max_retry_delay = checks.positive_seconds(where, "max_retry_delay", max_retry_delay)
        self.execution_timeout = checks.positive_seconds(where, "execution_timeout", execution_timeout)
        self.trigger_rule = _trigger_rule(where, trigger_rule)
        # a task of a pool that nobody can make would wait for ever: until there is a door for pools, all are in one
        self.pool = not_yet.DEFAULT_POOL
        slots = checks.whole(where, "pool_slots", pool_slots, 1)
        self.pool_slots = slots if pool in not_yet.PLACES["pool"] else 1
        self.priority_weight = checks.whole(where, "priority_weight", priority_weight)
        self.queue = str(queue or "default")
        self.params = checks.mapping(where, "params", params)
        self.do_xcom_push = bool(do_xcom_push)
        self.multiple_outputs = bool(multiple_outputs)
        self.env = checks.environment(where, env)
        self.cwd = checks.text_or_none(where, "cwd", cwd)
        self.doc = doc_md or doc or doc_rst or doc_yaml or doc_json or description
        self._upstream: dict[str, None] = {}
        self._downstream: dict[str, None] = {}
        unknown = [name for name in without_effect if name not in not_yet.OPERATOR]
        if unknown:
            hint = checks.suggestion(unknown[0], accepted_arguments(type(self)))
            raise DagError(f"{where}: {type(self).__name__} has no argument {unknown[0]!r}{hint}")
        given = {**without_effect, "pool": pool, "queue": queue}
        not_yet.warn_unused(where, given, _WITHOUT_EFFECT)
        if dag is not None:
            dag.add_task(self)

    def execute(self, context: Context) -> Any:
        """Do the work; what it returns becomes the ``return_value`` XCom. Operators override this."""
        raise NotImplementedError(f"{type(self).__name__} does not define execute(context)")

    def pre_execute(self, context: Context) -> None:
        """Run right before ``execute``. Operators may override this."""

    def post_execute(self, context: Context, result: Any = None) -> None:
        """Run right after a successful ``execute``, with what it returned. Operators may override this."""

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
        return logging.getLogger(f"jupyter_flow.task.{type(self).__name__}")

    @property
    def upstream_task_ids(self) -> set[str]:
        """Ids of the tasks directly before this one."""
        return set(self._upstream)

    @property
    def downstream_task_ids(self) -> set[str]:
        """Ids of the tasks directly after this one."""
        return set(self._downstream)

    @property
    def dag_id(self) -> str:
        """The id of the task's DAG, empty without one."""
        return self.dag.dag_id if self.dag else ""

    def set_upstream(self, others: Any) -> None:
        """Let this task start after ``others``: tasks, outputs of tasks, task ids, or lists of these."""
        for other in _nodes(others):
            if isinstance(other, str):
                self._upstream[other] = None
            else:
                _link(other, self)

    def set_downstream(self, others: Any) -> None:
        """Let ``others`` start after this task."""
        for other in _nodes(others):
            if isinstance(other, str):
                raise DagError(f"task {self.task_id!r}: name the task after it as an object, not as text {other!r}")
            _link(self, other)

    def __rshift__(self, others: Any) -> Any:
        self.set_downstream(others)
        return others

    def __lshift__(self, others: Any) -> Any:
        self.set_upstream(others)
        return others

    def __rrshift__(self, others: Any) -> BaseOperator:
        self.set_upstream(others)
        return self

    def __rlshift__(self, others: Any) -> BaseOperator:
        self.set_downstream(others)
        return self

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
        for name in self.template_fields:
            value = getattr(self, name)
            if value is None or type(value) is str:
                continue  # most fields: nothing to look into
            for argument in find_xcom_args(value):
                if argument.operator is not None:
                    self.set_upstream(argument.operator)


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


def _nodes(others: Any) -> Iterable[BaseOperator | str]:
    if isinstance(others, (list, tuple, set)):
        for other in others:
            yield from _nodes(other)
    elif isinstance(others, XComArg):
        yield others._node()
    elif isinstance(others, (BaseOperator, str)):
        yield others
    else:
        raise DagError(f"dependencies are between tasks, not with {others!r} (a {type(others).__name__})")


def _link(upstream: BaseOperator, downstream: BaseOperator) -> None:
    if upstream.dag is None and downstream.dag is not None:
        downstream.dag.add_task(upstream)
    elif downstream.dag is None and upstream.dag is not None:
        upstream.dag.add_task(downstream)
    if upstream.dag is not downstream.dag:
        raise DagError(
            f"task {downstream.task_id!r} is in DAG {downstream.dag_id!r}, {upstream.task_id!r} in DAG "
            f"{upstream.dag_id!r}: dependencies are within one DAG"
        )
    downstream._upstream[upstream.task_id] = None
    upstream._downstream[downstream.task_id] = None
