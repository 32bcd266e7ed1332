"""``%%dag``, ``%%task`` and ``%flow`` for the author's kernel."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.display import display

from ..authoring.dag_cell import parse_dag_line, run_dag_cell
from ..authoring.exceptions import DagError, FlowWarning
from ..authoring.to_spec import to_spec
from ..model.errors import FlowError
from ..model.spec import DagSpec
from . import flow_commands
from .flow_line import parse_flow_line
from .graph import mermaid, plain

TASK_MAGIC = "%%task"


@magics_class
class FlowMagics(Magics):
    """The magics of one kernel. They remember the last ``%%dag``, so that ``%flow`` need not name it."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self.dag: DagSpec | None = None
        self._namespace: dict[str, Any] = shell.user_ns
        transformers = shell.input_transformers_cleanup
        transformers[:] = [item for item in transformers if getattr(item, "__name__", "") != task_cell.__name__]
        transformers.append(task_cell)

    @cell_magic("dag")  # type: ignore[arg-type]
    def dag_cell(self, line: str, cell: str) -> None:
        """``%%dag ID [--schedule CRON] …``: the cell's body is the DAG's code. Shows problems, then the graph."""
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("ignore")
                warnings.simplefilter("always", FlowWarning)
                self.dag = to_spec(run_dag_cell(parse_dag_line(line), cell, self._namespace, "<%%dag>"))
        except DagError as error:
            place = f"line {error.location[1]}: " if error.location else ""
            raise UsageError(f"{place}{error}") from None
        except FlowError as error:
            raise UsageError(str(error)) from None
        for problem in caught:
            say(f"warning: {problem.message}", error=True)
        text = plain(self.dag)
        display({"text/vnd.mermaid": mermaid(self.dag), "text/plain": text}, raw=True)

    @line_magic("flow")  # type: ignore[arg-type]
    def flow(self, line: str) -> None:
        """``%flow register|trigger|runs|log|check``: ask the house. ``%flow --help`` says more."""
        try:
            request = parse_flow_line(line)
            if request is not None:
                known = self.dag.dag_id if self.dag else None
                flow_commands.perform(request, known, self._namespace, say)
        except FlowError as error:
            raise UsageError(str(error)) from None


def task_cell(lines: list[str]) -> list[str]:
    """Let a ``%%task`` cell that is run by hand just run: its first line becomes a comment."""
    if lines and lines[0].split(maxsplit=1)[:1] == [TASK_MAGIC]:
        return [f"# {lines[0]}", *lines[1:]]
    return lines


def say(text: str, *, error: bool = False) -> None:
    """Print a line into the cell's output."""
    print(text, file=sys.stderr if error else sys.stdout)
