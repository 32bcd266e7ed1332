"""PythonOperator: calls a Python function of the DAG file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any, ClassVar

from ..authoring import checks
from ..authoring.assets import take_metadata
from ..authoring.context import Context
from ..authoring.exceptions import DagError
from ..authoring.operator import BaseOperator, is_template_file
from ..authoring.task_kinds import register_kind
from ..authoring.type_hints import convert_arguments


class PythonOperator(BaseOperator):
    """Calls ``python_callable(*op_args, **op_kwargs)``; what it returns (JSON) is the ``return_value`` XCom.

    Parameters of the function that are named like a context value (``ds``, ``ti``, ``params`` …) and get nothing
    from ``op_args`` or ``op_kwargs`` receive that value; ``**kwargs`` receives the whole context.
    ``op_args``, ``op_kwargs`` and ``templates_dict`` are templated; values of ``templates_dict`` that are paths with
    an ending of ``templates_exts`` are templates in files. A coroutine function is run to its end.
    Type hints of the function make of plain values what they say: a dict a dataclass, ISO text a datetime …
    """

    template_fields: ClassVar[Sequence[str]] = ("op_args", "op_kwargs", "templates_dict", "env", "cwd")
    spec_fields: ClassVar[Sequence[str]] = ("callable_name",)

    def __init__(
        self,
        task_id: str,
        python_callable: Callable[..., Any],
        op_args: Sequence[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        templates_dict: Mapping[str, Any] | None = None,
        show_return_value_in_logs: bool = True,
        templates_exts: Sequence[str] | None = None,
        **operator_args: Any,
    ) -> None:
        super().__init__(task_id, **operator_args)
        where = f"task {task_id!r}"
        if templates_exts is not None:
            if isinstance(templates_exts, str) or not all(str(item).startswith(".") for item in templates_exts):
                raise DagError(f"{where}: templates_exts must be a list of endings such as ['.sql']")
            self.template_ext = tuple(templates_exts)  # type: ignore[misc]
        if not callable(python_callable):
            raise DagError(f"{where}: python_callable must be a function, not {python_callable!r}")
        if isinstance(op_args, str) or not isinstance(op_args or (), Sequence):
            raise DagError(f"{where}: op_args must be a list, not {op_args!r}")
        self.python_callable = python_callable
        self.op_args = list(op_args or ())
        self.op_kwargs = checks.mapping(where, "op_kwargs", op_kwargs)
        self.templates_dict = (
            None if templates_dict is None else checks.mapping(where, "templates_dict", templates_dict)
        )
        self.show_return_value_in_logs = bool(show_return_value_in_logs)

    def static_files(self) -> list[str]:
        """Return the template files that ``templates_dict`` names, too."""
        named = [value for value in (self.templates_dict or {}).values() if isinstance(value, str)]
        return [*super().static_files(), *(path for path in named if is_template_file(path, self.template_ext))]

    @property
    def callable_name(self) -> str:
        """The function's own name."""
        return getattr(self.python_callable, "__name__", type(self.python_callable).__name__)

    def execute(self, context: Context) -> Any:
        """Call the function."""
        values = context if self.templates_dict is None else {**context, "templates_dict": self.templates_dict}
        result = call(self.python_callable, self.op_args, self.op_kwargs, values, context)
        if result is not None and self.show_return_value_in_logs:
            self.log.info("returned %s", _shortened(result))
        return result


class DecoratedPython(PythonOperator):
    """The task that ``@task`` makes of a function."""

    operator_name: ClassVar[str] = "@task"


def call(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    values: Mapping[str, Any],
    context: Context,
) -> Any:
    """Return what ``function`` returns: its arguments as its type hints say, ``values`` for names of the context."""
    args, kwargs = convert_arguments(function, args, kwargs)
    result = function(*args, **call_arguments(function, args, kwargs, values, {"context": context}))
    if inspect.iscoroutine(result):
        import asyncio  # late: it would make every fork of a runner a quarter bigger

        result = asyncio.run(result)
    if inspect.isgenerator(result):
        result = take_metadata(result, context["outlet_events"])
    return result


def call_arguments(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    context: Mapping[str, Any],
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return keyword arguments for ``function``: ``kwargs``, and what it asks for by name of ``more`` or ``context``.

    A context of which nothing is asked is left alone: it is made when it is first used.
    """
    try:
        positional, named, takes_all = _parameters(function)
    except (TypeError, ValueError):  # a built-in without a signature
        return dict(kwargs)
    taken = set(positional[: len(args)])
    if takes_all:
        known = {**context, **(more or {})}
        extra = {name: value for name, value in known.items() if name not in taken and name != "context"}
        return {**extra, **kwargs}
    found = dict(kwargs)
    for name in named - taken - set(kwargs):
        place = more if more and name in more else context
        if name in place:
            found[name] = place[name]
    return found


def _parameters(function: Callable[..., Any]) -> tuple[Sequence[str], set[str], bool]:
    """Return the names that positional arguments fill, those that keywords may fill, and whether it has ``**kwargs``.

    A plain function says it by its code, for which ``inspect`` needs much memory in a process that lives briefly.
    """
    if type(function) is FunctionType and not vars(function):
        code = function.__code__
        count = code.co_argcount
        named = set(code.co_varnames[code.co_posonlyargcount : count + code.co_kwonlyargcount])
        return code.co_varnames[:count], named, bool(code.co_flags & inspect.CO_VARKEYWORDS)
    parameters = list(inspect.signature(function).parameters.values())
    positional = [item.name for item in parameters if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)]
    named = {item.name for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)}
    return positional, named, any(item.kind is item.VAR_KEYWORD for item in parameters)


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 500 else f"{text[:500]}… ({len(text)} characters)"


register_kind("python", DecoratedPython)
