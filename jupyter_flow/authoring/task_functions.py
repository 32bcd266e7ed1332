"""What ``@task`` makes of a function: called, it makes a task; ``.partial``, ``.expand`` make a mapped one."""

from __future__ import annotations

import copy
import functools
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any

from . import checks, expansion, registry, unfinished
from .exceptions import DagError, FlowSkipException
from .mapped import MappedOperator, parted
from .task_group import TaskGroup
from .template_names import CONTEXT_NAMES
from .xcom_arg import XComArg

CONTEXT_PARAMETERS = frozenset({*CONTEXT_NAMES, "context", "templates_dict"})
"""Parameters of a task function that get their value from the context when the call gives none."""
Condition = Callable[[Mapping[str, Any]], Any]


class TaskFunction:
    """What ``@task`` makes of a function: each call gives a task, and the output to pass on."""

    def __init__(self, operator: type[Any], function: Callable[..., Any], arguments: dict[str, Any]) -> None:
        if isinstance(function, TaskFunction):
            raise DagError(f"{function.name} is a task already: use one @task decorator")
        if not callable(function):
            raise DagError(f"@task decorates functions, not {function!r}")
        functools.update_wrapper(self, function)
        self._operator = operator
        self._arguments = arguments
        self._constants: dict[str, Any] = {}
        self.function = function
        self.is_setup = False
        self.is_teardown = False
        self.on_failure_fail_dagrun = False

    @property
    def name(self) -> str:
        """The function's own name."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def __call__(self, *args: Any, **kwargs: Any) -> XComArg:
        """Make a task that calls the function with these arguments."""
        if self._constants:
            raise DagError(f"task {self.name!r}: after partial() comes expand(…), not a call")
        arguments = self._task_arguments()
        self._check_call(args, kwargs)
        task = self._operator(python_callable=self.function, op_args=args, op_kwargs=kwargs, **arguments)
        return self._marked(task)

    def override(self, **arguments: Any) -> TaskFunction:
        """Return this decorator with other task arguments, e.g. ``f.override(task_id="again")(1)``."""
        return self._changed(_arguments={**self._arguments, **arguments})

    def partial(self, *args: Any, **kwargs: Any) -> TaskFunction:
        """Return this function with arguments that all instances share; ``expand`` comes next."""
        if args:
            raise DagError(f"task {self.name!r}: partial() takes named arguments only, e.g. partial(x=1)")
        self._check_names("partial()", kwargs)
        if twice := [name for name in kwargs if name in self._constants]:
            raise DagError(f"task {self.name!r}: {twice[0]!r} is given in partial() already")
        made = self._changed(_constants={**self._constants, **kwargs})
        dag = registry.current_dag()
        unfinished.begin(made, dag, f"task {self.name!r}: partial() alone makes no task: add .expand(…) to it")
        return made

    def expand(self, *args: Any, **inputs: Any) -> XComArg:
        """Make a mapped task: an instance for each combination of elements, the rightmost argument changing fastest."""
        where = f"task {self.name!r}"
        if args:
            raise DagError(f"{where}: expand() takes named arguments only, e.g. expand(x=[1, 2])")
        self._check_names("expand()", inputs)
        if twice := [name for name in inputs if name in self._constants]:
            raise DagError(f"{where}: {twice[0]!r} is given in partial() already")
        made = expansion.product(where, inputs)
        self._check_call((), {**self._constants, **inputs})
        return self._mapped(made)

    def expand_kwargs(self, kwargs: Any, *, strict: bool = True) -> XComArg:
        """Make a mapped task: an instance for each dict of arguments in the list (or output of a task) ``kwargs``.

        ``strict``: the dicts may not name an argument of ``partial``; else theirs counts.
        """
        where = f"task {self.name!r}"
        made = expansion.kwargs(where, kwargs, strict)
        for item in () if made.literal_length is None else kwargs:
            if isinstance(item, Mapping):
                self._check_names("expand_kwargs()", item)
                if strict and (twice := [name for name in item if name in self._constants]):
                    raise DagError(f"{where}: {twice[0]!r} is given in partial() already")
                self._check_call((), {**self._constants, **item})
        return self._mapped(made)

    def _mapped(self, made: expansion.Expansion) -> XComArg:
        unfinished.done(self)
        arguments = self._task_arguments()
        call = {"python_callable": self.function, "op_args": [], "op_kwargs": dict(self._constants)}
        own, shared = parted(f"task {self.name!r}", self._operator, {**arguments, **call})
        task = MappedOperator(
            mapped_class=self._operator, mapped_arguments=own, mapped_over=made, into="op_kwargs", **shared
        )
        task.try_out()
        return self._marked(task)

    def _task_arguments(self) -> dict[str, Any]:
        arguments = dict(self._arguments)
        name = arguments.pop("task_id", self.name)
        group = arguments.get("task_group") or registry.current_group(arguments.get("dag"))
        arguments["task_id"] = free_task_id(name, group)
        if self._operator.result_is_output:
            arguments.setdefault("multiple_outputs", _returns_dict(self.function))
        arguments.setdefault("doc_md", inspect.getdoc(self.function))
        return arguments

    def _marked(self, task: Any) -> XComArg:
        if self.is_setup:
            task.as_setup()
        if self.is_teardown:
            task.as_teardown(on_failure_fail_dagrun=self.on_failure_fail_dagrun)
        return XComArg(task)

    def _changed(self, **attributes: Any) -> TaskFunction:
        made = copy.copy(self)
        vars(made).update(attributes)
        return made

    def as_setup(self) -> TaskFunction:
        """Return this function as one whose tasks are setups (what ``@setup`` does)."""
        return self._changed(is_setup=True)

    def as_teardown(self, *, on_failure_fail_dagrun: bool = False) -> TaskFunction:
        """Return this function as one whose tasks are teardowns (what ``@teardown`` does)."""
        return self._changed(is_teardown=True, on_failure_fail_dagrun=on_failure_fail_dagrun)

    def only_if(self, condition: Condition, wanted: bool, message: str) -> TaskFunction:
        """Return this function as one whose tasks are skipped unless ``condition(context)`` is ``wanted``."""
        if not callable(condition):
            raise DagError(f"task {self.name!r}: @task.run_if and skip_if take a function, not {condition!r}")
        inner = self._arguments.get("pre_execute")

        def check(context: Mapping[str, Any]) -> None:
            answer = condition(context)
            holds, said = answer if isinstance(answer, tuple) else (answer, None)
            if bool(holds) is not wanted:
                raise FlowSkipException(said or message)
            if inner is not None:
                inner(context)

        return self.override(pre_execute=check)

    def _check_names(self, call: str, given: Mapping[str, Any]) -> None:
        parameters = inspect.signature(self.function).parameters
        if any(item.kind is item.VAR_KEYWORD for item in parameters.values()):
            return
        known = [name for name, item in parameters.items() if item.kind is not item.POSITIONAL_ONLY]
        for name in given:
            if name not in known:
                hint = checks.suggestion(name, known)
                raise DagError(f"task {self.name!r}: {call}: {self.name}() has no argument {name!r}{hint}")

    def _check_call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Refuse a call that does not fit the function; what the context gives may be missing."""
        signature = inspect.signature(self.function)
        parameters = [
            item.replace(default=None) if _is_of_context(item) else item for item in signature.parameters.values()
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
            raise DagError(f"task {self.name!r}: {self.name}(): {error}") from None


def _is_of_context(item: inspect.Parameter) -> bool:
    """Tell whether a parameter gets a value of the context unless the call gives one (``**context`` takes them all)."""
    is_named = item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD)
    return is_named and item.name in CONTEXT_PARAMETERS and item.default is item.empty


def _bindable(signature: inspect.Signature, parameters: list[inspect.Parameter]) -> inspect.Signature:
    try:
        return signature.replace(parameters=parameters)
    except ValueError:
        return signature


def free_task_id(name: str, group: TaskGroup | None) -> str:
    """Return ``name``, or ``name__1`` and so on if its DAG has it (a function that is called several times)."""
    if group is None or group.dag is None:
        return name
    taken = group.dag.task_dict
    if group.child_id(name) not in taken:
        return name
    stem = re.sub(r"__\d+$", "", name)
    number = 1
    while group.child_id(f"{stem}__{number}") in taken:
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
