"""Takes over from an earlier host: what still runs is watched, what is finished is read, what is gone is lost."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection

from ..execution import census, identity
from ..execution.children import Started
from ..execution.executor import Running
from ..model.rows import Attempt, TaskInstance
from ..model.spec import TaskSpec
from ..storage import attempts, dags, queries
from .active import Active
from .desk import Desk
from .dispatch import CHECK_WITHIN

log = logging.getLogger(__name__)


def _task(connection: Connection, attempt: Attempt, row: TaskInstance) -> TaskSpec | None:
    spec = dags.load_spec(dags.get_version(connection, attempt.dag_version_id))
    return next((task for task in spec.tasks if task.task_id == row.task_id), None)


def _age(attempt: Attempt) -> float:
    """Return for how many seconds the attempt's process has run, as far as this machine can tell."""
    is_ours = attempt.start_ticks is not None and attempt.boot_id == identity.boot_id()
    return identity.age(attempt.start_ticks) if is_ours and attempt.start_ticks is not None else 0.0


def recover(desk: Desk) -> None:
    """Adopt the attempts that are open in the drawer. The ends found are recorded by the next turn.

    Attempts that are open but no longer wanted by their task instance (it was marked or cleared while no host ran)
    are adopted too, and ended.
    """
    house, executor = desk.house, desk.executor
    with house.reading() as connection:
        current = attempts.open_attempts(connection)
        wanted = {attempt.id for attempt, _ in current}
        stray = [item for item in attempts.unfinished_attempts(connection) if item.id not in wanted]
        tasks = {attempt.id: _task(connection, attempt, row) for attempt, row in current}
        stray_rows = queries.task_instances_by_id(connection, [item.task_instance_id for item in stray])
        calls = desk.callbacks.open(connection)
    known = [attempt for attempt, _ in current] + stray
    if not known and not calls:
        return
    adopted = executor.adopt(
        [
            Running(item.id, Path(house.spool / item.id), item.pid, item.start_ticks, item.boot_id, item.worker)
            for item in known
        ]
        + calls
    )
    desk.callbacks.adopt(adopted)
    for attempt, row in current:
        task = tasks.get(attempt.id)
        active = Active(
            attempt.id,
            row,
            is_notebook=task is not None and task.is_notebook,
            execution_timeout=task.execution_timeout if task is not None else None,
            deadline=None,
            started=attempt.pid is not None,
        )
        active.resource_group = task.resource_group if task is not None else ""
        if active.started:
            active.deadline = desk.deadline_of(active, _age(attempt))
        elif executor.start_within is not None:
            active.deadline = house.clock.monotonic() + executor.start_within
        desk.active.add(active)
        if adopted[attempt.id] != "alive":
            desk.end(active, None)
        elif not active.started and (found := census.runner_of(attempt.id)) is not None:
            # the earlier host was killed between the start and its record
            desk.take([Started(attempt.id, "task", found.pid, found.start_ticks, identity.boot_id())])
    rows = {row.id: row for row in stray_rows}
    for item in stray:
        active = Active(item.id, rows[item.task_instance_id], False, None, None, started=item.pid is not None)
        active.cancelled = True
        desk.active.add(active)
        if adopted[item.id] == "alive":
            executor.cancel(item.id)
        else:
            desk.end(active, None)
    alive = [attempt_id for attempt_id, state in adopted.items() if state == "alive" and attempt_id in wanted]
    if alive:
        with house.writing("adopt") as connection:
            attempts.adopt(connection, alive, desk.host_id, house.clock.wall() + CHECK_WITHIN)
    log.info("took over %d attempts of an earlier host: %d still run", len(current), len(alive))
