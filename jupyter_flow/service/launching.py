"""What follows from a turn after its commit: processes are started, those that are not wanted any more are ended."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from ..execution.executor import Executor
from ..model.reason import Reason
from ..model.records import Workload
from ..model.rows import TaskInstance
from ..storage import queries
from .active import OVERTIME, Active, ActiveAttempts
from .book import RunBook
from .house import House

log = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What one transaction decided, to be carried out after its commit. ``began``: its monotonic instant."""

    launches: list[tuple[Workload, str, TaskInstance]] = field(default_factory=list)
    unmade: list[tuple[TaskInstance, str]] = field(default_factory=list)
    unwanted: list[Active] = field(default_factory=list)
    cancels: list[Active] = field(default_factory=list)
    cursor: int = 0
    ends_at_once: bool = False
    began: float = 0.0


class Launching:
    """Starts and ends the processes of attempts."""

    def __init__(self, house: House, executor: Executor, active: ActiveAttempts) -> None:
        self.house = house
        self.executor = executor
        self.active = active

    def find_unwanted(
        self,
        connection: Connection,
        book: RunBook,
        read: Collection[int],
        changed: Mapping[int, TaskInstance],
        outcome: Outcome,
    ) -> None:
        """Find attempts that this turn or a command before it made unwanted, or asked to stop."""
        rows = dict(changed)
        for dag_run_id in read:
            items = self.active.of_run(dag_run_id)
            if not items:
                continue
            found = {row.id: row for row in queries.task_instances_by_id(connection, [item.row.id for item in items])}
            run = queries.run_by_id(connection, dag_run_id)
            snapshot = book.running.get(dag_run_id)
            teardowns = {name for name, spec in snapshot.specs.items() if spec.is_teardown} if snapshot else set()
            outcome.cancels += [
                item
                for item in items
                if (run.cancel_requested_at and item.row.task_id not in teardowns)
                or (item.row.id in found and found[item.row.id].cancel_requested_at)
            ]
            rows.update(found)
        outcome.unwanted += self.active.unwanted(rows.values())

    def carry_out(self, outcome: Outcome) -> None:
        """Start what was claimed, end what is unwanted."""
        monotonic = self.house.clock.monotonic()
        for workload, token, row in outcome.launches:
            task = workload.task
            within = self.executor.start_within
            deadline = None if within is None else monotonic + within
            active = Active(workload.attempt_id, row, task.is_notebook, task.execution_timeout, deadline)
            active.resource_group = task.resource_group
            self.active.add(active)
            self.executor.start(workload, token)
        for item in [*outcome.unwanted, *outcome.cancels]:
            if not item.cancelled:
                item.cancelled = True
                self.executor.cancel(item.attempt_id)

    def end_for(self, active: Active, reason: Reason) -> None:
        """End an attempt that is over a limit; it fails for that reason."""
        if active.ended_for is None:
            log.warning("attempt %s: %s", active.attempt_id, reason)
            active.ended_for = reason
            self.executor.kill(active.attempt_id)

    def deadline_of(self, active: Active, age: float = 0.0) -> float | None:
        """Return the monotonic instant at which an attempt, started ``age`` seconds ago, is ended by the host.

        None: never.
        """
        if active.execution_timeout is None:
            return None
        grace = 2 * self.house.config.limits.kill_grace + OVERTIME
        return self.house.clock.monotonic() + active.execution_timeout + grace - age
