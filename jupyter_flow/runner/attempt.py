"""The runner: one process, one attempt of one task instance, one report.

``python -m jupyter_flow.runner.attempt SPOOL`` with the attempt's token as the first line of stdin, or
:func:`main_in_fork` in a child of a forkserver. Exit code 0 means that ``result.json`` is written.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..authoring.context import running
from ..authoring.runtime import using
from ..model.errors import DatabaseAway, NoHost
from ..model.records import Report, Workload
from ..wire.arming import arm_process, hide_faults
from ..wire.environment import without_secrets
from ..wire.log_end import append_lines, size_and_digest
from .around_execute import after_policy, carry_out, enter, label_of
from .capture import Capture
from .dag_loader import operator_for
from .fork_hygiene import TAG_VARIABLE, become_subreaper, reset_signals
from .hand_over import SOCKET_VARIABLE, hand_over, runs_elsewhere
from .interrupts import WATCHDOG_AFTER, WORDS, Cause, Interrupts
from .leftovers import end_leftovers, terminate
from .masking import masked
from .plain_fields import plain_fields
from .report import build_report
from .spool_files import LOG, RESULT, LogFile, ring, write_result
from .stamps import now_iso
from .task_channel import TaskChannel
from .task_context import build_context
from .verdict import SUCCESS, Verdict, interrupted, of_exception
from .watchdog import Watchdog

PATIENCE = 600.0
"""Seconds that a question waits for the next host when there is none."""


class Attempt:
    """The execution of one workload. ``token``: proof for questions to the house. ``start_date``: the process's."""

    def __init__(self, workload: Workload, token: str, start_date: str) -> None:
        self._workload = workload
        self._token = token
        self._spool = workload.spool
        self._limits = workload.limits
        self._timeout = workload.task.execution_timeout
        self._started = time.monotonic()
        self._start_date = start_date
        self._log = LogFile(self._spool, self._limits.log_max_bytes)
        self._interrupts = Interrupts(
            self._limits.kill_grace, self._give_up, self._note, lambda: terminate(workload.attempt_id)
        )
        self._guard: Watchdog | None = None
        self._channel: Any = None
        self._notebooks: Any = None
        self._operator: Any = None
        self._context: Any = None
        self._rendered: dict[str, Any] = {}
        self._label: str | None = None

    def run(self) -> int:
        """Execute the task and write the result. Returns the exit code of the process."""
        self._guard = self._watchdog()
        with Capture(self._log) as capture:
            verdict = self._verdict()
            self._dismiss_guard()
            keeper = self._notebooks.keeper(verdict, capture.copies) if self._notebooks is not None else None
            # what a forked kernel started is no child of ours: look further when things went wrong or it says so
            thorough = verdict.outcome in ("failed", "cancelled")
            thorough = thorough or (self._notebooks is not None and self._notebooks.facts.left_over)
            grace = self._interrupts.grace_left()
            left = end_leftovers(self._workload.attempt_id, grace, thorough=thorough) if keeper is None else 0
            if self._notebooks is not None and keeper is None:
                self._notebooks.end_earlier()
            if left:
                self._log.say(f"{left} processes that the task left running were ended", "warning")
        self._finish(verdict)
        if keeper is not None:
            keeper.serve()
        return 0

    def _verdict(self) -> Verdict:
        error: BaseException | None = None
        try:
            try:
                self._interrupts.arm(self._timeout)
                self._work()
                self._run_exit_functions()
            finally:
                self._interrupts.disarm()
            verdict = SUCCESS
        except BaseException as raised:
            self._interrupts.disarm()
            error = raised
            verdict = of_exception(error, self._timeout)
        cause = self._interrupts.cause
        if cause is not None and verdict.outcome != "cancelled":
            # whatever the task made of the interrupt: it was told to end, and this is why it did
            verdict = interrupted(cause, self._timeout)
        if error is not None and self._operator is not None:
            verdict = after_policy(verdict, error, self._operator, self._workload, self._context)
        return verdict

    def _work(self) -> None:
        workload = self._workload
        channel = self._channel = TaskChannel(workload, ask=self._ask, run_notebook=self._run_notebook)
        with using(channel):
            operator = self._operator = self._find_operator()
            context = self._context = build_context(workload, channel, operator)
            if workload.expand is not None:
                from .expansion import instance_of

                operator = self._operator = instance_of(operator, workload, context)
                context["task"] = context["ti"].task = operator
            plain = plain_fields(operator)
            if plain is None:
                from .templating import render

                plain = render(operator, context, native=workload.render_template_as_native_obj)
            self._rendered = masked(plain, channel.secrets)
            os.environ.update(getattr(operator, "env", None) or {})
            own = getattr(operator, "cwd", None)
            enter(os.path.join(workload.cwd, own) if own else workload.cwd)
            try:
                with running(context):
                    carry_out(operator, context)
                if workload.task.outlets:
                    channel.asset_events += context["outlet_events"].reports()
            finally:
                self._label = label_of(workload, context)

    def _run_exit_functions(self) -> None:
        atexit._run_exitfuncs()

    def _find_operator(self) -> Any:
        return operator_for(self._workload)

    def _run_notebook(self, request: Any) -> None:
        from .notebook_task import NotebookTask

        if self._notebooks is None:
            self._notebooks = NotebookTask(self._workload, self._channel, self._log, self._interrupts)
        self._notebooks.run(request)

    def _ask(self, op: str, **args: Any) -> Any:
        from ..wire.client import HouseClient

        home = Path(self._workload.home)
        envelope = {"attempt_id": self._workload.attempt_id, "token": self._token}
        until = time.monotonic() + PATIENCE
        said = False
        while True:
            try:
                with HouseClient(home, envelope) as client:
                    return client.call(op, **args)
            except DatabaseAway as error:  # the host lives and knows: it takes as long as it takes
                waits_for = str(error)
            except NoHost:
                waits_for = f"no host answers ({op})"
                # every question may be asked twice, so a host that has gone may be succeeded by the next one
                if not (home / "host.lock").exists() or time.monotonic() > until:
                    raise
            if not said:
                self._log.say(f"{waits_for}; this task waits", "warning")
                said = True
            time.sleep(1.0)

    def _watchdog(self) -> Watchdog | None:
        """Return a watchdog for code that runs in this process; commands and kernels leave us free to act."""
        task = self._workload.task
        if self._timeout is None or not task.needs_dag_file or task.is_notebook:
            return None
        grace = 2 * self._limits.kill_grace + WATCHDOG_AFTER

        def write_timeout() -> bool:
            if os.path.exists(os.path.join(self._spool, RESULT)):
                return False
            verdict = interrupted("timeout", self._timeout)
            said = f"{WORDS['timeout']}: it saw no interrupt for {grace:g} s, its processes are killed (SIGKILL)"
            append_lines(Path(self._spool), [said, f"{verdict.outcome}: {verdict.reason}"], now_iso())
            logged = size_and_digest(Path(self._spool, LOG), 2 * self._limits.log_max_bytes)
            self._write(self._report(verdict, logged))
            return True

        def sweep() -> None:
            end_leftovers(self._workload.attempt_id, 0.0, thorough=True)
            ring(self._workload.home, self._workload.attempt_id)

        return Watchdog(self._timeout + grace, write_timeout, sweep)

    def _dismiss_guard(self) -> None:
        if self._guard is not None:
            self._guard.dismiss()

    def _note(self, text: str) -> None:
        self._log.say(text, "warning")

    def _give_up(self, cause: Cause) -> None:
        """The last resort: the task ignores its interrupts. Write the result and end at once."""
        self._log.say("it has not ended when it was interrupted: its processes are killed (SIGKILL)", "error")
        self._dismiss_guard()
        end_leftovers(self._workload.attempt_id, 0.0, thorough=True)
        self._finish(interrupted(cause, self._timeout))
        os._exit(0)

    def _finish(self, verdict: Verdict) -> None:
        level = "error" if verdict.outcome in ("failed", "cancelled") else "info"
        self._log.say(f"{verdict.outcome}: {verdict.reason}", level)
        self._log.close()
        if self._notebooks is not None:
            self._notebooks.settle()
        self._write(self._report(verdict))
        ring(self._workload.home, self._workload.attempt_id)

    def _report(self, verdict: Verdict, logged: tuple[int, str] | None = None) -> Report:
        """Return the report; ``logged``: size and digest of the log, if it was not written by this process alone."""
        report = build_report(
            self._workload,
            verdict,
            start_date=self._start_date,
            log=self._log,
            channel=self._channel,
            notebooks=self._notebooks,
            rendered=self._rendered,
            label=self._label,
        )
        return report if logged is None else replace(report, log_size=logged[0], log_sha256=logged[1])

    def _write(self, report: Report) -> None:
        slow = time.monotonic() - self._started > self._limits.fsync_after
        write_result(self._spool, report, fsync=slow)


