"""EmptyOperator: a task that does nothing, to gather or spread dependencies."""

from __future__ import annotations

from typing import Any, ClassVar

from ..authoring.context import Context
from ..authoring.operator import BaseOperator


class EmptyOperator(BaseOperator):
    """Does nothing, successfully."""

    needs_dag_file: ClassVar[bool] = False

    def execute(self, context: Context) -> Any:
        """Do nothing."""
