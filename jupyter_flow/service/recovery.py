"""Takes over from hosts that have ended: what still runs is watched, what is finished is read, what is gone is lost."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from ..execution import census, identity
from ..execution.children import Started
from ..execution.executor import Adoption, Executor, Running
from ..model.rows import Attempt, TaskInstance
from ..model.spec import TaskSpec
from ..storage import attempts, dags, holding, host, queries
from .active import Active
from .desk import Desk
from .dispatch import CHECK_WITHIN

log = logging.getLogger(__name__)

TICKET, VOID = "spec.json", "void.json"


@dataclass
class _Found:
    """Attempts that this host looks after from now on. ``stray``: those that their task instance no longer wants."""

    current: list[tuple[Attempt, TaskInstance]]
    stray: list[Attempt]
    stray_rows: dict[int, TaskInstance]
    tasks: dict[str, TaskSpec | None]
    spools: dict[str, Path]
    calls: list[Running]

    def running(self) -> list[Running]:
        """Return them as the executor wants to know them."""
        known = [attempt for attempt, _ in self.current] + self.stray
        return [
            Running(item.id, self.spools[item.id], item.pid, item.start_ticks, item.boot_id, item.worker)
            for item in known
        ] + self.calls


def recover(desk: Desk) -> None:
    """Hold the runs that nobody holds, and adopt the attempts that nobody looks after and that can be seen from here.

    The ends found are recorded by the next turn. Attempts that are open but no longer wanted by their task instance
    (it was marked or cleared while no host ran) are adopted too, and ended.
    """
    house = desk.house
    taken = desk.holding.take_free_runs()
    for run in taken:
        desk.book.distrust(run.id)
    with house.writing("takeover") as connection:
        desk.callbacks.take_over(connection)
    with house.reading() as connection:
        found = _find(connection, desk)
    if not found.running():
        return
    watched = {attempt.id for attempt, _ in found.current if desk.active.get(attempt.id) is not None}
    adopted = _adopt(desk.executor, [item for item in found.running() if item.attempt_id not in watched], house.spool)
    adopted |= dict.fromkeys(watched, "alive")  # our own, of a time when we had another id
    desk.callbacks.adopt(adopted)
    for attempt, row in found.current:
        if desk.active.get(attempt.id) is None:
            _take(desk, attempt, row, found.tasks.get(attempt.id), found.spools[attempt.id], adopted[attempt.id])
    for item in found.stray:
        row, spool = found.stray_rows[item.task_instance_id], found.spools[item.id]
        active = Active(item.id, row, False, None, None, started=item.pid is not None, cancelled=True, spool=spool)
        desk.active.add(active)
        if adopted[item.id] == "alive":
            desk.executor.cancel(item.id)
        else:
            desk.end(active, None)
    alive = [attempt.id for attempt, _ in found.current if adopted[attempt.id] == "alive"]
    if alive:
        with house.writing("adopt") as connection:
            attempts.adopt(connection, alive, desk.host_id, house.clock.wall() + CHECK_WITHIN)
    log.info("took over %d runs and %d attempts: %d still run", len(taken), len(found.current), len(alive))


def _find(connection: Connection, desk: Desk) -> _Found:
    """Read which attempts are ours to look after."""
    current = attempts.open_attempts(connection)
    wanted = {attempt.id for attempt, _ in current}
    stray = [item for item in attempts.unfinished_attempts(connection) if item.id not in wanted]
    holders = holding.holders(connection, {row.dag_run_id for _, row in current})
    hosts = host.by_ids(connection, {item.held_by for item, _ in current} | {item.held_by for item in stray})
    hosts |= host.by_ids(connection, set(holders.values()) - hosts.keys())

    def is_ours(attempt: Attempt, holder: str) -> bool:
        owner = attempt.held_by
        if desk.holding.is_shared and owner == desk.host_id:
            return False
        return desk.holding.may_adopt(hosts.get(owner), hosts.get(holder), owner, holder)

    current = [(item, row) for item, row in current if is_ours(item, holders.get(row.dag_run_id, ""))]
    stray = [item for item in stray if is_ours(item, desk.host_id) and desk.active.get(item.id) is None]
    stray_rows = queries.task_instances_by_id(connection, [item.task_instance_id for item in stray])
    tasks = {attempt.id: _task(connection, attempt, row) for attempt, row in current}
    spools = {
        item.id: desk.holding.spool_of(hosts.get(item.host_id) or hosts.get(item.held_by)) / item.id
        for item in [*(attempt for attempt, _ in current), *stray]
    }
    return _Found(current, stray, {row.id: row for row in stray_rows}, tasks, spools, desk.callbacks.open(connection))


def _task(connection: Connection, attempt: Attempt, row: TaskInstance) -> TaskSpec | None:
    spec = dags.load_spec(dags.get_version(connection, attempt.dag_version_id))
    return next((task for task in spec.tasks if task.task_id == row.task_id), None)


def _age(attempt: Attempt) -> float:
    """Return for how many seconds the attempt's process has run, as far as this machine can tell."""
    is_ours = attempt.start_ticks is not None and attempt.boot_id == identity.boot_id()
    return identity.age(attempt.start_ticks) if is_ours and attempt.start_ticks is not None else 0.0


def _adopt(executor: Executor, items: Sequence[Running], own_spool: Path) -> dict[str, Adoption]:
    """Let the executor look for processes and results.

    A host of another home may stand still right before it starts a process that we do not find: its ticket is taken
    away before the second look, so that what starts later finds nothing to do.
    """
    adopted = dict(executor.adopt(items))
    foreign = [item for item in items if adopted[item.attempt_id] == "lost" and item.spool.parent != own_spool]
    for item in foreign:
        _void(item.spool)
    return adopted | dict(executor.adopt(foreign)) if foreign else adopted


def _void(spool: Path) -> None:
    try:
        spool.mkdir(mode=0o700)
    except OSError:
        try:
            (spool / TICKET).rename(spool / VOID)
        except OSError:
            log.info("%s holds no ticket", spool)


def _take(
    desk: Desk, attempt: Attempt, row: TaskInstance, task: TaskSpec | None, spool: Path, adoption: Adoption
) -> None:
    """Look after one attempt."""
    active = Active(
        attempt.id,
        row,
        is_notebook=task is not None and task.is_notebook,
        execution_timeout=task.execution_timeout if task is not None else None,
        deadline=None,
        started=attempt.pid is not None,
        spool=spool,
    )
    active.resource_group = task.resource_group if task is not None else ""
    if active.started:
        active.deadline = desk.launching.deadline_of(active, _age(attempt))
    elif desk.executor.start_within is not None:
        active.deadline = desk.house.clock.monotonic() + desk.executor.start_within
    desk.active.add(active)
    if adoption != "alive":
        desk.end(active, None)
    elif not active.started and (found := census.runner_of(attempt.id)) is not None:
        # the earlier host was killed between the start and its record
        desk.take([Started(attempt.id, "task", found.pid, found.start_ticks, identity.boot_id())])
