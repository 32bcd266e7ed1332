"""Backfills: views and commands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ..model.changes import RunInfo
from ..model.errors import Conflict, InvalidInput
from ..model.instants import from_iso, iso_or_none
from ..model.records import Actor
from ..model.rows import Backfill, Dag, DagRun
from ..model.spec import DagSpec
from ..scheduling import backfills as rules
from ..storage import backfills, dags, edits
from .authorize import authorize, readable
from .backfill_runs import complete
from .commanding import command
from .conf import check_conf, check_params
from .documents import Document
from .house import House
from .page_limit import check_limit

MAX_ACTIVE_RUNS = 10
"""``max_active_runs`` of a backfill that does not say."""
MOST = 1000
"""Backfills on one page, and runs of one at a time."""


@dataclass(frozen=True)
class _Plan:
    """A checked request: the dates it covers, with the run each has already."""

    dag: Dag
    spec: DagSpec
    from_date: datetime
    to_date: datetime
    dates: list[tuple[RunInfo, DagRun | None, str | None]]
    """Info, existing run, why the date gets no run."""
    conf: dict[str, Any]


def list_backfills(house: House, actor: Actor, dag_id: str | None = None, limit: int = 100) -> Document:
    """The backfills of one DAG or of all, newest first."""
    check_limit(limit, MOST)
    with house.reading() as connection:
        if dag_id is not None:
            authorize(house.policy, actor, "read", dag_id)
            dags.get_dag(connection, dag_id)
        rows = readable(house.policy, actor, backfills.list_backfills(connection, dag_id, limit))
        return {"backfills": _documents(connection, rows)}


def show_backfill(house: House, actor: Actor, backfill_id: int) -> Document:
    """One backfill with its ``dates``: the run of each and its state, or why it gets none."""
    with house.reading() as connection:
        found = backfills.get(connection, _number(backfill_id))
        authorize(house.policy, actor, "read", found.dag_id)
        return _shown(connection, found)


def preview_backfill(
    house: House,
    actor: Actor,
    dag_id: str,
    from_date: str,
    to_date: str,
    reprocess_behavior: str = "none",
    max_active_runs: int = MAX_ACTIVE_RUNS,
    run_backwards: bool = False,
    conf: Any = None,
) -> Document:
    """What :func:`create_backfill` would do with these arguments, date by date; nothing is written."""
    authorize(house.policy, actor, "read", dag_id)
    check_limit(max_active_runs, MOST, "max_active_runs")
    with house.reading() as connection:
        plan = _plan(connection, house, dag_id, from_date, to_date, reprocess_behavior, run_backwards, conf)
    return {
        "dag_id": dag_id,
        "from_date": iso_or_none(plan.from_date),
        "to_date": iso_or_none(plan.to_date),
        "reprocess_behavior": reprocess_behavior,
        "max_active_runs": max_active_runs,
        "run_backwards": bool(run_backwards),
        "conf": plan.conf,
        "dates": [
            _date(info, run.run_id if run else None, str(run.state) if run else None, skipped)
            for info, run, skipped in plan.dates
        ],
    }


def create_backfill(
    house: House,
    actor: Actor,
    dag_id: str,
    from_date: str,
    to_date: str,
    reprocess_behavior: str = "none",
    max_active_runs: int = MAX_ACTIVE_RUNS,
    run_backwards: bool = False,
    conf: Any = None,
) -> Document:
    """Ask the scheduler to run the dates of ``dag_id`` in ``[from_date, to_date]`` and return the backfill.

    A date that has a run is left out, or cleared: ``reprocess_behavior`` ``failed`` (if it did not succeed) or
    ``completed`` (if it has ended). ``max_active_runs`` is the backfill's own limit. Raises :class:`Conflict` while
    another backfill of the DAG is active, :class:`InvalidInput` for what cannot be.
    """
    arguments: dict[str, Any] = {
        "from_date": from_date,
        "to_date": to_date,
        "reprocess_behavior": reprocess_behavior,
        "max_active_runs": max_active_runs,
        "run_backwards": run_backwards,
    }
    with command(house, actor, "backfills.create", "trigger", dag_id=dag_id, arguments=arguments) as (connection, now):
        check_limit(max_active_runs, MOST, "max_active_runs")
        plan = _plan(connection, house, dag_id, from_date, to_date, reprocess_behavior, run_backwards, conf)
        if not plan.dag.is_active:
            raise Conflict(f"DAG {dag_id!r} is no longer in its file {plan.dag.dag_file}: nothing to run")
        if others := backfills.active(connection, dag_id):
            raise Conflict(
                f"backfill {others[0].id} of DAG {dag_id!r} is active: wait for its end, or "
                f"`jupyter flow backfill cancel {others[0].id}`"
            )
        found = backfills.create(
            connection,
            dag_id,
            plan.from_date,
            plan.to_date,
            [backfills.PlannedSlot(info, skipped) for info, _, skipped in plan.dates],
            reprocess_behavior=reprocess_behavior,
            max_active_runs=max_active_runs,
            run_backwards=bool(run_backwards),
            conf=plan.conf,
            actor=actor.user,
            now=now,
        )
        complete(connection, found, now)
    house.effects.dag_changed(dag_id)
    return show_backfill(house, actor, found.id)


def cancel_backfill(house: House, actor: Actor, backfill_id: int) -> Document:
    """End a backfill: dates without a run get none, queued runs are cancelled, running ones go on."""
    dag_id = _dag_id(house, backfill_id)
    with command(
        house, actor, "backfills.cancel", "trigger", dag_id=dag_id, arguments={"backfill_id": backfill_id}
    ) as (
        connection,
        now,
    ):
        found = backfills.get(connection, backfill_id)
        if found.completed_at is not None:
            how = "completed" if found.cancelled_at is None else "cancelled"
            raise Conflict(f"backfill {backfill_id} is {how} already")
        backfills.cancel(connection, found, now, actor.user)
        queued = backfills.queued_runs(connection, backfill_id)
        for run in queued:
            edits.request_cancel(connection, run, now, actor)
    for run in queued:
        house.effects.run_changed(run.id)
    house.effects.dag_changed(dag_id)
    return show_backfill(house, actor, backfill_id)


def pause_backfill(house: House, actor: Actor, backfill_id: int) -> Document:
    """Make no further run of a backfill for now; those that it has go on."""
    return _pause(house, actor, backfill_id, True)


def unpause_backfill(house: House, actor: Actor, backfill_id: int) -> Document:
    """Go on with a backfill."""
    return _pause(house, actor, backfill_id, False)


def _plan(
    connection: Connection,
    house: House,
    dag_id: str,
    from_date: str,
    to_date: str,
    reprocess: str,
    run_backwards: bool,
    conf: Any,
) -> _Plan:
    if reprocess not in rules.REPROCESS:
        raise InvalidInput(f"reprocess_behavior {reprocess!r} must be one of {', '.join(rules.REPROCESS)}")
    dag = dags.get_dag(connection, dag_id)
    spec = dags.load_spec(dags.latest_version(connection, dag_id))
    start, end, now = from_iso(from_date), from_iso(to_date), house.clock.wall()
    if (refused := rules.refusal(spec, start, end, reprocess, run_backwards, now)) is not None:
        raise InvalidInput(refused)
    values = check_conf(conf, house.config.conf_max_bytes)
    check_params(spec.params, values)
    infos = rules.dates_between(dag, start, end, now)
    if not infos:
        raise InvalidInput(f"the schedule of DAG {dag_id!r} has no past date from {from_date} to {to_date}")
    if len(infos) > rules.MOST_DATES:
        raise InvalidInput(f"a backfill covers up to {rules.MOST_DATES} dates: choose a shorter time")
    known = backfills.runs_between(connection, dag_id, infos[0].logical_date, infos[-1].logical_date)
    dates = []
    for info in reversed(infos) if run_backwards else infos:
        run = known.get(info.logical_date)
        dates.append((info, run, rules.skip_reason(run.state if run else None, reprocess)))
    return _Plan(dag, spec, start, end, dates, values)


def _pause(house: House, actor: Actor, backfill_id: int, paused: bool) -> Document:
    dag_id = _dag_id(house, backfill_id)
    name = "backfills.pause" if paused else "backfills.unpause"
    about = {"backfill_id": backfill_id}
    with command(house, actor, name, "trigger", dag_id=dag_id, arguments=about) as (connection, now):
        found = backfills.get(connection, backfill_id)
        if found.completed_at is not None:
            raise Conflict(f"backfill {backfill_id} has ended")
        backfills.set_paused(connection, found, paused, now)
    house.effects.dag_changed(dag_id)
    return show_backfill(house, actor, backfill_id)


def _dag_id(house: House, backfill_id: int) -> str:
    with house.reading() as connection:
        return backfills.get(connection, _number(backfill_id)).dag_id


def _number(backfill_id: Any) -> int:
    if type(backfill_id) is not int or not 0 < backfill_id < 2**31:
        raise InvalidInput(f"backfill {backfill_id!r} is not a number: `jupyter flow backfill list` names them")
    return backfill_id


def _documents(connection: Connection, rows: list[Backfill]) -> list[Document]:
    ids = [row.id for row in rows]
    progress, states = backfills.progress(connection, ids), backfills.run_states(connection, ids)
    return [_document(row, progress[row.id], states[row.id]) for row in rows]


def _shown(connection: Connection, found: Backfill) -> Document:
    (document,) = _documents(connection, [found])
    dates = [
        _date(
            RunInfo(slot.data_interval_end, slot.logical_date, slot.data_interval_start, slot.data_interval_end),
            slot.run_id,
            str(slot.state) if slot.state else None,
            slot.skipped,
        )
        for slot in backfills.slots(connection, found.id)
    ]
    return {**document, "dates": dates}


def _document(row: Backfill, progress: backfills.Progress, states: dict[str, int]) -> Document:
    state = "running"
    if row.cancelled_at is not None:
        state = "cancelled"
    elif row.completed_at is not None:
        state = "completed"
    elif row.is_paused:
        state = "paused"
    return {
        "backfill_id": row.id,
        "dag_id": row.dag_id,
        "state": state,
        "from_date": iso_or_none(row.from_date),
        "to_date": iso_or_none(row.to_date),
        "reprocess_behavior": row.reprocess_behavior,
        "max_active_runs": row.max_active_runs,
        "run_backwards": row.run_backwards,
        "conf": dict(row.conf),
        "actor": row.actor,
        "created_at": iso_or_none(row.created_at),
        "completed_at": iso_or_none(row.completed_at),
        "cancelled_by": row.cancelled_by,
        "progress": {
            "total": progress.total,
            "skipped": progress.skipped,
            "pending": progress.pending,
            "active": progress.unfinished - progress.pending,
            "finished": progress.total - progress.skipped - progress.unfinished,
        },
        "states": states,
    }


def _date(info: RunInfo, run_id: str | None, state: str | None, skipped: str | None) -> Document:
    return {
        "logical_date": iso_or_none(info.logical_date),
        "data_interval_start": iso_or_none(info.data_interval_start),
        "data_interval_end": iso_or_none(info.data_interval_end),
        "run_id": run_id,
        "state": state,
        "skipped": skipped,
    }
