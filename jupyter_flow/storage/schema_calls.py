"""Tables of what follows from runs: callbacks to be run, missed SLAs and deadlines."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint

from .schema_base import ATTEMPT, DIGEST, ID, key, metadata
from .types import KEY, Count, JsonText, Large, UtcDateTime, Word, Words

__all__ = ["callback", "deadline", "sla_miss"]

# One callback of a task or a DAG, made in the transaction of the change that calls for it. ``source`` names that
# change (an attempt, a version of the run, a miss): with ``event`` and the run it is unique, so none is made twice.
# Not begun: ``attempt_id`` is NULL. ``attempt_id`` names its spool; ``outcome``: success, failed or lost.
callback = Table(
    "callback",
    metadata,
    key(),
    Column("dag_run_id", KEY, ForeignKey("dag_run.id", ondelete="CASCADE"), nullable=False),
    Column("task_instance_id", KEY, ForeignKey("task_instance.id", ondelete="CASCADE")),
    Column("dag_version_id", KEY, ForeignKey("dag_version.id"), nullable=False),
    Column("level", Word(16), nullable=False),
    Column("event", Word(32), nullable=False),
    Column("source", Word(80), nullable=False),
    Column("facts", JsonText, nullable=False),
    Column("held_by", ID, nullable=False),
    Column("check_at", UtcDateTime, nullable=False),
    Column("starts", Count, nullable=False),
    Column("attempt_id", ATTEMPT),
    Column("token_hash", DIGEST),
    Column("boot_id", Word(64)),
    Column("pid", Count),
    Column("start_ticks", Large),
    Column("log_path", Words),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("outcome", Word(16)),
    Column("reason", JsonText),
    UniqueConstraint("dag_run_id", "level", "event", "source"),
    Index(None, "finished_at"),
    Index(None, "attempt_id"),
    Index(None, "task_instance_id"),
    Index(None, "dag_version_id"),
)

# ``dag_run.sla_at`` says when the next SLA of a run is to be looked at (NULL: none is left).
sla_miss = Table(
    "sla_miss",
    metadata,
    key(),
    Column("dag_run_id", KEY, ForeignKey("dag_run.id", ondelete="CASCADE"), nullable=False),
    Column("dag_id", ID, nullable=False),
    Column("task_id", ID, nullable=False),
    Column("logical_date", UtcDateTime),
    Column("due_at", UtcDateTime, nullable=False),
    Column("noticed_at", UtcDateTime, nullable=False),
    Column("note", Words),
    UniqueConstraint("dag_run_id", "task_id"),
    Index(None, "dag_id"),
)

# A deadline of a run; ``position`` among the DAG's deadlines. It is judged when it is due: met or missed.
deadline = Table(
    "deadline",
    metadata,
    key(),
    Column("dag_run_id", KEY, ForeignKey("dag_run.id", ondelete="CASCADE"), nullable=False),
    Column("position", Count, nullable=False),
    Column("name", Words),
    Column("due_at", UtcDateTime, nullable=False),
    Column("met_at", UtcDateTime),
    Column("missed_at", UtcDateTime),
    Column("note", Words),
    UniqueConstraint("dag_run_id", "position"),
    Index(None, "met_at", "missed_at", "due_at"),
)