def main_in_fork(spool: str, token: str, start_date: str) -> int:
    """Run the attempt in ``spool`` in a forked child (own session, clean signals, tagged). Returns the exit code.

    ``start_date``: when this process began.
    """
    atexit._clear()  # what the forkserver registered is not ours to run
    return _run(spool, token, start_date)


def main(arguments: Sequence[str]) -> int:
    """Run the attempt in a process of its own; see the module's text."""
    start_date = now_iso()
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m jupyter_flow.runner.attempt SPOOL (token as the first line of stdin)\n")
        return 2
    arm_process("runner")
    token = sys.stdin.readline().strip()
    try:
        os.setsid()
    except PermissionError:
        pass  # we lead a group already: whoever started us made the session
    reset_signals()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    environment = without_secrets(os.environ)  # a forkserver's is without them from the start
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    return _run(arguments[0], token, start_date)


def _run(spool: str, token: str, start_date: str) -> int:
    try:
        with open(os.path.join(spool, "spec.json"), "rb") as file:
            workload = Workload.from_json(json.loads(file.read()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"{spool}/spec.json is not a workload: {type(error).__name__}: {error}\n")
        return 1
    become_subreaper()
    hide_faults()
    os.environ[TAG_VARIABLE] = workload.attempt_id
    try:
        if runs_elsewhere(workload, os.environ):
            return hand_over(spool, token)
        os.environ.pop(SOCKET_VARIABLE, None)
        if workload.kind == "callback":
            from .callback_child import CallbackRun

            return CallbackRun(workload, token, start_date).run()
        return Attempt(workload, token, start_date).run()
    except Exception as error:
        # the spool is gone or full: nothing can be reported, the house finds no result
        sys.stderr.write(f"attempt {workload.attempt_id}: {type(error).__name__}: {error}\n")
        return 1


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)
