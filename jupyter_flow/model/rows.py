"""What the drawer hands out: one frozen record per table row that other rooms read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from .reason import Reason
from .spec import ScheduleSpec
from .state import RunState, RunType, TaskState


@dataclass(frozen=True)
class Dag:
    """A DAG as the house knows it. ``next_*`` describe the next scheduled run, None if there is none."""

    id: int
    dag_id: str
    dag_folder: str
    dag_file: str
    version_id: int
    version_number: int
    description: str | None
    owner: str
    tags: tuple[str, ...]
    is_paused: bool
    is_active: bool
    schedule: ScheduleSpec
    timezone: str
    start_date: datetime | None
    end_date: datetime | None
    catchup: bool
    max_active_runs: int
    max_active_tasks: int
    next_logical_date: datetime | None
    next_interval_start: datetime | None
    next_interval_end: datetime | None
    next_run_after: datetime | None
    catchup_window: float | None = None
    max_consecutive_failed_dag_runs: int = 0
    asset_cursor: int = 0


@dataclass(frozen=True)
class DagVersion:
    """One stored version of a DAG; ``spec`` is the canonical JSON text, ``bundle_hash`` names its bundle."""

    id: int
    dag_id: str
    number: int
    spec_hash: str
    spec: str
    bundle_hash: str
    created_at: datetime


@dataclass(frozen=True)
class DagRun:
    """One execution of a DAG.

    ``parent_run_id``, ``parent_task_instance_id``: surrogate keys of who asked for it, in try ``parent_try_number``.
    ``held_by``: id of the host that decides it; ``scheduler`` while it is queued, empty when it has ended.
    """

    id: int
    dag_id: str
    run_id: str
    run_type: RunType
    state: RunState
    row_version: int
    dag_version_id: int
    logical_date: datetime | None
    data_interval_start: datetime | None
    data_interval_end: datetime | None
    run_after: datetime
    queued_at: datetime
    start_date: datetime | None
    end_date: datetime | None
    conf: Mapping[str, Any]
    triggered_by: str
    actor: str
    timezone: str
    reason: Reason | None
    cancel_requested_at: datetime | None
    cancel_requested_by: str | None
    retries_used: int = 0
    backfill_id: int | None = None
    parent_run_id: int | None = None
    asset_event_set: str | None = None
    note: str | None = None
    parent_task_instance_id: int | None = None
    parent_try_number: int | None = None
    wall_text: str | None = None
    held_by: str = ""


@dataclass(frozen=True)
class ParentTask:
    """The task instance that asked for a run; ``task_id`` is None if that is not known any more."""

    dag_id: str
    run_id: str
    task_id: str | None
    map_index: int = -1


@dataclass(frozen=True)
class TaskInstance:
    """One task in one run. ``try_number`` is 0 until its first attempt is claimed, then counts from 1.

    ``follow``: what a branching task let go on (see :class:`.records.Report`). ``label``: name of a mapped task
    instance. ``first_started_at``: when the first attempt of this try began, ``reschedules``: how often it asked
    to be started again later. A mapped task that is not expanded yet is one row with ``map_index`` −1.
    """

    id: int
    dag_run_id: int
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    operator: str
    state: TaskState
    row_version: int
    try_number: int
    max_tries: int
    attempt_count: int
    infra_losses: int
    attempt_id: str | None
    scheduled_at: datetime | None
    queued_at: datetime | None
    start_date: datetime | None
    end_date: datetime | None
    check_at: datetime | None
    reason: Reason | None
    failing_cell: int | None
    cancel_requested_at: datetime | None
    cancel_requested_by: str | None
    follow: Mapping[str, Any] | None = None
    label: str | None = None
    first_started_at: datetime | None = None
    reschedules: int = 0


@dataclass(frozen=True)
class Attempt:
    """One execution of a task instance. ``pid``/``start_ticks``/``boot_id`` identify its process.

    ``worker``: the Dask worker that asked to start it, and was allowed to. ``host_id``: the host that claimed it (its
    spool is in the home of that one), ``held_by``: the host that looks after it now.
    """

    id: str
    task_instance_id: int
    attempt_number: int
    try_number: int
    host_id: str
    dag_version_id: int
    boot_id: str | None
    pid: int | None
    start_ticks: int | None
    claimed_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    outcome: str | None
    reason: Reason | None
    failing_cell: int | None
    exit_code: int | None
    signal: int | None
    log_path: str | None
    notebook_path: str | None
    kernelspec: str | None = None
    log_size: int | None = None
    notebook_size: int | None = None
    peak_rss: int | None = None
    cpu_time: float | None = None
    rendered: Mapping[str, Any] | None = None
    metrics: tuple[Mapping[str, Any], ...] = ()
    samples: tuple[Sequence[float], ...] = ()
    worker: str | None = None
    held_by: str = ""


@dataclass(frozen=True)
class Event:
    """One committed change. ``id`` grows over all runs (the cursor), ``seq`` is gapless within a run."""

    id: int
    seq: int
    kind: str
    dag_id: str
    run_id: str | None
    task_id: str | None
    map_index: int | None
    state_from: str | None
    state_to: str | None
    reason: Reason | None
    actor: str | None
    at: datetime


@dataclass(frozen=True)
class ImportProblem:
    """Why a DAG file does not load (``kind`` error), or a warning about one of its DAGs."""

    dag_folder: str
    dag_file: str
    line: int | None
    message: str
    traceback: str | None
    created_at: datetime
    kind: Literal["error", "warning"] = "error"
    dag_id: str | None = None


@dataclass(frozen=True)
class DagFile:
    """A DAG file as it was when last parsed; ``depends_on`` are files of its bundle, relative to the folder."""

    dag_folder: str
    dag_file: str
    size: int
    mtime_ns: int
    sha256: str
    depends_on: tuple[str, ...]
    parsed_at: datetime


@dataclass(frozen=True)
class XCom:
    """One pushed value with what is known of it (``size`` in bytes of its JSON text).

    ``reference``: where the value is if it is kept outside the database (``value`` is None then); ``length``: number
    of its items if it has any.
    """

    task_id: str
    map_index: int
    key: str
    value: Any
    type: str
    size: int
    sha256: str
    attempt_id: str | None
    created_at: datetime
    reference: str | None = None
    length: int | None = None


@dataclass(frozen=True)
class Variable:
    """A named value of the house, text as authors set it."""

    key: str
    value: str
    description: str | None
    updated_at: datetime


@dataclass(frozen=True)
class MissedSlot:
    """Scheduled dates that got no run: the logical dates of the first and the last, how many (None: not counted)."""

    dag_id: str
    first_logical_date: datetime
    last_logical_date: datetime
    count: int | None
    reason: Reason
    noticed_at: datetime


@dataclass(frozen=True)
class Host:
    """A host process; ``ended_at`` is None while it holds (or was killed holding) its lease.

    ``queues`` (beside ``default``) and ``dag_folders``: what it serves.
    """

    host_id: str
    hostname: str
    pid: int
    boot_id: str | None
    version: str
    started_at: datetime
    heartbeat_at: datetime
    lease_until: datetime
    ended_at: datetime | None
    home: str = ""
    queues: tuple[str, ...] = ()
    dag_folders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Backfill:
    """A request to run past dates ``[from_date, to_date]`` of a DAG. ``conf``: of its runs.

    ``reprocess_behavior``: ``none`` leaves dates alone that have a run, ``failed`` runs failed ones again,
    ``completed`` every finished one. ``is_paused``: no further run of it is made for now.
    """

    id: int
    dag_id: str
    from_date: datetime
    to_date: datetime
    reprocess_behavior: str
    max_active_runs: int
    run_backwards: bool
    conf: Mapping[str, Any]
    actor: str
    created_at: datetime
    completed_at: datetime | None
    cancelled_at: datetime | None
    cancelled_by: str | None
    is_paused: bool


@dataclass(frozen=True)
class BackfillSlot:
    """One date of a backfill with its run, if it has one (``state``: of that run), or why it gets none."""

    logical_date: datetime
    data_interval_start: datetime
    data_interval_end: datetime
    run_id: str | None
    state: RunState | None
    skipped: str | None


@dataclass(frozen=True)
class Pool:
    """A named number of slots that tasks share; ``slots`` −1: as many as wanted."""

    name: str
    slots: int
    description: str | None


@dataclass(frozen=True)
class PoolUse:
    """Slots of a pool that task instances hold (running, queued) or wait for (scheduled)."""

    running: int = 0
    queued: int = 0
    scheduled: int = 0


@dataclass(frozen=True)
class Asset:
    """A name for data. ``is_active``: some DAG names it (with more than a mere reference)."""

    id: int
    name: str
    uri: str
    group: str
    extra: Mapping[str, Any]
    is_active: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class AssetEvent:
    """Something happened to an asset: a task succeeded that has it as an outlet (``source_*``), or ``actor`` said so.

    ``alias``: through which alias the task named it.
    """

    id: int
    name: str
    uri: str
    at: datetime
    extra: Mapping[str, Any]
    alias: str | None
    source_dag_id: str | None
    source_run_id: str | None
    source_task_id: str | None
    source_map_index: int | None
    actor: str | None
