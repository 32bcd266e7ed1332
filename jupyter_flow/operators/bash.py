"""BashOperator: runs a command with bash in a process group of its own."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ..authoring import checks
from ..authoring.context import Context
from ..authoring.exceptions import DagError, FlowSkipException, TaskFailure
from ..authoring.operator import BaseOperator
from ..model.reason import Reason
from .process import environment, run


class BashOperator(BaseOperator):
    """Runs ``bash_command`` (text, or the path of a ``.sh`` file that is a template) with bash.

    The output goes to the log line by line; its last line is the ``return_value`` XCom. Exit code 0 is success,
    ``skip_on_exit_code`` (default 99; a number, a list or None) skips, any other fails. ``env`` replaces the
    environment, or is added to it with ``append_env=True``. ``bash_command``, ``env`` and ``cwd`` are templated.
    ``output_processor``: a function that makes the XCom of that last line. ``output_encoding``: of the output.
    """

    template_fields: ClassVar[Sequence[str]] = ("bash_command", "env", "cwd")
    template_ext: ClassVar[Sequence[str]] = (".sh", ".bash")
    spec_fields: ClassVar[Sequence[str]] = ("bash_command", "append_env", "skip_on_exit_code", "output_encoding")

    def __init__(
        self,
        task_id: str,
        bash_command: str,
        *,
        append_env: bool = False,
        output_encoding: str = "utf-8",
        skip_on_exit_code: int | Sequence[int] | None = 99,
        output_processor: Callable[[str], Any] | None = None,
        **operator_args: Any,
    ) -> None:
        super().__init__(task_id, **operator_args)
        where = f"task {task_id!r}"
        if not (isinstance(bash_command, str) or hasattr(bash_command, "resolve")) or bash_command == "":
            raise DagError(f"{where}: bash_command must be text, not {bash_command!r}")
        self.bash_command = bash_command
        self.append_env = bool(append_env)
        self.output_encoding = _encoding(where, output_encoding)
        if output_processor is not None and not callable(output_processor):
            raise DagError(f"{where}: output_processor must be a function, not {output_processor!r}")
        self.output_processor = output_processor
        codes = [] if skip_on_exit_code is None else skip_on_exit_code
        self.skip_on_exit_code = [
            checks.whole(where, "skip_on_exit_code", code) for code in ([codes] if isinstance(codes, int) else codes)
        ]

    @property
    def needs_dag_file(self) -> bool:  # type: ignore[override]
        """Only a function that processes the output is not data."""
        return self.output_processor is not None

    def execute(self, context: Context) -> Any:
        """Run the command to its end and return the last line of its output."""
        last = ""

        def keep(line: str) -> None:
            nonlocal last
            last = line

        env = environment(self.env, append=self.append_env)
        code = run(["bash", "-c", self.bash_command], env=env, encoding=self.output_encoding, line=keep)
        if code in self.skip_on_exit_code:
            raise FlowSkipException(f"the command ended with exit code {code}")
        if code < 0:
            raise TaskFailure(Reason("signal", {"signal": -code}))
        if code > 0:
            raise TaskFailure(Reason("exit_code", {"exit_code": code}))
        last = last.rstrip("\r\n")
        return last if self.output_processor is None else self.output_processor(last)


def _encoding(where: str, name: Any) -> str:
    try:
        return codecs.lookup(name).name
    except (LookupError, TypeError):
        raise DagError(f"{where}: output_encoding {name!r} is no encoding: use e.g. 'utf-8'") from None
