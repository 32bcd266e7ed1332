"""The runner of a callback: one process for one change, which calls the author's callbacks in their order.

Right before it calls anything it takes its ticket (:func:`take_ticket`). Whoever finds it gone without a result knows
by the ticket whether something may have been called.
"""

from __future__ import annotations

import atexit
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..authoring.exceptions import FlowWarning, TaskFailure
from ..model.faultpoint import faultpoint
from ..model.reason import Reason
from ..model.records import Workload
from .attempt import Attempt
from .watchdog import Watchdog

TICKET, BEGUN = "spec.json", "begun.json"
_LONGEST = 2_000

Call = tuple[str, Callable[[], Any]]
"""What is called, by name."""


def take_ticket(spool: Path) -> bool:
    """Take the right to call; False if the house has taken it back. It stays taken, whatever happens."""
    faultpoint("ticket.before_rename")
    try:
        os.rename(spool / TICKET, spool / BEGUN)
    except FileNotFoundError:
        return False
    faultpoint("ticket.after_rename")
    folder = os.open(spool, os.O_RDONLY)
    try:
        faultpoint("ticket.before_fsync")
        os.fsync(folder)  # after a loss of power too
        faultpoint("ticket.after_fsync")
    finally:
        os.close(folder)
    return True


class CallbackRun(Attempt):
    """The execution of a workload of kind ``callback``."""

    def __init__(self, workload: Workload, token: str, start_date: str) -> None:
        super().__init__(workload, token, start_date)
        self._told: Mapping[str, Any] = workload.callback or {}
        self._timeout = self._told.get("timeout")

    def _watchdog(self) -> Watchdog | None:
        return None  # the house ends a callback that holds the interpreter

    def _work(self) -> None:
        from ..authoring.context import running
        from ..authoring.runtime import using
        from .callback_context import callback_context
        from .task_channel import TaskChannel

        workload = self._workload
        channel = self._channel = TaskChannel(workload, ask=self._ask)
        with using(channel):
            if self._told["level"] == "email":
                from .callback_mail import mail_calls

                context = callback_context(workload, channel, None, None)
                calls = mail_calls(workload, context)
            else:
                from .callback_calls import calls_of

                dag = load_dag(workload)
                context = callback_context(workload, channel, dag, dag.task_dict.get(workload.task.task_id))
                calls = calls_of(self._told, dag, context)
            if os.path.isdir(workload.cwd):
                os.chdir(workload.cwd)
            with running(context):
                if not take_ticket(Path(self._spool)):
                    os._exit(0)  # the house has given this process up
                self._call(calls)
        atexit._run_exitfuncs()

    def _call(self, calls: list[Call]) -> None:
        """Call all; what one raises is recorded and keeps no other from being called."""
        failures: list[tuple[str, Exception]] = []
        for name, call in calls:
            try:
                call()
            except Exception as error:
                sys.stderr.write(f"{name} failed\n")
                traceback.print_exception(error)
                failures.append((name, error))
        if not failures:
            return
        name, first = failures[0]
        kind, text = type(first).__name__, str(first)[:_LONGEST]
        if len(calls) == 1:
            raise TaskFailure(Reason("exception", {"type": kind, "message": text}))
        message = f"{name}: {kind}: {text}"
        raise TaskFailure(
            Reason("callbacks_failed", {"failed": len(failures), "count": len(calls), "message": message})
        )


def load_dag(workload: Workload) -> Any:
    """Load the pinned DAG file and return the workload's DAG. What the file raises comes through."""
    from .dag_loader import DagFileLoader

    loader = DagFileLoader(workload.dag_folder, workload.dag_file, workload.bundle)
    loader.open()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FlowWarning)  # they were shown when the house parsed the file
        file = loader.load()
    for dag in file.dags:
        if dag.dag_id == workload.run.dag_id:
            return dag
    message = f"{workload.dag_file} has no DAG {workload.run.dag_id!r} when it is loaded again"
    raise TaskFailure(Reason("exception", {"type": "DagError", "message": message}))
