"""NotebookOperator: executes a notebook with papermill in a kernel of its own."""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any, ClassVar

from ..authoring import checks, registry
from ..authoring.context import Context
from ..authoring.exceptions import DagError, TaskFailure
from ..authoring.jsonable import to_jsonable
from ..authoring.operator import BaseOperator
from ..authoring.runtime import NotebookRequest, Runtime
from ..authoring.template_names import is_template
from ..authoring.xcom_arg import XComArg
from ..model.reason import Reason

_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_ALIASES = {
    "file_path": "notebook",
    "path": "notebook",
    "input_nb": "notebook",
    "runtime_name": "kernel_name",
    "timeout": "cell_timeout",
    "output_nb": "output_path",
}


class NotebookOperator(BaseOperator):
    """Executes ``notebook`` (a path relative to the DAG file) and keeps the executed copy.

    ``parameters``: values injected after the cell tagged ``parameters``; the names are identifiers, the values
    JSON, text in them is templated. ``kernel_name``: kernelspec name, display name or language (default: what the
    notebook says). ``env``: environment variables of the kernel. ``cell_timeout``: seconds for each cell.
    ``output_path``: also copy the executed notebook there. ``keep_kernel_on_failure``: seconds for which the kernel is
    kept after a failure without another try (0: not at all; default: as the house is configured). Accepted names from
    elsewhere: ``file_path``, ``path``, ``input_nb``; ``runtime_name``; ``timeout`` (for a cell); ``output_nb``.

    Raises :class:`DagError` for a notebook that is no path, and for parameter names that are no identifiers.
    """

    template_fields: ClassVar[Sequence[str]] = ("notebook", "parameters", "kernel_name", "output_path", "env", "cwd")
    spec_fields: ClassVar[Sequence[str]] = (
        *("notebook", "parameters", "kernel_name", "cell_timeout", "output_path"),
        "keep_kernel_on_failure",
    )
    needs_dag_file: ClassVar[bool] = False

    def __init__(
        self,
        task_id: str,
        notebook: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        kernel_name: str | None = None,
        *,
        cell_timeout: float | timedelta | None = None,
        output_path: str | None = None,
        keep_kernel_on_failure: float | timedelta | None = None,
        file_path: str | None = None,
        path: str | None = None,
        input_nb: str | None = None,
        output_nb: str | None = None,
        runtime_name: str | None = None,
        timeout: float | timedelta | None = None,
        **operator_args: Any,
    ) -> None:
        super().__init__(task_id, **operator_args)
        where = f"task {task_id!r}"
        given = {
            "notebook": notebook,
            "kernel_name": kernel_name,
            "cell_timeout": cell_timeout,
            "output_path": output_path,
        }
        aliases = {
            "file_path": file_path,
            "path": path,
            "input_nb": input_nb,
            "output_nb": output_nb,
            "runtime_name": runtime_name,
            "timeout": timeout,
        }
        for alias, value in aliases.items():
            name = _ALIASES[alias]
            if value is not None and given[name] is not None:
                raise DagError(f"{where}: {alias} and {name} are the same argument: give one")
            if value is not None:
                given[name] = value
        if given["notebook"] is None:
            raise DagError(f"{where}: notebook is missing: name a file, e.g. notebook='train.ipynb'")
        self.notebook = _relative(checks.text_or_none(where, "notebook", given["notebook"]) or "")
        if problem := path_problem(self.notebook):
            raise DagError(f"{where}: notebook {_shortened(self.notebook)} {problem}")
        self.parameters = (
            parameters if isinstance(parameters, XComArg) else checks.mapping(where, "parameters", parameters)
        )
        if not isinstance(parameters, XComArg) and (problem := parameters_problem(self.parameters)):
            raise DagError(f"{where}: {problem}")
        self.kernel_name = checks.text_or_none(where, "kernel_name", given["kernel_name"])
        self.cell_timeout = checks.positive_seconds(where, "cell_timeout", given["cell_timeout"])
        self.output_path = checks.text_or_none(where, "output_path", given["output_path"])
        self.keep_kernel_on_failure = checks.seconds_or_none(where, "keep_kernel_on_failure", keep_kernel_on_failure)

    def static_files(self) -> list[str]:
        """Return the notebook, if its path is known before the run."""
        return [] if is_template(self.notebook) or self.notebook.startswith("/") else [self.notebook]

    def execute(self, context: Context) -> Any:
        """Have the runner execute the notebook."""
        if problem := path_problem(self.notebook):
            raise TaskFailure(
                Reason("notebook", {"path": _shortened(self.notebook), "message": problem}), no_retry=True
            )
        if not isinstance(self.parameters, Mapping):
            message = f"must be a dict, not {type(self.parameters).__name__}"
            raise TaskFailure(Reason("parameters", {"message": message}), no_retry=True)
        if problem := parameters_problem(self.parameters):
            raise TaskFailure(Reason("parameters", {"message": problem}), no_retry=True)
        try:  # an output of a task may be a date, a path, a tuple …: cells get what is written in their place in JSON
            self.parameters = {name: to_jsonable(value, name) for name, value in self.parameters.items()}
        except DagError as error:
            raise TaskFailure(Reason("parameters", {"message": str(error)}), no_retry=True) from None
        runtime: Runtime = context["runtime"]
        return runtime.run_notebook(
            NotebookRequest(
                notebook=self.notebook,
                parameters=self.parameters,
                kernel_name=self.kernel_name,
                env=self.env,
                cell_timeout=self.cell_timeout,
                output_path=self.output_path,
                cwd=self.cwd,
                keep_kernel=self.keep_kernel_on_failure,
            )
        )


def path_problem(path: str) -> str | None:
    """Return why ``path`` is no path of a notebook (the end of a sentence), None if it may be one."""
    if not path.strip() or "\0" in path or "\n" in path:
        return "is not a path: name a file, e.g. 'train.ipynb'"
    if is_template(path):
        return None
    if _REMOTE.match(path):
        return "is a URL or bucket: only files beneath the DAG folder are executed"
    if "{" in path or "}" in path:
        return "is not a path: braces are for templates such as '{{ ds }}'"
    if PurePosixPath(path).suffix.lower() != ".ipynb":
        return "is not a notebook: its name must end with .ipynb"
    return None


def parameters_problem(parameters: Mapping[str, Any]) -> str | None:
    """Return which parameter name cannot be injected as code, None if all can."""
    for name in parameters:
        if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
            return f"parameter name {name!r} is not an identifier: use letters, digits and _"
        if keyword.iskeyword(name):
            return f"parameter name {name!r} is a keyword of Python: use another"
    return None


def _relative(path: str) -> str:
    """Return ``path`` relative to the DAG file's folder if it is absolute and beneath the DAG folder."""
    if not os.path.isabs(path):
        return path if is_template(path) or "://" in path or not path else os.path.normpath(path)
    places = registry.places()
    if places is None:
        return path
    dag_folder, file_folder = places
    found = os.path.normpath(path)
    inside = found == dag_folder or found.startswith(dag_folder + os.sep)
    return os.path.relpath(found, file_folder) if inside else found


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 120 else text[:119] + "…")
