"""What follows from runs: callbacks to be run, SLAs that were missed, deadlines of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from .reason import Reason

Level = Literal["task", "dag", "sla", "deadline", "email"]
"""Whose callback it is; ``email``: a mail of ours to the addresses of a task."""

CallbackState = Literal["waiting", "queued", "running", "success", "failed", "lost"]


@dataclass(frozen=True)
class NewCallback:
    """A callback to be made in the transaction of the change that calls for it.

    ``source`` names that change: with run, level and event it is unique, so that no change calls twice. ``facts`` are
    what is to be remembered of the change until the callback runs (JSON).
    """

    dag_run_id: int
    dag_version_id: int
    level: Level
    event: str
    source: str
    facts: Mapping[str, Any]
    task_instance_id: int | None = None


@dataclass(frozen=True)
class Callback:
    """One callback. ``starts``: how many processes were begun for it; more than one only if none came to call it."""

    id: int
    dag_run_id: int
    task_instance_id: int | None
    dag_version_id: int
    level: Level
    event: str
    source: str
    facts: Mapping[str, Any]
    starts: int
    attempt_id: str | None
    boot_id: str | None
    pid: int | None
    start_ticks: int | None
    log_path: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    outcome: str | None
    reason: Reason | None

    @property
    def state(self) -> CallbackState:
        """Where the callback stands."""
        if self.outcome is not None:
            return self.outcome  # type: ignore[return-value]
        if self.attempt_id is None:
            return "waiting"
        return "queued" if self.started_at is None else "running"


@dataclass(frozen=True)
class SlaMiss:
    """A task that had not succeeded in a run when its SLA was over; ``note`` is people's own."""

    id: int
    dag_run_id: int
    dag_id: str
    run_id: str
    task_id: str
    logical_date: datetime | None
    due_at: datetime
    noticed_at: datetime
    note: str | None


@dataclass(frozen=True)
class Deadline:
    """One deadline of a run, at ``position`` among its DAG's; judged when it is due: met or missed."""

    id: int
    dag_run_id: int
    dag_id: str
    run_id: str
    position: int
    name: str | None
    due_at: datetime
    met_at: datetime | None
    missed_at: datetime | None
    note: str | None
