"""The attempts that this host looks after: from claim to the end of their process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..model.reason import Reason
from ..model.rows import TaskInstance
from ..model.state import TASK_ACTIVE

START_WITHIN = 120.0
"""Seconds from claim to the notice of the start, after which an attempt counts as lost."""
OVERTIME = 4.0
"""Seconds beyond ``execution_timeout`` and two kill graces that a runner may take to end itself, and save its files."""


@dataclass
class Active:
    """One attempt in flight. ``deadline``: monotonic instant at which the host ends it itself, None for never.

    ``ended_for``: why the host killed it. ``spool``: its folder if it is in the home of another host.
    """

    attempt_id: str
    row: TaskInstance
    is_notebook: bool
    execution_timeout: float | None
    deadline: float | None
    started: bool = False
    cancelled: bool = False
    overdue: bool = False
    resource_group: str = ""
    ended_for: Reason | None = None
    spool: Path | None = None


class ActiveAttempts:
    """All attempts in flight, by attempt id and by task instance."""

    def __init__(self) -> None:
        self._by_id: dict[str, Active] = {}
        self._by_task: dict[int, set[str]] = {}

    def add(self, item: Active) -> None:
        """Look after ``item``."""
        self._by_id[item.attempt_id] = item
        self._by_task.setdefault(item.row.id, set()).add(item.attempt_id)

    def get(self, attempt_id: str) -> Active | None:
        """Return an attempt in flight."""
        return self._by_id.get(attempt_id)

    def remove(self, attempt_id: str) -> Active | None:
        """Stop looking after an attempt, its process has ended."""
        item = self._by_id.pop(attempt_id, None)
        if item is not None:
            mates = self._by_task[item.row.id]
            mates.discard(attempt_id)
            if not mates:
                del self._by_task[item.row.id]
        return item

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Active]:
        return iter(list(self._by_id.values()))

    def ids(self) -> list[str]:
        """Return the ids of all attempts in flight."""
        return list(self._by_id)

    def unwanted(self, rows: Iterable[TaskInstance]) -> list[Active]:
        """Return attempts that ``rows`` no longer want: ended by a mark, a clear or a run timeout."""
        found = []
        for row in rows:
            for attempt_id in self._by_task.get(row.id, ()):
                if row.state not in TASK_ACTIVE or row.attempt_id != attempt_id:
                    found.append(self._by_id[attempt_id])
        return found

    def of_run(self, dag_run_id: int) -> list[Active]:
        """Return the attempts in flight of one run."""
        return [item for item in self._by_id.values() if item.row.dag_run_id == dag_run_id]

    def next_deadline(self) -> float | None:
        """Return the earliest deadline."""
        return min((item.deadline for item in self._by_id.values() if item.deadline is not None), default=None)
