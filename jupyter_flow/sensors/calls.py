"""Sensors that ask the author's function or command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from ..authoring import checks
from ..authoring.context import Context
from ..authoring.exceptions import DagError, FlowException
from ..authoring.task_kinds import register_kind
from ..operators.process import environment, run
from ..operators.python import call
from .base import FIELDS, BaseSensorOperator, PokeReturnValue


class PythonSensor(BaseSensorOperator):
    """Waits until ``python_callable(*op_args, **op_kwargs)`` returns something true, or a :class:`PokeReturnValue`.

    The function gets values of the context by the names of its parameters, as in PythonOperator.
    """

    template_fields: ClassVar[Sequence[str]] = ("op_args", "op_kwargs", "templates_dict", "env", "cwd")

    def __init__(
        self,
        task_id: str,
        *,
        python_callable: Callable[..., Any],
        op_args: Sequence[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        templates_dict: Mapping[str, Any] | None = None,
        **sensor_args: Any,
    ) -> None:
        super().__init__(task_id, **sensor_args)
        where = f"task {task_id!r}"
        if not callable(python_callable):
            raise DagError(f"{where}: python_callable must be a function, not {python_callable!r}")
        self.python_callable = python_callable
        self.op_args = list(op_args or ())
        self.op_kwargs = checks.mapping(where, "op_kwargs", op_kwargs)
        self.templates_dict = (
            None if templates_dict is None else checks.mapping(where, "templates_dict", templates_dict)
        )

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Call the function."""
        values = {**context, "templates_dict": self.templates_dict}
        answer = call(self.python_callable, self.op_args, self.op_kwargs, values, context)
        self.log.info("returned %.200r", answer)
        return answer if isinstance(answer, PokeReturnValue) else bool(answer)


class DecoratedSensor(PythonSensor):
    """The task that ``@task.sensor`` makes of a function."""

    operator_name: ClassVar[str] = "@task.sensor"


class BashSensor(BaseSensorOperator):
    """Waits until ``bash_command`` ends with exit code 0.

    ``retry_exit_code``: the exit code (or codes) that mean "not yet"; any other then fails. Without it every other
    exit code means "not yet". ``bash_command`` and ``env`` are templated.
    """

    needs_dag_file: ClassVar[bool] = False
    template_fields: ClassVar[Sequence[str]] = ("bash_command", "env", "cwd")
    template_ext: ClassVar[Sequence[str]] = (".sh", ".bash")
    spec_fields: ClassVar[Sequence[str]] = (*FIELDS, "bash_command", "output_encoding", "retry_exit_code")

    def __init__(
        self,
        task_id: str,
        *,
        bash_command: str,
        output_encoding: str = "utf-8",
        retry_exit_code: int | Sequence[int] | None = None,
        **sensor_args: Any,
    ) -> None:
        super().__init__(task_id, **sensor_args)
        where = f"task {task_id!r}"
        if not bash_command or not (isinstance(bash_command, str) or hasattr(bash_command, "resolve")):
            raise DagError(f"{where}: bash_command must be text, not {bash_command!r}")
        self.bash_command = bash_command
        self.output_encoding = str(output_encoding)
        codes = [] if retry_exit_code is None else retry_exit_code
        self.retry_exit_code = [
            checks.whole(where, "retry_exit_code", code) for code in ([codes] if isinstance(codes, int) else codes)
        ]

    def poke(self, context: Context) -> bool:
        """Run the command."""
        code = run(
            ["bash", "-c", self.bash_command],
            env=environment(self.env, append=True),
            encoding=self.output_encoding,
        )
        if code == 0:
            return True
        if self.retry_exit_code and code not in self.retry_exit_code:
            raise FlowException(f"the command ended with exit code {code}, which is none of retry_exit_code")
        self.log.info("exit code %d: not yet", code)
        return False


register_kind("sensor", DecoratedSensor)
