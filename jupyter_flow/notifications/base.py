"""BaseNotifier: an object that can be given wherever a callback can."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from typing import Any, ClassVar

from ..authoring.callbacks import SLA_ARGUMENTS
from ..authoring.context import current_context


class BaseNotifier(ABC):
    """Base of notifiers: subclasses define :meth:`notify`.

    ``template_fields``: attributes that are rendered with the context of the callback before ``notify``. A notifier
    is called with the context, or, as a ``sla_miss_callback``, with what such a callback gets: then the context has
    ``task_list``, ``blocking_task_list``, ``slas`` and ``blocking_tis`` too.
    """

    template_fields: ClassVar[Sequence[str]] = ()
    template_ext: ClassVar[Sequence[str]] = ()

    def __init__(self, **kwargs: Any) -> None:
        self.context: Mapping[str, Any] = kwargs.pop("context", None) or {}
        self.dag: Any = None
        if kwargs:
            raise TypeError(f"{type(self).__name__} has no argument {next(iter(kwargs))!r}")

    @abstractmethod
    def notify(self, context: Mapping[str, Any]) -> None:
        """Tell people. ``context``: that of the callback."""

    async def async_notify(self, context: Mapping[str, Any]) -> None:
        """Tell people, when called by an ``AsyncCallback``."""
        import asyncio  # late: it costs every DAG file that names a notifier 40 ms

        await asyncio.to_thread(self.notify, context)

    def render_template_fields(self, context: Mapping[str, Any]) -> None:
        """Render the template fields in place."""
        render = getattr(context, "render_fields", None)
        if render is not None and self.template_fields:
            self.dag = context.get("dag")
            render(self)

    @property
    def log(self) -> logging.Logger:
        """The notifier's logger; the callback's log shows what it gets."""
        return logging.getLogger(f"jupyter_flow.notifications.{type(self).__name__}")

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Render the template fields and notify."""
        if len(args) == len(SLA_ARGUMENTS):
            found = current_context()
            context = dict(zip(SLA_ARGUMENTS, args, strict=True)) if found is None else found
        else:
            context = args[0] if args else kwargs.get("context", self.context)
        self.render_template_fields(context)
        self.notify(context)

    def __await__(self) -> Generator[Any, None, None]:
        context = self.context
        self.render_template_fields(context)
        return self.async_notify(context).__await__()
