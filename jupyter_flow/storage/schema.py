"""The tables: surrogate keys, and the uniqueness that prevents double firing.

``NEVER`` stands in ``check_at`` of rows that nobody has to look at again; the column itself is NOT NULL, so that
no unfinished row can be forgotten.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from .types import NEVER, NEVER_REUSE_IDS, JsonText, UtcDateTime

__all__ = [
    "NEVER",
    "attempt",
    "audit",
    "bundle",
    "dag",
    "dag_file",
    "dag_run",
    "dag_version",
    "event",
    "host",
    "import_problem",
    "metadata",
    "pool",
    "task_instance",
    "variable",
    "xcom",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = String(250)
DIGEST = String(64)


def _key() -> Column[int]:
    return Column("id", Integer, primary_key=True)


def _namespace() -> Column[str]:
    return Column("namespace", ID, nullable=False, server_default="default")


bundle = Table(
    "bundle",
    metadata,
    _key(),
    Column("bundle_hash", DIGEST, nullable=False, unique=True),
    Column("files", JsonText, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

dag = Table(
    "dag",
    metadata,
    _key(),
    _namespace(),
    Column("dag_id", ID, nullable=False, unique=True),
    Column("dag_folder", Text, nullable=False),
    Column("dag_file", Text, nullable=False),
    Column("version_id", Integer, nullable=False),
    Column("version_number", Integer, nullable=False),
    Column("description", Text),
    Column("owner", Text, nullable=False),
    Column("tags", JsonText, nullable=False),
    Column("is_paused", Boolean, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("schedule", JsonText, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("start_date", UtcDateTime),
    Column("end_date", UtcDateTime),
    Column("catchup", Boolean, nullable=False),
    Column("max_active_runs", Integer, nullable=False),
    Column("max_active_tasks", Integer, nullable=False),
    Column("next_logical_date", UtcDateTime),
    Column("next_interval_start", UtcDateTime),
    Column("next_interval_end", UtcDateTime),
    Column("next_run_after", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index(None, "next_run_after"),
    Index(None, "dag_folder", "dag_file"),
)

dag_version = Table(
    "dag_version",
    metadata,
    _key(),
    Column("dag_id", ID, nullable=False),
    Column("number", Integer, nullable=False),
    Column("spec_hash", DIGEST, nullable=False),
    Column("spec", Text, nullable=False),
    Column("bundle_hash", DIGEST, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("dag_id", "number"),
)

dag_run = Table(
    "dag_run",
    metadata,
    _key(),
    Column("dag_id", ID, nullable=False),
    Column("run_id", ID, nullable=False),
    Column("run_type", String(32), nullable=False),
    Column("state", String(32), nullable=False),
    Column("row_version", Integer, nullable=False),
    Column("held_by", ID, nullable=False),
    Column("check_at", UtcDateTime, nullable=False),
    Column("last_seq", Integer, nullable=False, server_default="0"),
    Column("dag_version_id", Integer, ForeignKey("dag_version.id"), nullable=False),
    Column("logical_date", UtcDateTime),
    Column("data_interval_start", UtcDateTime),
    Column("data_interval_end", UtcDateTime),
    Column("run_after", UtcDateTime, nullable=False),
    Column("queued_at", UtcDateTime, nullable=False),
    Column("start_date", UtcDateTime),
    Column("end_date", UtcDateTime),
    Column("conf", JsonText, nullable=False),
    Column("triggered_by", String(64), nullable=False),
    Column("actor", Text, nullable=False),
    Column("idempotency_key", ID),
    Column("timezone", String(64), nullable=False),
    Column("wall_text", Text),
    Column("parent_run_id", Integer, ForeignKey("dag_run.id", ondelete="SET NULL")),
    Column("asset_event_set", ID),
    Column("reason", JsonText),
    Column("cancel_requested_at", UtcDateTime),
    Column("cancel_requested_by", Text),
    UniqueConstraint("dag_id", "run_id"),
    UniqueConstraint("dag_id", "logical_date"),
    UniqueConstraint("dag_id", "asset_event_set"),
    UniqueConstraint("dag_id", "idempotency_key"),
    Index(None, "state"),
    Index(None, "dag_version_id"),
)

task_instance = Table(
    "task_instance",
    metadata,
    _key(),
    Column("dag_run_id", Integer, ForeignKey("dag_run.id", ondelete="CASCADE"), nullable=False),
    Column("dag_id", ID, nullable=False),
    Column("run_id", ID, nullable=False),
    Column("task_id", ID, nullable=False),
    Column("map_index", Integer, nullable=False),
    Column("operator", Text, nullable=False),
    Column("is_notebook", Boolean, nullable=False),
    Column("state", String(32), nullable=False),
    Column("row_version", Integer, nullable=False),
    Column("held_by", ID, nullable=False),
    Column("check_at", UtcDateTime, nullable=False),
    Column("try_number", Integer, nullable=False),
    Column("max_tries", Integer, nullable=False),
    Column("same_try", Boolean, nullable=False),
    Column("attempt_count", Integer, nullable=False),
    Column("infra_losses", Integer, nullable=False),
    Column("attempt_id", String(32)),
    Column("pool", ID, nullable=False),
    Column("pool_slots", Integer, nullable=False),
    Column("priority_weight", Integer, nullable=False),
    Column("queue", ID, nullable=False),
    Column("scheduled_at", UtcDateTime),
    Column("queued_at", UtcDateTime),
    Column("start_date", UtcDateTime),
    Column("end_date", UtcDateTime),
    Column("reason", JsonText),
    Column("failing_cell", Integer),
    Column("cancel_requested_at", UtcDateTime),
    Column("cancel_requested_by", Text),
    UniqueConstraint("dag_run_id", "task_id", "map_index"),
    Index(None, "state"),
    Index(None, "attempt_id"),
)

attempt = Table(
    "attempt",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("task_instance_id", Integer, ForeignKey("task_instance.id", ondelete="CASCADE"), nullable=False),
    Column("attempt_number", Integer, nullable=False),
    Column("try_number", Integer, nullable=False),
    Column("host_id", ID, nullable=False),
    Column("held_by", ID, nullable=False),
    Column("token_hash", DIGEST, nullable=False),
    Column("boot_id", String(64)),
    Column("pid", Integer),
    Column("start_ticks", BigInteger),
    Column("executor", String(32), nullable=False),
    Column("worker", Text),
    Column("dag_version_id", Integer, ForeignKey("dag_version.id"), nullable=False),
    Column("claimed_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("outcome", String(16)),
    Column("reason", JsonText),
    Column("failing_cell", Integer),
    Column("exit_code", Integer),
    Column("signal", Integer),
    Column("source_sha256", DIGEST),
    Column("kernelspec", Text),
    Column("interpreter", Text),
    Column("packages_hash", DIGEST),
    Column("log_path", Text),
    Column("log_size", BigInteger),
    Column("log_sha256", DIGEST),
    Column("notebook_path", Text),
    Column("notebook_size", BigInteger),
    Column("notebook_sha256", DIGEST),
    Column("peak_rss", BigInteger),
    Column("cpu_time", Float),
    Column("rendered", JsonText),
    Column("metrics", JsonText),
    UniqueConstraint("task_instance_id", "attempt_number"),
    Index(None, "dag_version_id"),
)

event = Table(
    "event",
    metadata,
    _key(),
    Column("dag_run_id", Integer, ForeignKey("dag_run.id", ondelete="CASCADE")),
    Column("seq", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("dag_id", ID, nullable=False),
    Column("run_id", ID),
    Column("task_id", ID),
    Column("map_index", Integer),
    Column("state_from", String(32)),
    Column("state_to", String(32)),
    Column("reason", JsonText),
    Column("actor", Text),
    Column("ip", String(64)),
    Column("request_id", ID),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("dag_run_id", "seq"),
    **NEVER_REUSE_IDS,
)

xcom = Table(
    "xcom",
    metadata,
    _key(),
    Column("dag_run_id", Integer, ForeignKey("dag_run.id", ondelete="CASCADE"), nullable=False),
    Column("task_id", ID, nullable=False),
    Column("map_index", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("value", Text),
    Column("reference", Text),
    Column("type", String(32), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("length", Integer),
    Column("sha256", DIGEST, nullable=False),
    Column("attempt_id", String(32)),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("dag_run_id", "task_id", "map_index", "key"),
)

variable = Table(
    "variable",
    metadata,
    _key(),
    _namespace(),
    Column("key", ID, nullable=False),
    Column("value", Text, nullable=False),
    Column("description", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("namespace", "key"),
)

pool = Table(
    "pool",
    metadata,
    _key(),
    _namespace(),
    Column("name", ID, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("description", Text),
    UniqueConstraint("namespace", "name"),
)

dag_file = Table(
    "dag_file",
    metadata,
    _key(),
    Column("dag_folder", Text, nullable=False),
    Column("dag_file", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("sha256", DIGEST, nullable=False),
    Column("depends_on", JsonText, nullable=False),
    Column("parsed_at", UtcDateTime, nullable=False),
    UniqueConstraint("dag_folder", "dag_file"),
)

import_problem = Table(
    "import_problem",
    metadata,
    _key(),
    Column("dag_folder", Text, nullable=False),
    Column("dag_file", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("dag_id", ID),
    Column("line", Integer),
    Column("message", Text, nullable=False),
    Column("traceback", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "dag_folder", "dag_file"),
)

host = Table(
    "host",
    metadata,
    _key(),
    Column("host_id", ID, nullable=False, unique=True),
    Column("hostname", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("boot_id", String(64)),
    Column("version", String(32), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
    Column("lease_until", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
)

audit = Table(
    "audit",
    metadata,
    _key(),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("auth", String(32), nullable=False),
    Column("ip", String(64)),
    Column("request_id", ID),
    Column("verb", String(64), nullable=False),
    Column("dag_id", ID),
    Column("run_id", ID),
    Column("task_id", ID),
    Column("arguments", JsonText),
    Column("outcome", String(16), nullable=False),
    Column("message", Text),
)
