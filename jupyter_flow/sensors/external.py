"""Sensors of other DAGs: ExternalTaskSensor and its marker, AssetSensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from ..authoring import checks
from ..authoring.assets import Asset
from ..authoring.context import Context
from ..authoring.exceptions import DagError, DagNotFound, FlowException, FlowFailException, FlowSkipException
from ..model.instants import from_iso, to_iso
from ..model.state import RunState, TaskState
from ..operators.empty import EmptyOperator
from ..operators.python import call
from .base import FIELDS, BaseSensorOperator, PokeReturnValue, first_start

RECURSION_DEPTH = 10


class ExternalTaskSensor(BaseSensorOperator):
    """Waits for the run of ``external_dag_id`` with this run's logical date, or for tasks of it.

    ``external_task_id``, ``external_task_ids`` or ``external_task_group_id``: tasks to wait for; without them the run
    as a whole. ``execution_delta``: how much earlier the logical date of the other run is; ``execution_date_fn(
    logical_date)``: one or several other dates. A state in ``allowed_states`` (success) is waited for, one in
    ``failed_states`` fails, one in ``skipped_states`` skips. ``check_existence``: fail at once if the DAG or task does
    not exist.
    """

    template_fields: ClassVar[Sequence[str]] = (
        *("external_dag_id", "external_task_id", "external_task_ids", "external_task_group_id"),
        *("env", "cwd"),
    )
    spec_fields: ClassVar[Sequence[str]] = (
        *FIELDS,
        *template_fields[:-2],
        *("allowed_states", "skipped_states", "failed_states", "execution_delta", "check_existence"),
    )

    def __init__(
        self,
        task_id: str,
        *,
        external_dag_id: str,
        external_task_id: str | None = None,
        external_task_ids: Iterable[str] | None = None,
        external_task_group_id: str | None = None,
        allowed_states: Iterable[str] | None = None,
        skipped_states: Iterable[str] | None = None,
        failed_states: Iterable[str] | None = None,
        execution_delta: timedelta | float | None = None,
        execution_date_fn: Callable[..., Any] | None = None,
        check_existence: bool = False,
        **sensor_args: Any,
    ) -> None:
        super().__init__(task_id, **sensor_args)
        where = f"task {task_id!r}"
        named = [external_task_id, external_task_ids, external_task_group_id]
        if sum(item is not None for item in named) > 1:
            raise DagError(
                f"{where}: give one of external_task_id, external_task_ids and external_task_group_id, or none"
            )
        if execution_delta is not None and execution_date_fn is not None:
            raise DagError(f"{where}: give execution_delta or execution_date_fn, not both")
        if execution_date_fn is not None and not callable(execution_date_fn):
            raise DagError(f"{where}: execution_date_fn must be a function, not {execution_date_fn!r}")
        self.external_dag_id = external_dag_id
        self.external_task_id = external_task_id
        self.external_task_ids = None if external_task_ids is None else list(external_task_ids)
        self.external_task_group_id = external_task_group_id
        known: Iterable[str] = [*TaskState] if any(item is not None for item in named) else [*RunState]
        self.allowed_states = _states(where, "allowed_states", allowed_states, known, ["success"])
        self.skipped_states = _states(where, "skipped_states", skipped_states, known, [])
        self.failed_states = _states(where, "failed_states", failed_states, known, [])
        lists = (self.allowed_states, self.skipped_states, self.failed_states)
        if sum(map(len, lists)) > len({state for states in lists for state in states}):
            raise DagError(f"{where}: a state stands in two of allowed_states, skipped_states and failed_states")
        self.execution_delta = _delta(where, execution_delta)
        self.execution_date_fn = execution_date_fn
        self.check_existence = bool(check_existence)

    @property
    def needs_dag_file(self) -> bool:  # type: ignore[override]
        """Only a function that computes dates is not data."""
        return self.execution_date_fn is not None

    def poke(self, context: Context) -> bool:
        """Look at the other DAG."""
        ids = self._task_ids()
        if self.check_existence:
            self._check_existence(context, ids)
        dates = self._dates(context)
        answer = context["runtime"].ask(
            "ask.task_states",
            dag_id=self.external_dag_id,
            logical_dates=[to_iso(date) for date in dates],
            task_ids=ids,
            task_group_id=self.external_task_group_id,
        )
        whole = ids is None and self.external_task_group_id is None
        states: list[str | None] = []
        for run in answer["runs"]:
            if run is None:
                states.append(None)
            elif whole:
                states.append(run["state"])
            else:
                found = [task["state"] for task in run["tasks"]]
                missing = len(ids or ()) - len({task["task_id"] for task in run["tasks"]})
                states += found or [None]
                states += [None] * max(missing, 0)
        what = f"DAG {self.external_dag_id!r}" if whole else f"{ids or self.external_task_group_id} of it"
        self.log.info("%s at %s: %s", what, ", ".join(map(to_iso, dates)), ", ".join(str(state) for state in states))
        if bad := [state for state in states if state in self.failed_states]:
            raise FlowException(f"{what}: {bad[0]}, one of failed_states")
        if any(state in self.skipped_states for state in states):
            raise FlowSkipException(f"{what} is in one of skipped_states")
        return bool(states) and all(state in self.allowed_states for state in states)

    def _task_ids(self) -> list[str] | None:
        if self.external_task_ids is not None:
            return list(self.external_task_ids)
        return None if self.external_task_id is None else [self.external_task_id]

    def _dates(self, context: Context) -> list[datetime]:
        own: datetime | None = context.get("logical_date")
        if own is None:
            raise FlowFailException("this DAG run has no logical date: there is no date to look for in the other DAG")
        if self.execution_date_fn is not None:
            found = call(self.execution_date_fn, [own], {}, context, context)
            dates = list(found) if isinstance(found, (list, tuple, set)) else [found]
            if not dates or not all(isinstance(date, datetime) for date in dates):
                raise FlowFailException(f"execution_date_fn must return a datetime or several, not {found!r:.100}")
            return [date if date.tzinfo is not None else date.replace(tzinfo=UTC) for date in dates]
        return [own - timedelta(seconds=self.execution_delta or 0.0)]

    def _check_existence(self, context: Context, ids: Sequence[str] | None) -> None:
        facts = context["runtime"].ask("ask.dag_facts", dag_id=self.external_dag_id)
        if not facts["found"] or not facts["is_active"]:
            raise DagNotFound(f"external_dag_id {self.external_dag_id!r}: the house knows no such DAG")
        for name in ids or ():
            if name not in facts["task_ids"]:
                hint = checks.suggestion(name, facts["task_ids"])
                raise DagNotFound(f"DAG {self.external_dag_id!r} has no task {name!r}{hint}")
        if self.external_task_group_id is not None and self.external_task_group_id not in facts["group_ids"]:
            hint = checks.suggestion(self.external_task_group_id, facts["group_ids"])
            raise DagNotFound(f"DAG {self.external_dag_id!r} has no task group {self.external_task_group_id!r}{hint}")


class ExternalTaskMarker(EmptyOperator):
    """Says that ``external_task_id`` of ``external_dag_id`` depends on this task: clearing this one clears that one.

    That one, what comes after it and the markers among those are cleared in the run with the same logical date,
    through ``recursion_depth`` DAGs at most.
    """

    spec_fields: ClassVar[Sequence[str]] = ("external_dag_id", "external_task_id", "recursion_depth")

    def __init__(
        self,
        task_id: str,
        *,
        external_dag_id: str,
        external_task_id: str,
        logical_date: str | datetime | None = None,
        execution_date: str | datetime | None = None,
        recursion_depth: int = RECURSION_DEPTH,
        **operator_args: Any,
    ) -> None:
        super().__init__(task_id, **operator_args)
        where = f"task {task_id!r}"
        given = logical_date if logical_date is not None else execution_date
        if given is not None and "logical_date" not in str(given) and "execution_date" not in str(given):
            raise DagError(f"{where}: the marked task is the one with the same logical date: leave out logical_date")
        self.external_dag_id = external_dag_id
        self.external_task_id = external_task_id
        self.recursion_depth = checks.whole(where, "recursion_depth", recursion_depth, 1)


class AssetSensor(BaseSensorOperator):
    """Waits for an event of ``asset`` (an Asset, or its name) that is newer than the start of this try.

    ``since_run``: events since this run could start count too. The XCom is the event.
    """

    needs_dag_file: ClassVar[bool] = False
    spec_fields: ClassVar[Sequence[str]] = (*FIELDS, "asset", "since_run")

    def __init__(self, task_id: str, *, asset: Asset | str, since_run: bool = True, **sensor_args: Any) -> None:
        super().__init__(task_id, **sensor_args)
        if not isinstance(asset, (Asset, str)) or not asset:
            raise DagError(f"task {task_id!r}: asset must be an Asset or the name of one, not {asset!r}")
        self.asset = asset if isinstance(asset, str) else asset.name
        self.since_run = bool(since_run)

    def poke(self, context: Context) -> Any:
        """Look at the events of the asset."""
        since = context["dag_run"].queued_at if self.since_run else first_start(context)
        events: list[Mapping[str, Any]] = context["runtime"].ask("ask.asset_events", name=self.asset)["events"]
        newer = [event for event in events if from_iso(event["at"]) > since]
        self.log.info("asset %s: %d events since %s", self.asset, len(newer), to_iso(since.astimezone(UTC)))
        return PokeReturnValue(True, dict(newer[-1])) if newer else False


def _states(where: str, name: str, given: Iterable[str] | None, known: Iterable[str], default: list[str]) -> list[str]:
    if given is None:
        return default
    found = [str(getattr(state, "value", state)) for state in given]
    names = [str(state) for state in known]
    if unknown := [state for state in found if state not in names]:
        hint = checks.suggestion(unknown[0], names) or f": use some of {', '.join(names)}"
        raise DagError(f"{where}: {name}: unknown state {unknown[0]!r}{hint}")
    return found


def _delta(where: str, value: timedelta | float | None) -> float | None:
    if value is None:
        return None
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise DagError(f"{where}: execution_delta must be a timedelta or seconds, not {value!r}")
    return float(seconds)
