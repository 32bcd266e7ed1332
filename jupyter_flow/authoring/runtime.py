"""The door from an operator to the process that runs it.

An operator never imports the runner: the runner makes a :class:`Runtime` current, operators, ``Variable`` and
``flow`` ask :func:`current`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from .xcom_arg import RETURN_VALUE

NOT_GIVEN: Any = type("_NotGiven", (), {"__repr__": lambda self: "<not given>", "__bool__": lambda self: False})()
"""The default of ``map_indexes``, for which None has a meaning of its own."""


@dataclass(frozen=True)
class CellRequest:
    """One ``%%task`` cell of a DAG notebook: its code cell ``number``, counted from 1.

    ``inputs``: variable -> id of the task that hands it on. ``outputs``: variables that become XComs.
    """

    number: int
    inputs: Mapping[str, str]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class NotebookRequest:
    """One notebook to execute, rendered. ``notebook``: path relative to the folder of the DAG file, or absolute.

    ``kernel_name``: kernelspec name, display name or language; None = what the notebook's metadata says.
    ``cell_timeout``: seconds for each cell. ``output_path``: where to copy the executed notebook to besides the
    attempt's folder. ``cwd``: working folder, None = the folder of the notebook. ``cell``: only this cell and what
    it needs. ``keep_kernel``: seconds for which the kernel is kept after a failure, None = the house's setting.
    """

    notebook: str
    parameters: Mapping[str, Any]
    kernel_name: str | None = None
    env: Mapping[str, str] | None = None
    cell_timeout: float | None = None
    output_path: str | None = None
    cwd: str | None = None
    cell: CellRequest | None = None
    keep_kernel: float | None = None


class Runtime(Protocol):
    """What a running task may ask of its runner."""

    def run_notebook(self, request: NotebookRequest) -> Any:
        """Execute a notebook and return the value for the task's ``return_value`` XCom (None: nothing)."""

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep ``value`` under ``key`` as an XCom of this attempt."""

    def xcom_pull(
        self,
        task_ids: str | Iterable[str] | None = None,
        dag_id: str | None = None,
        key: str | None = RETURN_VALUE,
        include_prior_dates: bool = False,
        *,
        map_indexes: Any = NOT_GIVEN,
        default: Any = None,
        run_id: str | None = None,
    ) -> Any:
        """Return what tasks pushed (see ``runner.xcom_pull``)."""

    def variable_get(self, key: str) -> str | None:
        """Return the text of a variable, None if it is not set. The environment comes before the house."""

    def variable_set(self, key: str, value: str, description: str | None = None) -> None:
        """Set a variable."""

    def variable_delete(self, key: str) -> bool:
        """Delete a variable and return whether it was there."""

    def variable_keys(self, prefix: str) -> list[str]:
        """Return the keys of the house's variables that begin with ``prefix``, sorted."""

    def cache_folder(self, name: str) -> Path:
        """Return a folder of the house for what tasks keep from run to run (it may not exist yet)."""

    def now(self) -> datetime:
        """Return this instant (aware, UTC)."""

    def keep_secret(self, text: str) -> None:
        """Mask ``text`` in the records of this attempt."""

    def follow(self, choice: Mapping[str, Any]) -> None:
        """Say what a branching task lets go on (``model.records.Report.follow``); counts if the task succeeds."""

    def ask(self, op: str, **args: Any) -> Any:
        """Ask the house one question of its closed list (``service.questions``) and return the answer.

        Raises the refusals of ``model.errors``.
        """

    def log_metric(self, name: str, value: float, step: int | None = None) -> None:
        """Record a metric of this attempt."""

    def notify(self, message: str, level: str) -> None:
        """Show ``message`` to the people who have JupyterLab open; ``level``: info, success, warning or error."""

    def progress(self, fraction: float, text: str = "") -> None:
        """Say how far the task is: ``fraction`` from 0 to 1."""


_CURRENT: ContextVar[Runtime | None] = ContextVar("jupyter_flow_runtime", default=None)
_process_wide: Runtime | None = None


def current() -> Runtime | None:
    """Return the runtime of the task that runs here (in threads that the task started too), or None."""
    return _CURRENT.get() or _process_wide


@contextmanager
def using(runtime: Runtime) -> Iterator[None]:
    """Make ``runtime`` the current one of this process."""
    global _process_wide
    token = _CURRENT.set(runtime)
    before, _process_wide = _process_wide, runtime
    try:
        yield
    finally:
        _process_wide = before
        _CURRENT.reset(token)
