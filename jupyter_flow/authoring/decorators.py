"""``@dag``, ``@task`` and its kinds, ``@setup`` and ``@teardown``: functions become DAGs and tasks."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from .checks import suggestion
from .dag import DAG
from .exceptions import DagError
from .group_functions import GroupFunction, task_group
from .placeholders import DagParam
from .task_functions import CONTEXT_PARAMETERS, Condition, TaskFunction
from .task_kinds import find_kind, kinds

__all__ = ["CONTEXT_PARAMETERS", "DagFunction", "TaskFunction", "dag", "setup", "task", "task_group", "teardown"]


class DagFunction:
    """What ``@dag`` makes of a function: each call gives a DAG with the tasks that the function makes.

    The function's parameters are params of the DAG. Within the function they are references: their values are known
    when a run begins, and tasks get them. What a call gives is the default of the param.
    """

    dag_class: type[DAG] = DAG

    def __init__(self, function: Callable[..., Any], arguments: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._arguments = arguments
        self.location = (function.__code__.co_filename, function.__code__.co_firstlineno)
        self.calls = 0

    def __call__(self, *args: Any, **kwargs: Any) -> DAG:
        """Make the DAG."""
        self.calls += 1
        name = self._function.__name__
        signature = inspect.signature(self._function)
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise DagError(f"DAG {name!r}: {name}(): {error}; give the params defaults") from None
        bound.apply_defaults()
        for item in signature.parameters.values():
            if item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD):
                raise DagError(f"DAG {name!r}: {name}() takes *{item.name}: params of a DAG have names of their own")
        arguments = {"dag_id": name, "doc_md": inspect.getdoc(self._function), **self._arguments}
        arguments["params"] = {**(arguments.get("params") or {}), **bound.arguments}
        with self.dag_class(**arguments) as made:
            for key in bound.arguments:
                bound.arguments[key] = DagParam(key)
            self._function(*bound.args, **bound.kwargs)
        return made


def dag(dag_id: Any = None, /, **arguments: Any) -> Any:
    """Make a DAG of a function: ``@dag(schedule="@daily", start_date=…)``, its name being the ``dag_id``.

    The decorated function must be called once in the file. Arguments are those of :class:`DAG`.
    """
    if callable(dag_id):
        return DagFunction(dag_id, arguments)
    if dag_id is not None:
        arguments["dag_id"] = dag_id
    return lambda function: DagFunction(function, arguments)


class TaskDecorators:
    """``@task`` (a Python function) and ``@task.<kind>`` for the kinds that operators register."""

    def __call__(self, function: Callable[..., Any] | None = None, /, **arguments: Any) -> Any:
        """Decorate a Python function; keyword arguments are those of the operator."""
        return self._decorate(find_kind("python"), function, arguments)

    def __getattr__(self, kind: str) -> Callable[..., Any]:
        if kind.startswith("_"):
            raise AttributeError(kind)
        operator = find_kind(kind)
        return lambda function=None, /, **arguments: self._decorate(operator, function, arguments)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *kinds()})

    def run_if(self, condition: Condition, skip_message: str | None = None) -> Callable[[TaskFunction], TaskFunction]:
        """Skip the task unless ``condition(context)`` is true; stands above ``@task``.

        The condition may return ``(bool, message)``: the message is then the reason of the skip.
        """
        return _gate("run_if", condition, True, skip_message or "the condition of run_if does not hold")

    def skip_if(self, condition: Condition, skip_message: str | None = None) -> Callable[[TaskFunction], TaskFunction]:
        """Skip the task if ``condition(context)`` is true; else as :meth:`run_if`."""
        return _gate("skip_if", condition, False, skip_message or "the condition of skip_if holds")

    @staticmethod
    def _decorate(operator: type[Any], function: Any, arguments: dict[str, Any]) -> Any:
        if function is None:
            return lambda found: TaskFunction(operator, found, arguments)
        return TaskFunction(operator, function, arguments)


def _gate(name: str, condition: Condition, wanted: bool, message: str) -> Callable[[TaskFunction], TaskFunction]:
    def decorate(function: TaskFunction) -> TaskFunction:
        if not isinstance(function, TaskFunction):
            raise DagError(f"@task.{name} stands above @task (or @task.bash …), not alone")
        return function.only_if(condition, wanted, message)

    return decorate


task = TaskDecorators()


def setup(function: Any) -> TaskFunction:
    """Make a setup task of a function (above ``@task`` or alone): see :meth:`.node.Node.as_setup`."""
    return _task_function("setup", function).as_setup()


def teardown(function: Any = None, /, *, on_failure_fail_dagrun: bool = False, **unknown: Any) -> Any:
    """Make a teardown task of a function (above ``@task`` or alone): see :meth:`.node.Node.as_teardown`."""
    if unknown:
        name = next(iter(unknown))
        raise DagError(f"@teardown has no argument {name!r}{suggestion(name, ['on_failure_fail_dagrun'])}")

    def decorate(found: Any) -> TaskFunction:
        return _task_function("teardown", found).as_teardown(on_failure_fail_dagrun=on_failure_fail_dagrun)

    return decorate if function is None else decorate(function)


def _task_function(name: str, function: Any) -> TaskFunction:
    if isinstance(function, GroupFunction):
        raise DagError(f"@{name} is for tasks: a task group cannot be one")
    if isinstance(function, TaskFunction):
        return function
    made: TaskFunction = task(function)
    return made
