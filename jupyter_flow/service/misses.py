"""The host's eye on SLAs and deadlines: woken when the next one is due, each is judged once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from ..model.calls import NewCallback, SlaMiss
from ..model.due import next_sla
from ..model.reason import Reason
from ..model.rows import DagRun, TaskInstance
from ..model.spec import DagSpec
from ..model.state import TaskState
from ..scheduling.deadlines import deadline_callback, is_met, missed_slas, sla_callbacks
from ..storage import dags, events, misses, queries

_DONE = frozenset({TaskState.SUCCESS, TaskState.SKIPPED, TaskState.REMOVED})


class Misses:
    """``next``: when the next SLA or deadline is due, None if none is. ``is_old``: runs were made since it was read."""

    def __init__(self) -> None:
        self.next: datetime | None = None
        self.is_old = True

    def transact(self, connection: Connection, now: datetime, mail: bool) -> list[NewCallback]:
        """Record what is missed or met at ``now`` and return the callbacks that follow; ``mail``: it can be sent."""
        found: list[NewCallback] = []
        if self.is_old:
            self.next = misses.next_instant(connection)
        if self.next is not None and self.next <= now:
            found = [*_slas(connection, now, mail), *_deadlines(connection, now)]
            self.next = misses.next_instant(connection)
        return found

    def committed(self) -> None:
        """What was read is true."""
        self.is_old = False


def _slas(connection: Connection, now: datetime, mail: bool) -> list[NewCallback]:
    noticed: dict[str, list[SlaMiss]] = {}
    blocking: dict[str, list[TaskInstance]] = {}
    specs: dict[str, tuple[DagSpec, int]] = {}
    for run in misses.runs_with_sla_due(connection, now):
        spec = dags.load_spec(dags.get_version(connection, run.dag_version_id))
        rows = queries.task_instances(connection, run.id)
        missed = missed_slas(spec, run, rows, now, misses.known_misses(connection, run.id))
        misses.set_next_sla(connection, run.id, next_sla(spec, run, now))
        if not missed:
            continue
        noticed.setdefault(run.dag_id, []).extend(misses.add_misses(connection, run, missed, now))
        blocking.setdefault(run.dag_id, []).extend(row for row in rows if row.state not in _DONE)
        specs[run.dag_id] = (spec, run.dag_version_id)
        told = [
            _event(run, "sla_missed", Reason("sla_missed", {"due": due.isoformat()}), task_id)
            for task_id, due in missed
        ]
        events.append_run_events(connection, told, now, None)
    return [
        callback
        for dag_id, found in noticed.items()
        for callback in sla_callbacks(found, *specs[dag_id], blocking[dag_id], mail)
    ]


def _deadlines(connection: Connection, now: datetime) -> list[NewCallback]:
    found: list[NewCallback] = []
    for deadline in misses.due_deadlines(connection, now):
        run = queries.run_by_id(connection, deadline.dag_run_id)
        if is_met(run, deadline):
            misses.judge(connection, deadline.id, met_at=run.end_date)
            continue
        misses.judge(connection, deadline.id, missed_at=now)
        spec = dags.load_spec(dags.get_version(connection, run.dag_version_id))
        reason = Reason("deadline_missed", {"name": deadline.name or "", "due": deadline.due_at.isoformat()})
        events.append_run_events(connection, [_event(run, "deadline_missed", reason)], now, None)
        if (callback := deadline_callback(deadline, spec, run.dag_version_id)) is not None:
            found.append(callback)
    return found


def _event(run: DagRun, kind: str, reason: Reason, task_id: str | None = None) -> events.RunEvent:
    return events.RunEvent(run.id, kind, run.dag_id, run.run_id, None, None, task_id, None, reason)
