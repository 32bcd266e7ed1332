"""TriggerDagRunOperator: a task that runs another DAG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from ..authoring import checks
from ..authoring.context import Context
from ..authoring.exceptions import (
    DagError,
    DagIsPaused,
    DagNotFound,
    DagRunAlreadyExists,
    FlowFailException,
    FlowRescheduleException,
    FlowSkipException,
    TaskFailure,
)
from ..authoring.jsonable import to_jsonable
from ..authoring.location import warn
from ..authoring.operator import BaseOperator
from ..authoring.runtime import Runtime
from ..model.errors import Conflict, InvalidInput, NotFound
from ..model.instants import to_iso
from ..model.reason import Reason
from ..model.state import RUN_TERMINAL, RunState

NOW = "now"
"""``logical_date`` of a run that has the instant of its trigger."""


class RunsAnotherDag(BaseOperator):
    """Starts a run of another DAG once, and may wait for it; its slot is free while it waits."""

    needs_dag_file: ClassVar[bool] = False
    poke_interval: float
    allowed_states: list[str]
    failed_states: list[str]

    def _wait(self, runtime: Runtime, run: Mapping[str, Any]) -> None:
        """Return if ``run`` is as wanted. Raises TaskFailure, or FlowRescheduleException to look again later."""
        state = run["state"]
        if state in self.allowed_states:
            self.log.info("run %s of DAG %s: %s", run["run_id"], run["dag_id"], state)
            return
        if state in self.failed_states or RunState(state) in RUN_TERMINAL:
            facts = {"run_id": run["run_id"], "dag_id": run["dag_id"], "state": state}
            raise TaskFailure(Reason("child_run", facts))
        self.log.info("run %s of DAG %s is %s: waiting", run["run_id"], run["dag_id"], state)
        raise FlowRescheduleException(runtime.now() + timedelta(seconds=self.poke_interval))

    def _start(self, runtime: Runtime, dag_id: str, conf: Any, **asked: Any) -> dict[str, Any]:
        """Start the run, at most once in this try, and return it."""
        where = f"task {self.task_id!r}"
        try:
            asked["conf"] = to_jsonable(object_or_none(where, "conf", conf), f"{where}: conf")
            answer: dict[str, Any] = runtime.ask("ask.trigger_run", dag_id=dag_id, **asked)
        except NotFound as error:
            raise DagNotFound(f"{error}: a task can run the DAGs that the house knows") from None
        except (InvalidInput, Conflict) as error:
            raise FlowFailException(f"DAG {dag_id!r} was not run: {error}") from None
        if answer["outcome"] == "paused":
            raise DagIsPaused(
                f"DAG {dag_id!r} is paused: unpause it (`jupyter flow dags unpause {dag_id}`){self._paused_hint()}"
            )
        return answer

    def _paused_hint(self) -> str:
        return ""


class TriggerDagRunOperator(RunsAnotherDag):
    """Runs the DAG ``trigger_dag_id`` with ``conf``; the XCom ``trigger_run_id`` names the run.

    ``trigger_run_id``: id of the run (default: made from its date). ``logical_date``: a datetime or ISO 8601 text
    (default: now; None: without a date). A run that has this id or date already is an error, skips this task
    (``skip_when_already_exists``), or is cleared and runs again (``reset_dag_run``).

    ``wait_for_completion``: look every ``poke_interval`` seconds until the run is in one of ``allowed_states``
    (default success) or ``failed_states`` (default failed and cancelled), without a slot in between. A paused DAG gets
    a run that waits, unless ``fail_when_dag_is_paused``. ``note``: text kept with the run.
    Each try starts one run at most, however often its process is lost.
    """

    template_fields: ClassVar[Sequence[str]] = (
        "trigger_dag_id",
        "trigger_run_id",
        "logical_date",
        "conf",
        "wait_for_completion",
        "skip_when_already_exists",
        "note",
        "env",
        "cwd",
    )
    spec_fields: ClassVar[Sequence[str]] = (
        *template_fields[:-2],
        "reset_dag_run",
        "poke_interval",
        "allowed_states",
        "failed_states",
        "fail_when_dag_is_paused",
    )

    def __init__(
        self,
        task_id: str,
        *,
        trigger_dag_id: str,
        trigger_run_id: str | None = None,
        conf: Mapping[str, Any] | None = None,
        logical_date: str | datetime | None = NOW,
        execution_date: str | datetime | None = None,
        reset_dag_run: bool = False,
        wait_for_completion: bool | str = False,
        poke_interval: float | timedelta = 60,
        allowed_states: Sequence[str] | None = None,
        failed_states: Sequence[str] | None = None,
        skip_when_already_exists: bool | str = False,
        fail_when_dag_is_paused: bool = False,
        note: str | None = None,
        deferrable: bool = False,
        **operator_args: Any,
    ) -> None:
        super().__init__(task_id, **operator_args)
        where = f"task {task_id!r}"
        if execution_date is not None:
            warn(f"{where}: execution_date is called logical_date now")
            logical_date = execution_date
        self.trigger_dag_id = text_of(where, "trigger_dag_id", trigger_dag_id)
        self.trigger_run_id = None if trigger_run_id is None else text_of(where, "trigger_run_id", trigger_run_id)
        self.conf = object_or_none(where, "conf", conf)
        self.logical_date = _date(where, logical_date)
        self.reset_dag_run = bool(reset_dag_run)
        self.wait_for_completion = wait_for_completion
        self.poke_interval = checks.positive_seconds(where, "poke_interval", poke_interval) or 60.0
        self.allowed_states = _states(where, "allowed_states", allowed_states, ["success"])
        self.failed_states = _states(where, "failed_states", failed_states, ["failed", "cancelled"])
        self.skip_when_already_exists = skip_when_already_exists
        self.fail_when_dag_is_paused = bool(fail_when_dag_is_paused)
        self.note = checks.text_or_none(where, "note", note)
        self.deferrable = bool(deferrable)  # waiting takes no slot in any case

    def execute(self, context: Context) -> Any:
        """Start the run, or go on waiting for it."""
        runtime: Runtime = context["runtime"]
        run = runtime.ask("ask.triggered_run", dag_id=self.trigger_dag_id)
        if not run["found"]:
            run = self._start(
                runtime,
                self.trigger_dag_id,
                conf=self.conf,
                run_id=self.trigger_run_id or None,
                logical_date=_date(f"task {self.task_id!r}", self.logical_date),
                reset=self.reset_dag_run,
                paused="refuse" if self.fail_when_dag_is_paused else "queue",
                note=self.note,
            )
            if run["outcome"] == "exists":
                message = f"DAG {run['dag_id']!r} has run {run['run_id']!r} already"
                if _true(self.skip_when_already_exists):
                    raise FlowSkipException(message)
                raise DagRunAlreadyExists(f"{message}: give another id or date, or reset_dag_run=True")
            self.log.info("run %s of DAG %s: %s", run["run_id"], run["dag_id"], run["outcome"])
        if _true(self.wait_for_completion):
            self._wait(runtime, run)


def text_of(where: str, name: str, value: Any) -> Any:
    """Return text that is not empty, or the output of a task that will be one."""
    if hasattr(value, "resolve") or (isinstance(value, str) and value):
        return value
    raise DagError(f"{where}: {name} must be text, not {value!r}")


def object_or_none(where: str, name: str, value: Any) -> Any:
    """Return a dict, or the output of a task that will be one."""
    if value is None or hasattr(value, "resolve") or isinstance(value, Mapping):
        return value
    raise DagError(f"{where}: {name} must be a dict, not {value!r}")


def _date(where: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return to_iso(value if value.tzinfo is not None else value.replace(tzinfo=UTC))
    if value is None or hasattr(value, "resolve") or isinstance(value, str):
        return value
    raise DagError(f"{where}: logical_date must be a datetime, ISO 8601 text or None, not {value!r}")


def _states(where: str, name: str, given: Any, default: list[str]) -> list[str]:
    if given is None or (name == "allowed_states" and not given):
        return default
    known = [str(state) for state in RunState]
    states = [str(getattr(item, "value", item)) for item in given]
    for state in states:
        if state not in known:
            hint = checks.suggestion(state, known) or f": there are {', '.join(known)}"
            raise DagError(f"{where}: {name}: {state!r} is no state of a DAG run{hint}")
    return states


def _true(value: Any) -> bool:
    """Read a flag that may be the text of a rendered template."""
    return value.strip().lower() in ("true", "1", "yes", "on") if isinstance(value, str) else bool(value)
