"""``@task.bash`` and ``@task.notebook``: functions that say which command to run, or with which parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from ..authoring import checks
from ..authoring.context import Context
from ..authoring.exceptions import DagError
from ..authoring.task_kinds import register_kind
from .bash import BashOperator
from .notebook import NotebookOperator
from .python import call


class DecoratedBash(BashOperator):
    """The task that ``@task.bash`` makes of a function: it returns the command. Arguments are those of BashOperator.

    ``op_args`` and ``op_kwargs`` are templated, the command that the function returns is not.
    """

    operator_name: ClassVar[str] = "@task.bash"
    template_fields: ClassVar[Sequence[str]] = ("op_args", "op_kwargs", "env", "cwd")
    template_ext: ClassVar[Sequence[str]] = ()
    needs_dag_file: ClassVar[bool] = True
    result_is_output: ClassVar[bool] = False

    def __init__(
        self,
        task_id: str,
        python_callable: Callable[..., Any],
        op_args: Sequence[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **operator_args: Any,
    ) -> None:
        if "bash_command" in operator_args:
            raise DagError(f"task {task_id!r}: the function of @task.bash returns the command: leave out bash_command")
        super().__init__(task_id, bash_command="(what the function returns)", **operator_args)
        self.python_callable = python_callable
        self.op_args = list(op_args or ())
        self.op_kwargs = checks.mapping(f"task {task_id!r}", "op_kwargs", op_kwargs)

    def execute(self, context: Context) -> Any:
        """Call the function and run the command that it returns."""
        command = call(self.python_callable, self.op_args, self.op_kwargs, context, context)
        if not isinstance(command, str) or not command.strip():
            raise TypeError(f"{_name(self.python_callable)}() must return a command as text, not {command!r:.100}")
        self.bash_command = command
        return super().execute(context)


class DecoratedNotebook(NotebookOperator):
    """The task that ``@task.notebook(notebook=…)`` makes of a function: it returns the parameters of the notebook.

    Arguments are those of NotebookOperator, without ``parameters``.
    """

    operator_name: ClassVar[str] = "@task.notebook"
    template_fields: ClassVar[Sequence[str]] = (
        *("op_args", "op_kwargs"),
        *(name for name in NotebookOperator.template_fields if name != "parameters"),
    )
    needs_dag_file: ClassVar[bool] = True
    result_is_output: ClassVar[bool] = False

    def __init__(
        self,
        task_id: str,
        python_callable: Callable[..., Any],
        op_args: Sequence[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **operator_args: Any,
    ) -> None:
        if "parameters" in operator_args:
            raise DagError(
                f"task {task_id!r}: the function of @task.notebook returns the parameters: leave out parameters"
            )
        super().__init__(task_id, **operator_args)
        self.python_callable = python_callable
        self.op_args = list(op_args or ())
        self.op_kwargs = checks.mapping(f"task {task_id!r}", "op_kwargs", op_kwargs)

    def execute(self, context: Context) -> Any:
        """Call the function and have the notebook executed with the parameters that it returns (None: none)."""
        found = call(self.python_callable, self.op_args, self.op_kwargs, context, context)
        if not isinstance(found, (Mapping, type(None))):
            raise TypeError(f"{_name(self.python_callable)}() must return a dict of parameters, not {found!r:.100}")
        self.parameters = dict(found or {})
        return super().execute(context)


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)


register_kind("bash", DecoratedBash)
register_kind("notebook", DecoratedNotebook)
