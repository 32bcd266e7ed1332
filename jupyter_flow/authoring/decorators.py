"""``@dag`` and ``@task``: functions become DAGs and tasks."""

from __future__ import annotations

import functools
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any

from . import registry
from .dag import DAG
from .exceptions import DagError
from .task_kinds import find_kind
from .template_names import CONTEXT_NAMES
from .xcom_arg import XComArg

CONTEXT_PARAMETERS = frozenset({*CONTEXT_NAMES, "context", "templates_dict"})
"""Parameters of a task function that get their value from the context when the call gives none."""


class DagFunction:
    """What ``@dag`` makes of a function: each call gives a DAG with the tasks that the function makes."""

    def __init__(self, function: Callable[..., Any], arguments: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._arguments = arguments
        self.location = (function.__code__.co_filename, function.__code__.co_firstlineno)
        self.calls = 0

    def __call__(self, *args: Any, **kwargs: Any) -> DAG:
        """Make the DAG."""
        self.calls += 1
        arguments = {"dag_id": self._function.__name__, "doc_md": inspect.getdoc(self._function), **self._arguments}
        with DAG(**arguments) as made:
            self._function(*args, **kwargs)
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


class TaskFunction:
    """What ``@task`` makes of a function: each call gives a task, and the output to pass on."""

    def __init__(self, operator: type[Any], function: Callable[..., Any], arguments: dict[str, Any]) -> None:
        if not callable(function):
            raise DagError(f"@task decorates functions, not {function!r}")
        functools.update_wrapper(self, function)
        self._operator = operator
        self._arguments = arguments
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> XComArg:
        """Make a task that calls the function with these arguments."""
        arguments = dict(self._arguments)
        name = arguments.pop("task_id", self.function.__name__)
        task_id = _free_task_id(name, arguments.get("dag") or registry.current_dag())
        self._check_call(task_id, args, kwargs)
        arguments.setdefault("multiple_outputs", _returns_dict(self.function))
        arguments.setdefault("doc_md", inspect.getdoc(self.function))
        task = self._operator(
            task_id=task_id, python_callable=self.function, op_args=args, op_kwargs=kwargs, **arguments
        )
        return XComArg(task)

    def override(self, **arguments: Any) -> TaskFunction:
        """Return this decorator with other task arguments, e.g. ``f.override(task_id="again")(1)``."""
        return TaskFunction(self._operator, self.function, {**self._arguments, **arguments})

    def _check_call(self, task_id: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        signature = inspect.signature(self.function)
        parameters = [
            item.replace(default=None) if item.name in CONTEXT_PARAMETERS and item.default is item.empty else item
            for item in signature.parameters.values()
        ]
        known = {item.name for item in parameters if item.default is not item.empty}
        for index, item in enumerate(parameters):  # a default may not stand before a parameter without one
            if index and item.default is item.empty and item.kind is item.POSITIONAL_OR_KEYWORD:
                before = parameters[index - 1]
                if before.name in known and before.kind is item.kind:
                    parameters[index] = item.replace(kind=item.KEYWORD_ONLY)
        try:
            _bindable(signature, parameters).bind(*args, **kwargs)
        except TypeError as error:
            raise DagError(f"task {task_id!r}: {self.function.__name__}(): {error}") from None


def _bindable(signature: inspect.Signature, parameters: list[inspect.Parameter]) -> inspect.Signature:
    try:
        return signature.replace(parameters=parameters)
    except ValueError:
        return signature


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

    @staticmethod
    def _decorate(operator: type[Any], function: Any, arguments: dict[str, Any]) -> Any:
        if function is None:
            return lambda found: TaskFunction(operator, found, arguments)
        return TaskFunction(operator, function, arguments)


task = TaskDecorators()


def _free_task_id(name: str, dag: DAG | None) -> str:
    """Return ``name``, or ``name__1`` and so on if the DAG has it (a function that is called several times)."""
    if dag is None or name not in dag.task_dict:
        return name
    stem = re.sub(r"__\d+$", "", name)
    number = 1
    while f"{stem}__{number}" in dag.task_dict:
        number += 1
    return f"{stem}__{number}"


def _returns_dict(function: Callable[..., Any]) -> bool:
    """Whether the annotation says that a dict with text keys comes back: then each key is an XCom of its own."""
    try:
        returned = typing.get_type_hints(function).get("return")
    except (NameError, TypeError, AttributeError):
        return False
    origin = typing.get_origin(returned) or returned
    if not isinstance(origin, type) or not issubclass(origin, Mapping):
        return False
    keys = typing.get_args(returned)
    return not keys or keys[0] in (str, Any)
