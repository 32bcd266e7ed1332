"""What ``@task_group`` makes of a function: called, it makes a task group; ``.partial``, ``.expand`` a mapped one."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from . import checks, expansion, registry, unfinished
from .exceptions import DagError
from .expansion import Expansion
from .mapped import refuse_within_mapped_group
from .placeholders import MappedArgument
from .task_group import TaskGroup

_ARGUMENTS = tuple(inspect.signature(TaskGroup.__init__).parameters)[1:]


class GroupFunction:
    """What ``@task_group`` makes of a function: each call gives a task group with the tasks that the function makes.

    A call returns what the function returns (so that its outputs can be passed on), or the group if that is None.
    """

    def __init__(self, function: Callable[..., Any], arguments: dict[str, Any]) -> None:
        if not inspect.isfunction(function):
            raise DagError(f"@task_group decorates functions, not {function!r}")
        for name in arguments:
            if name not in _ARGUMENTS:
                raise DagError(f"@task_group has no argument {name!r}{checks.suggestion(name, _ARGUMENTS)}")
        functools.update_wrapper(self, function)
        self.function = function
        self._arguments = arguments
        self._constants: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """The function's own name."""
        return self.function.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make the group."""
        if self._constants:
            raise DagError(f"task group {self.name!r}: after partial() comes expand(…), not a call")
        self._check_call(args, kwargs)
        with self._group() as group:
            result = self.function(*args, **kwargs)
        return group if result is None else result

    def override(self, **arguments: Any) -> GroupFunction:
        """Return this decorator with other arguments of the group, e.g. ``load.override(group_id="again")(1)``."""
        made = GroupFunction(self.function, {**self._arguments, **arguments})
        made._constants = self._constants
        return made

    def partial(self, *args: Any, **kwargs: Any) -> GroupFunction:
        """Return this function with arguments that all instances share; ``expand`` comes next."""
        if args:
            raise DagError(f"task group {self.name!r}: partial() takes named arguments only, e.g. partial(x=1)")
        self._check_names("partial()", kwargs)
        made = self._changed(_constants={**self._constants, **kwargs})
        message = f"task group {self.name!r}: partial() alone makes no group: add .expand(…) to it"
        unfinished.begin(made, registry.current_dag(), message)
        return made

    def expand(self, *args: Any, **inputs: Any) -> Any:
        """Make a mapped group: all its tasks have an instance for each combination of elements."""
        where = f"task group {self.name!r}"
        if args:
            raise DagError(f"{where}: expand() takes named arguments only, e.g. expand(x=[1, 2])")
        self._check_names("expand()", inputs)
        made = expansion.product(where, inputs)
        self._check_call((), {**self._constants, **inputs})
        return self._mapped(made, list(inputs))

    def expand_kwargs(self, kwargs: Any) -> Any:
        """Make a mapped group: an instance for each dict of arguments in the list (or output of a task) ``kwargs``."""
        made = expansion.kwargs(f"task group {self.name!r}", kwargs, True)
        for item in () if made.literal_length is None else kwargs:
            if isinstance(item, Mapping):
                self._check_names("expand_kwargs()", item)
        names = [name for name in inspect.signature(self.function).parameters if name not in self._constants]
        return self._mapped(made, names)

    def _mapped(self, made: Expansion, names: list[str]) -> Any:
        unfinished.done(self)
        refuse_within_mapped_group(f"task group {self.name!r}", registry.current_group())
        with self._group() as group:
            group.expand_input = made.to_spec()
            mapped = {name: MappedArgument(name, made) for name in names}
            result = self.function(**self._constants, **mapped)
        group.set_upstream(list(made.sources))
        return group if result is None else result

    def _group(self) -> TaskGroup:
        arguments = {"group_id": self.name, "add_suffix_on_collision": True, **self._arguments}
        if not arguments.get("tooltip"):
            arguments["tooltip"] = inspect.getdoc(self.function) or ""
        return TaskGroup(**arguments)

    def _changed(self, **attributes: Any) -> GroupFunction:
        made = copy.copy(self)
        vars(made).update(attributes)
        return made

    def _check_names(self, call: str, given: Mapping[str, Any]) -> None:
        parameters = inspect.signature(self.function).parameters
        for name in given:
            if name not in parameters and not any(item.kind is item.VAR_KEYWORD for item in parameters.values()):
                hint = checks.suggestion(name, parameters)
                raise DagError(f"task group {self.name!r}: {call}: {self.name}() has no argument {name!r}{hint}")
            if name in self._constants:
                raise DagError(f"task group {self.name!r}: {name!r} is given in partial() already")

    def _check_call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        try:
            inspect.signature(self.function).bind(*args, **kwargs)
        except TypeError as error:
            raise DagError(f"task group {self.name!r}: {self.name}(): {error}") from None


def task_group(group_id: Any = None, /, **arguments: Any) -> Any:
    """Make a task group of a function: ``@task_group``, or ``@task_group(group_id="load", tooltip="…")``.

    Arguments are those of :class:`TaskGroup`; the id is the function's name unless given.
    """
    if callable(group_id):
        return GroupFunction(group_id, arguments)
    if group_id is not None:
        arguments["group_id"] = group_id
    return lambda function: GroupFunction(function, arguments)
