"""The papermill engine ``flow``: papermill prepares the notebook and keeps its metadata, we execute it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from papermill.engines import Engine, papermill_engines  # type: ignore[import-untyped]

from ..authoring.exceptions import TaskFailure
from ..model.reason import Reason
from ..model.records import Limits
from .cell_records import CellRecords, Past, TruthfulExecutionManager
from .held_kernel import HeldKernel
from .kernel_client import private_folder, remove_folder
from .kernel_source import KernelRequest
from .kernels import kernel_environment, resolve_kernel
from .messages import HouseMessages
from .notebook_run import NotebookRun
from .outputs import OutputLimits
from .spool_files import JsonLines, LogFile

NAME = "flow"


class _NoHouse:
    """Receives the messages of a notebook that runs outside a task: they stay in its outputs."""

    def xcom_push_json(self, key: str, data: Any, file: str | None = None) -> None:
        """Nothing to do."""

    def log_metric(self, name: str, value: float, step: int | None = None) -> None:
        """Nothing to do."""

    def progress(self, fraction: float, text: str = "") -> None:
        """Nothing to do."""


def _no_answer(op: str, arguments: Mapping[str, Any]) -> Any:
    raise LookupError(f"{op}: this notebook does not run as a task")


@dataclass
class EngineTask:
    """What an attempt gives the engine besides the notebook, and what it learns from it.

    ``env``: the task's own environment. ``home``: the house's. ``watch(run)``: called with the run
    before it starts, to connect cancel and timeout. ``left_over``: see KernelEnd. ``may_hold``: whether the kernel of a
    failing cell may live on, as ``held``. ``take``, ``past``: the kernel of which attempt goes on, its cells so far.
    Without a task (plain ``papermill --engine flow``) the defaults hold: no records, no house.
    """

    attempt_id: str = "0" * 32
    home: Path | None = None
    limits: Limits = Limits()
    receiver: Any = field(default_factory=_NoHouse)
    answer: Callable[[str, Mapping[str, Any]], Any] = _no_answer
    helper: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    kernels_socket: str | None = None
    preloaded: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    cell_timeout: float | None = None
    log: LogFile | None = None
    events: JsonLines | None = None
    save: Callable[[bytes], bool] | None = None
    say: Callable[[str], None] = lambda text: None
    watch: Callable[[NotebookRun], None] = lambda run: None
    records: CellRecords | None = None
    left_over: bool = False
    may_hold: bool = False
    take: str | None = None
    past: Sequence[Past] = ()
    held: HeldKernel | None = None


class FlowEngine(Engine):
    """Executes on a single-use kernel with truthful cell states; ``task`` is an :class:`EngineTask`."""

    @classmethod
    def execute_notebook(  # noqa: D102 - papermill's
        cls,
        nb: NotebookNode,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: Any = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        **kwargs: Any,
    ) -> NotebookNode:
        manager = TruthfulExecutionManager(
            nb,
            output_path=output_path,
            progress_bar=progress_bar,
            log_output=log_output,
            autosave_cell_every=autosave_cell_every,
        )
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(manager, kernel_name, log_output=log_output, **kwargs)
        finally:
            manager.notebook_complete()
            task = kwargs.get("task")
            if task is not None and task.records is not None:
                task.records.save_now()
        executed: NotebookNode = manager.nb
        return executed

    @classmethod
    def execute_managed_notebook(  # noqa: D102 - papermill's
        cls,
        nb_man: TruthfulExecutionManager,
        kernel_name: str,
        task: EngineTask | None = None,
        start_timeout: float = 60,
        **kwargs: Any,
    ) -> None:
        plain = task is None
        task = task or EngineTask(limits=Limits(kernel_start_timeout=start_timeout))
        name, spec = resolve_kernel(kernel_name, nb_man.nb.metadata)
        folder = private_folder(task.home, task.attempt_id)
        request = KernelRequest(
            attempt_id=task.attempt_id,
            kernel_name=name,
            spec=spec,
            cwd=task.cwd or os.getcwd(),
            env=kernel_environment(spec, os.environ, task.env),
            own_env=frozenset(task.env),
            folder=folder,
            socket=task.preloaded.get(name, task.kernels_socket),
            start_timeout=task.limits.kernel_start_timeout,
            may_hold=task.may_hold,
            take=task.take,
            home=task.home,
        )
        records = task.records = CellRecords(nb_man, task.events, task.log, task.save)
        records.begin_after(task.past)
        messages = HouseMessages(task.receiver)
        run = NotebookRun(
            nb_man.nb,
            request,
            records=records,
            messages=messages,
            limits=OutputLimits(task.limits.cell_output_max_bytes, task.limits.notebook_max_bytes),
            answer=task.answer,
            helper=task.helper,
            grace=task.limits.kill_grace,
            cell_timeout=task.cell_timeout,
            say=task.say,
        )
        task.watch(run)
        try:
            asyncio.run(run.run())
        except TaskFailure as failure:
            # papermill itself reports a cell's error by the cell's outputs
            if not plain or failure.reason.code not in ("cell_error", "cell_exit"):
                raise
        finally:
            task.left_over, task.held = run.left_over, run.held
            if run.held is None:
                remove_folder(folder)
        try:
            messages.deliver()
        except ValueError as error:
            raise TaskFailure(Reason("exception", {"type": "unusable message", "message": str(error)})) from None


papermill_engines.register(NAME, FlowEngine)
