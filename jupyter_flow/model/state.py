"""States of task instances and DAG runs, and the one table of legal transitions.

Names are Airflow's (task-sdk 1.3), with ``waiting`` for Airflow's *no status* and ``cancelled`` added.
"""

from __future__ import annotations

from enum import StrEnum

from .errors import IllegalTransition


class TaskState(StrEnum):
    """State of a task instance. Never called "status"."""

    WAITING = "waiting"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    UP_FOR_RETRY = "up_for_retry"
    UP_FOR_RESCHEDULE = "up_for_reschedule"
    UPSTREAM_FAILED = "upstream_failed"
    REMOVED = "removed"


class RunState(StrEnum):
    """State of a DAG run."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RunType(StrEnum):
    """What created a DAG run; also the prefix of its ``run_id``."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"
    BACKFILL = "backfill"
    ASSET_TRIGGERED = "asset_triggered"
    OPERATOR_TRIGGERED = "operator_triggered"


_T, _R = TaskState, RunState

TASK_TERMINAL = frozenset({_T.SUCCESS, _T.FAILED, _T.SKIPPED, _T.CANCELLED, _T.UPSTREAM_FAILED, _T.REMOVED})
TASK_FAILED = frozenset({_T.FAILED, _T.CANCELLED, _T.UPSTREAM_FAILED})
"""States that count as failed for trigger rules and ``depends_on_past``."""
TASK_ACTIVE = frozenset({_T.QUEUED, _T.RUNNING})
"""States in which a task instance holds a slot."""
RUN_TERMINAL = frozenset({_R.SUCCESS, _R.FAILED, _R.CANCELLED})

_MARKS = frozenset({_T.SUCCESS, _T.FAILED, _T.SKIPPED})
_ENDS_OF_ATTEMPTS = frozenset({_T.SCHEDULED, _T.UP_FOR_RETRY, _T.UP_FOR_RESCHEDULE, _T.CANCELLED}) | _MARKS
TASK_TRANSITIONS: dict[TaskState, frozenset[TaskState]] = {
    _T.WAITING: frozenset({_T.SCHEDULED, _T.UPSTREAM_FAILED, _T.CANCELLED, _T.REMOVED}) | _MARKS,
    _T.SCHEDULED: frozenset({_T.QUEUED, _T.WAITING, _T.CANCELLED, _T.REMOVED, _T.UPSTREAM_FAILED}) | _MARKS,
    _T.QUEUED: _ENDS_OF_ATTEMPTS | {_T.RUNNING, _T.WAITING},
    _T.RUNNING: _ENDS_OF_ATTEMPTS | {_T.WAITING},
    _T.UP_FOR_RETRY: frozenset({_T.SCHEDULED, _T.WAITING, _T.CANCELLED, _T.REMOVED}) | _MARKS,
    _T.UP_FOR_RESCHEDULE: frozenset({_T.SCHEDULED, _T.WAITING, _T.CANCELLED, _T.REMOVED}) | _MARKS,
    **{state: (frozenset({_T.WAITING, _T.REMOVED}) | _MARKS) - {state} for state in TASK_TERMINAL - {_T.REMOVED}},
    _T.REMOVED: frozenset({_T.WAITING}),
}
"""From a state to those that may follow. A *clear* leads to ``waiting``, the loss of an attempt to ``scheduled``."""

RUN_TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    _R.QUEUED: frozenset({_R.RUNNING, _R.SUCCESS, _R.FAILED, _R.CANCELLED}),
    _R.RUNNING: frozenset({_R.SUCCESS, _R.FAILED, _R.CANCELLED, _R.QUEUED}),
    _R.SUCCESS: frozenset({_R.QUEUED, _R.FAILED}),
    _R.FAILED: frozenset({_R.QUEUED, _R.SUCCESS}),
    _R.CANCELLED: frozenset({_R.QUEUED}),
}


def check_task_transition(old: TaskState, new: TaskState, story: str) -> None:
    """Raise :class:`IllegalTransition` with the row's ``story`` unless ``old -> new`` is in the table."""
    if new not in TASK_TRANSITIONS[old]:
        raise IllegalTransition(f"task instance {story}: {old} -> {new} is not a legal transition")


def check_run_transition(old: RunState, new: RunState, story: str) -> None:
    """Raise :class:`IllegalTransition` with the row's ``story`` unless ``old -> new`` is in the table."""
    if new not in RUN_TRANSITIONS[old]:
        raise IllegalTransition(f"DAG run {story}: {old} -> {new} is not a legal transition")
