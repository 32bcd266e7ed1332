"""What a callback's process calls, found in the author's DAG."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..authoring.callbacks import SLA_ARGUMENTS, AsyncCallback, argument_name
from ..authoring.exceptions import TaskFailure
from ..model.reason import Reason
from ..notifications.base import BaseNotifier
from .callback_context import sla_arguments

Call = tuple[str, Callable[[], Any]]


def calls_of(told: Mapping[str, Any], dag: Any, context: Mapping[str, Any]) -> list[Call]:
    """Return what is to be called for ``told`` (the workload's ``callback``).

    Raises :class:`TaskFailure` if the DAG file has nothing of the kind when it is loaded again.
    """
    level = told["level"]
    if level == "deadline":
        return [_deadline_call(told, dag, context)]
    owner = dag if level in ("dag", "sla") else dag.task_dict.get(told["task_id"])
    name = argument_name(told["event"])
    found = getattr(owner, name, None)
    callbacks = [] if found is None else list(found) if isinstance(found, (list, tuple)) else [found]
    if not callbacks:
        where = f"DAG {dag.dag_id!r}" if owner is dag else f"task {told['task_id']!r}"
        raise _gone(f"{where} has no {name} when its DAG file is loaded again")
    if level == "sla":
        arguments = sla_arguments(told, dag)
        values = [arguments[item] for item in SLA_ARGUMENTS]
        return [(_name(callback), partial(callback, *values)) for callback in callbacks]
    return [(_name(callback), partial(callback, context)) for callback in callbacks]


def _deadline_call(told: Mapping[str, Any], dag: Any, context: Mapping[str, Any]) -> Call:
    alerts = list(dag.deadlines)
    callback = alerts[told["position"]].callback if told["position"] < len(alerts) else None
    if callback is None:
        raise _gone(f"DAG {dag.dag_id!r} has no such deadline when its DAG file is loaded again")
    target, kwargs = callback.resolve(), dict(callback.kwargs)
    is_async = isinstance(callback, AsyncCallback)
    if isinstance(target, type) and issubclass(target, BaseNotifier):
        if is_async:
            return target.__name__, lambda: asyncio.run(_awaited(target(**kwargs, context=context)))
        return target.__name__, lambda: target(**kwargs)(context)
    if _takes_context(target):
        kwargs["context"] = context
    if is_async:
        return _name(target), lambda: asyncio.run(_awaited(target(**kwargs)))
    return _name(target), partial(target, **kwargs)


async def _awaited(found: Any) -> Any:
    return await found


def _takes_context(target: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(item.name == "context" or item.kind is item.VAR_KEYWORD for item in parameters)


def _name(callback: Any) -> str:
    return str(getattr(callback, "__qualname__", type(callback).__qualname__))


def _gone(message: str) -> TaskFailure:
    return TaskFailure(Reason("exception", {"type": "DagError", "message": message}))
