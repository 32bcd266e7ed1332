"""``%%dag``, ``%%task`` and ``%flow`` for the author's kernel."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.display import display

from ..authoring.dag_cell import parse_dag_line, run_dag_cell
from ..authoring.exceptions import DagError, FlowWarning
from ..authoring.task_cell import parse_task_line
from ..authoring.template_names import is_template
from ..authoring.to_spec import to_spec
from ..model.errors import FlowError
from ..model.spec import DagSpec
from . import flow_commands
from .flow_line import parse_flow_line
from .graph import bundle
from .run_follower import last_states

DAG_MAGIC = "%%dag"
TASK_MAGIC = "%%task"
SETUP_MAGIC = "%%setup"


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

    @no_var_expand
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
        for problem in caught if cell.strip() else ():  # without a body its tasks are %%task cells
            say(f"warning: {problem.message}", error=True)
        display(bundle(self.dag, last_states(self.dag.dag_id)), raw=True)

    @no_var_expand  # {{ ds }} is for the house
    @line_magic("task")  # type: ignore[arg-type]
    def task(self, line: str) -> None:
        """``%task ID …``: say what the line after ``%%task`` means, and set its parameters for the cell."""
        try:
            found = parse_task_line(line)
        except DagError as error:
            raise UsageError(str(error)) from None
        say(found.in_words())
        known = {name: value for name, value in found.parameters.items() if not is_template(str(value))}
        self._namespace.update(known)

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
    """Let a ``%%task`` cell that is run by hand just run: its first line says what it means; ``%%setup`` is a comment.

    A magic beneath it must be the first line of what runs. A ``%%dag`` cell may have no body.
    """
    first = lines[0].split(maxsplit=1)[:1] if lines else []
    if first == [DAG_MAGIC] and not "".join(lines[1:]).strip():
        return [lines[0].rstrip("\n") + "\n", "\n"]
    if first not in ([TASK_MAGIC], [SETUP_MAGIC]):
        return lines
    if first == [SETUP_MAGIC]:
        kept = f"# {lines[0]}"
    else:
        kept = f"get_ipython().run_line_magic('task', {lines[0].strip().removeprefix(TASK_MAGIC).strip()!r})\n"
    rest = lines[1:]
    return rest if "".join(rest).lstrip().startswith("%%") else [kept, *rest]


def say(text: str, *, error: bool = False) -> None:
    """Print a line into the cell's output."""
    print(text, file=sys.stderr if error else sys.stdout)
