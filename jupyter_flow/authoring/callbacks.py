"""Callbacks as authors give them: checked, and told to the house by the names of their events."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .exceptions import DagError

Callback = Callable[..., Any]
TASK_EVENTS = ("execute", "success", "failure", "retry", "skipped")
DAG_EVENTS = ("success", "failure", "sla_miss")
SLA_ARGUMENTS = ("dag", "task_list", "blocking_task_list", "slas", "blocking_tis")
_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")


def argument_name(event: str) -> str:
    """Return the argument under which authors give the callbacks of ``event``."""
    return "sla_miss_callback" if event == "sla_miss" else f"on_{event}_callback"


def check_callbacks(where: str, name: str, value: Any) -> list[Callback]:
    """Return the callbacks that an author gave as one callable, a list of them or None.

    Raises :class:`DagError` for what cannot be called as argument ``name`` is.
    """
    given = [] if value is None else list(value) if isinstance(value, (list, tuple, set)) else [value]
    for callback in given:
        _check_one(where, name, callback)
    return given


def task_events(task: Any) -> tuple[str, ...]:
    """Return the events for which ``task`` has callbacks, as its spec names them."""
    return tuple(event for event in TASK_EVENTS if getattr(task, argument_name(event), None))


def dag_events(dag: Any) -> tuple[str, ...]:
    """Return the events for which ``dag`` has callbacks, as its spec names them."""
    return tuple(event for event in DAG_EVENTS if getattr(dag, argument_name(event), None))


def check_email(where: str, value: Any) -> tuple[str, ...]:
    """Return the addresses in ``email=``: one text (``,`` and ``;`` separate) or several."""
    if value is None:
        return ()
    texts = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else None
    if texts is None or not all(isinstance(text, str) for text in texts):
        raise DagError(f"{where}: email must be an address or a list of addresses, not {value!r}")
    found = [part.strip() for text in texts for part in re.split("[,;]", text) if part.strip()]
    if bad := [part for part in found if not _ADDRESS.fullmatch(part)]:
        raise DagError(f"{where}: email {bad[0]!r} is not an address like name@example.com")
    return tuple(dict.fromkeys(found))


def email_events(task: Any) -> tuple[str, ...]:
    """Return the events at which mail is sent to the ``email`` of ``task``."""
    wanted = {"failure": task.email_on_failure, "retry": task.email_on_retry}
    return tuple(event for event, on in wanted.items() if on and task.email)


class DeadlineCallback:
    """What is called when a deadline is missed: use :class:`SyncCallback` or :class:`AsyncCallback`.

    ``callback_callable``: a function, a notifier class, or the dotted name of one. It is called with ``kwargs``, and
    with ``context`` if it takes that; a notifier class is made with ``kwargs`` and called with the context.
    """

    def __init__(self, callback_callable: Callback | str, kwargs: Mapping[str, Any] | None = None) -> None:
        name = type(self).__name__
        if isinstance(callback_callable, str):
            if not all(part.isidentifier() for part in callback_callable.split(".")) or "." not in callback_callable:
                raise DagError(f"{name}: {callback_callable!r} is not the dotted name of a function")
        elif not callable(callback_callable):
            raise DagError(f"{name}: {callback_callable!r} cannot be called: give a function or its dotted name")
        else:
            self.check(callback_callable)
        if kwargs and "context" in kwargs:
            raise DagError(f"{name}: kwargs must not name 'context': it is given by itself")
        self.callback_callable = callback_callable
        self.kwargs = dict(kwargs or {})

    def check(self, function: Callback) -> None:
        """Refuse a function that this kind of callback cannot call."""

    @property
    def path(self) -> str:
        """The dotted name of what is called."""
        target = self.callback_callable
        if isinstance(target, str):
            return target
        return f"{target.__module__}.{getattr(target, '__qualname__', type(target).__qualname__)}"

    def resolve(self) -> Callback:
        """Return what is called. Raises ImportError or AttributeError for a name that leads nowhere."""
        target = self.callback_callable
        if not isinstance(target, str):
            return target
        module, _, name = target.rpartition(".")
        found: Callback = getattr(importlib.import_module(module), name)
        self.check(found)
        return found


class SyncCallback(DeadlineCallback):
    """A plain function. ``executor`` is accepted; there is one executor."""

    def __init__(
        self, callback_callable: Callback | str, kwargs: Mapping[str, Any] | None = None, executor: str | None = None
    ) -> None:
        super().__init__(callback_callable, kwargs)
        self.executor = executor


class AsyncCallback(DeadlineCallback):
    """An ``async def`` function, or a notifier class."""

    def check(self, function: Callback) -> None:
        """Refuse what is not awaitable."""
        if not inspect.iscoroutinefunction(function) and not hasattr(function, "__await__"):
            shown = getattr(function, "__qualname__", function)
            raise DagError(f"AsyncCallback: {shown} is not an async function: define it with async def")


def _check_one(where: str, name: str, callback: Any) -> None:
    if isinstance(callback, type):
        raise DagError(f"{where}: {name} is the class {callback.__name__}: give an object, {callback.__name__}(…)")
    if not callable(callback):
        raise DagError(f"{where}: {name} must be a function, a notifier or a list of them, not {callback!r}")
    shown = getattr(callback, "__qualname__", type(callback).__qualname__)
    if inspect.iscoroutinefunction(callback):
        raise DagError(f"{where}: {name}: {shown} is an async function, which would not run: use def")
    given = SLA_ARGUMENTS if name == "sla_miss_callback" else ("context",)
    try:
        inspect.signature(callback).bind(*given)
    except ValueError:
        return  # a builtin that does not say what it takes
    except TypeError as error:
        raise DagError(
            f"{where}: {name}: {shown}{inspect.signature(callback)} cannot be called with ({', '.join(given)}): {error}"
        ) from None
