"""A notification in JupyterLab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from ..authoring import runtime
from ..authoring.exceptions import DagError
from .base import BaseNotifier

Level = Literal["info", "success", "warning", "error"]
LEVELS: tuple[Level, ...] = ("info", "success", "warning", "error")


class JupyterNotifier(BaseNotifier):
    """Shows ``message`` to the people who have JupyterLab open: an event ``notification`` on the feed of events.

    ``level``: info, success, warning or error.
    """

    template_fields: ClassVar[Sequence[str]] = ("message",)

    def __init__(
        self,
        message: str = "{{ dag_run.dag_id }} {{ dag_run.run_id }}: {{ reason }}",
        level: Level = "info",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if level not in LEVELS:
            raise DagError(f"JupyterNotifier: level {level!r} must be one of {', '.join(LEVELS)}")
        self.message = message
        self.level = level

    def notify(self, context: Mapping[str, Any]) -> None:
        """Leave the notification for the house to show."""
        current = runtime.current()
        if current is None:
            raise RuntimeError("no house shows notifications here: JupyterNotifier works in callbacks and tasks")
        current.notify(str(self.message), self.level)
        self.log.info("notification (%s): %s", self.level, self.message)
