"""EmptyOperator: a task that does nothing, to gather or spread dependencies."""

from __future__ import annotations

from typing import Any, ClassVar

from ..authoring.context import Context
from ..authoring.location import warn
from ..authoring.operator import BaseOperator


class EmptyOperator(BaseOperator):
    """Does nothing, successfully. It gets a process only if somebody listens to its start, or it updates assets."""

    needs_dag_file: ClassVar[bool] = False

    def execute(self, context: Context) -> Any:
        """Do nothing."""


class DummyOperator(EmptyOperator):
    """The old name of :class:`EmptyOperator`."""

    alias_of: ClassVar[type[BaseOperator]] = EmptyOperator

    def __init__(self, task_id: str, **operator_args: Any) -> None:
        warn(f"task {task_id!r}: DummyOperator is called EmptyOperator now")
        super().__init__(task_id, **operator_args)
