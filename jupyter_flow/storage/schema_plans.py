"""Tables of what makes runs besides the clock: assets and their events, backfills, missed slots, custom timetables."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, UniqueConstraint, false

from .schema_base import ATTEMPT, ID, key, metadata, namespace
from .types import KEY, NEVER_REUSE_IDS, Count, JsonText, Large, UtcDateTime, Word, Words

__all__ = [
    "asset",
    "asset_event",
    "asset_use",
    "backfill",
    "backfill_slot",
    "missed_slot",
    "run_asset_event",
    "timetable_runs",
]

asset = Table(
    "asset",
    metadata,
    key(),
    namespace(),
    Column("name", ID, nullable=False),
    Column("uri", Words, nullable=False),
    Column("group", ID, nullable=False, server_default="asset"),
    Column("extra", JsonText),
    Column("is_active", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("namespace", "name"),
)

# Where DAGs name assets. ``role``: schedule, inlet or outlet; ``task_id`` is empty for the schedule.
asset_use = Table(
    "asset_use",
    metadata,
    key(),
    Column("asset_id", KEY, ForeignKey("asset.id", ondelete="CASCADE"), nullable=False),
    Column("dag_id", ID, nullable=False),
    Column("task_id", ID, nullable=False),
    Column("role", Word(16), nullable=False),
    UniqueConstraint("asset_id", "dag_id", "task_id", "role"),
    Index(None, "dag_id"),
)

asset_event = Table(
    "asset_event",
    metadata,
    key(),
    Column("asset_id", KEY, ForeignKey("asset.id", ondelete="CASCADE"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("extra", JsonText),
    Column("alias", ID),
    Column("source_dag_id", ID),
    Column("source_run_id", ID),
    Column("source_task_id", ID),
    Column("source_map_index", Count),
    Column("attempt_id", ATTEMPT),
    Column("actor", Words),
    Index(None, "asset_id"),
    **NEVER_REUSE_IDS,
)

# Which events a run was made for. A DAG consumes events in the order of their ids: ``dag.asset_cursor``.
run_asset_event = Table(
    "run_asset_event",
    metadata,
    key(),
    Column("dag_run_id", KEY, ForeignKey("dag_run.id", ondelete="CASCADE"), nullable=False),
    Column("asset_event_id", Large, ForeignKey("asset_event.id", ondelete="CASCADE"), nullable=False),
    UniqueConstraint("dag_run_id", "asset_event_id"),
    Index(None, "asset_event_id"),
)

backfill = Table(
    "backfill",
    metadata,
    key(),
    Column("dag_id", ID, nullable=False),
    Column("from_date", UtcDateTime, nullable=False),
    Column("to_date", UtcDateTime, nullable=False),
    Column("reprocess_behavior", Word(16), nullable=False),
    Column("max_active_runs", Count, nullable=False),
    Column("run_backwards", Boolean, nullable=False),
    Column("conf", JsonText, nullable=False),
    Column("actor", Words, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("completed_at", UtcDateTime),
    Column("cancelled_at", UtcDateTime),
    Column("cancelled_by", Words),
    Column("is_paused", Boolean, nullable=False, server_default=false()),
    Index(None, "dag_id"),
)

# One date of a backfill, in the order in which they run; ``skipped``: why it gets no run.
backfill_slot = Table(
    "backfill_slot",
    metadata,
    key(),
    Column("backfill_id", KEY, ForeignKey("backfill.id", ondelete="CASCADE"), nullable=False),
    Column("position", Count, nullable=False),
    Column("logical_date", UtcDateTime, nullable=False),
    Column("data_interval_start", UtcDateTime, nullable=False),
    Column("data_interval_end", UtcDateTime, nullable=False),
    Column("dag_run_id", KEY, ForeignKey("dag_run.id", ondelete="SET NULL")),
    Column("skipped", Words),
    UniqueConstraint("backfill_id", "logical_date"),
    Index(None, "dag_run_id"),
)

# Scheduled dates that got no run: passed over without catchup, older than the catchup window, or taken.
missed_slot = Table(
    "missed_slot",
    metadata,
    key(),
    Column("dag_id", ID, nullable=False),
    Column("first_logical_date", UtcDateTime, nullable=False),
    Column("last_logical_date", UtcDateTime, nullable=False),
    Column("count", Count),
    Column("reason", JsonText, nullable=False),
    Column("noticed_at", UtcDateTime, nullable=False),
    UniqueConstraint("dag_id", "first_logical_date"),
)

# What a custom timetable answered: the runs that follow the one with logical date ``after`` (ISO 8601, "" for none) as
# ``{"runs": [[run_after, logical date, start, end], …], "ended": whether it said that there are no more for now}``.
timetable_runs = Table(
    "timetable_runs",
    metadata,
    key(),
    Column("dag_version_id", KEY, ForeignKey("dag_version.id", ondelete="CASCADE"), nullable=False),
    Column("after", Word(64), nullable=False),
    Column("runs", JsonText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("dag_version_id", "after"),
)
