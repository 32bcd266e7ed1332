"""Changes: what the deciding core asks for and what the one door of state applies, and how runs are born."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .reason import Reason
from .state import RunState, RunType, TaskState


@dataclass(frozen=True)
class TaskChange:
    """Ask that task instance ``id`` goes to ``state``.

    ``row_version``: the version the asker saw; another one in the database makes the change lose (None: do not
    compare). ``attempt_id``: fence for what an attempt says of itself; the change counts only while that attempt
    is the current one and the task instance is queued or running. ``check_at``: when somebody must look again
    (of ``up_for_retry``: when the retry is due; None: the default of the state). ``at``: the instant to record
    as start or end (None: the transaction's now). ``infra_loss``: counts one loss and stays in the same try.
    ``follow`` and ``label``: what the attempt said (see :class:`.rows.TaskInstance`). ``max_tries``: a new number of
    tries (None: as it was).
    """

    id: int
    task_id: str
    map_index: int
    state: TaskState
    reason: Reason | None = None
    row_version: int | None = None
    attempt_id: str | None = None
    check_at: datetime | None = None
    at: datetime | None = None
    failing_cell: int | None = None
    infra_loss: bool = False
    follow: Mapping[str, Any] | None = None
    label: str | None = None
    max_tries: int | None = None


@dataclass(frozen=True)
class ExpandChange:
    """Ask that the mapped task ``task_id`` (or each task of a mapped group: one change each) has ``length`` instances.

    ``id``: surrogate key of the row with ``map_index`` −1, and the version of it that the asker saw. The row becomes
    ``map_index`` 0, the others are added beside it; ``length`` is at least 1 (zero is a skip of the row itself).
    If the task is expanded already and has grown, ``id`` names the row with ``map_index`` 0, which stays as it is.
    ``max_tries``: tries of the added ones.
    """

    dag_run_id: int
    task_id: str
    id: int
    row_version: int
    length: int
    max_tries: int = 1


@dataclass(frozen=True)
class RunChange:
    """Ask that DAG run ``id`` (surrogate key) goes to ``state``; ``row_version`` as in :class:`TaskChange`.

    ``retries_used``: how often the run was tried again now (None: as it was).
    """

    id: int
    state: RunState
    reason: Reason | None = None
    row_version: int | None = None
    retries_used: int | None = None


Change = TaskChange | ExpandChange | RunChange


@dataclass(frozen=True)
class RunInfo:
    """When a run may start and what it covers: ``[data_interval_start, data_interval_end)``."""

    run_after: datetime
    logical_date: datetime
    data_interval_start: datetime
    data_interval_end: datetime


@dataclass(frozen=True)
class NewRun:
    """A DAG run to be created. ``wall_text``: the due time as written on a wall clock in ``timezone``.

    ``parent_run_id``, ``parent_task_instance_id``: surrogate keys of the run and the task that asked for it, in its
    try ``parent_try_number``.
    """

    dag_id: str
    run_id: str
    run_type: RunType
    run_after: datetime
    logical_date: datetime | None
    data_interval_start: datetime | None
    data_interval_end: datetime | None
    triggered_by: str
    actor: str
    conf: Mapping[str, Any] = field(default_factory=dict)
    timezone: str = "UTC"
    wall_text: str | None = None
    idempotency_key: str | None = None
    parent_run_id: int | None = None
    reason: Reason | None = None
    backfill_id: int | None = None
    asset_event_set: str | None = None
    note: str | None = None
    parent_task_instance_id: int | None = None
    parent_try_number: int | None = None
