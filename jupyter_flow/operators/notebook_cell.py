"""NotebookCellOperator: one ``%%task`` cell of a DAG notebook, executed in a kernel of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ..authoring import checks
from ..authoring.context import Context
from ..authoring.exceptions import DagError
from ..authoring.operator import BaseOperator
from ..authoring.runtime import CellRequest, NotebookRequest, Runtime
from .notebook import parameters_problem


class NotebookCellOperator(BaseOperator):
    """Executes a small notebook: the setup cells of ``dag_notebook``, then its code cell number ``cell`` (from 1).

    ``parameters``: variables set before the cell. ``inputs``: variable -> id of the task that hands it on.
    ``outputs``: variables that this task hands on, each an XCom of that key. ``kernel_name``: None = the notebook's.
    ``%%task`` cells make these; nobody else needs to.
    """

    template_fields: ClassVar[Sequence[str]] = ("parameters",)
    spec_fields: ClassVar[Sequence[str]] = (
        "dag_notebook", "cell", "parameters", "inputs", "outputs", "kernel_name"
    )  # fmt: skip
    needs_dag_file: ClassVar[bool] = False

    def __init__(
        self,
        task_id: str,
        dag_notebook: str,
        cell: int,
        parameters: Mapping[str, Any] | None = None,
        inputs: Mapping[str, str] | None = None,
        outputs: Iterable[str] = (),
        kernel_name: str | None = None,
        **operator_args: Any,
    ) -> None:
        super().__init__(task_id, **operator_args)
        where = f"task {task_id!r}"
        self.dag_notebook = dag_notebook
        self.cell = cell
        self.parameters = checks.mapping(where, "parameters", parameters)
        if problem := parameters_problem(self.parameters):
            raise DagError(f"{where}: {problem}")
        self.inputs = dict(inputs or {})
        self.outputs = list(outputs)
        self.kernel_name = checks.text_or_none(where, "kernel_name", kernel_name)

    def expansion_xcoms(self) -> Iterable[tuple[str, str]]:
        """Return the ``(task id, key)`` pairs of the inputs: they travel with the workload."""
        return [(task_id, name) for name, task_id in self.inputs.items()]

    def execute(self, context: Context) -> Any:
        """Have the runner execute the cell."""
        runtime: Runtime = context["runtime"]
        return runtime.run_notebook(
            NotebookRequest(
                notebook=self.dag_notebook,
                parameters=self.parameters,
                kernel_name=self.kernel_name,
                env=self.env,
                cwd=self.cwd,
                cell=CellRequest(self.cell, self.inputs, tuple(self.outputs)),
            )
        )
