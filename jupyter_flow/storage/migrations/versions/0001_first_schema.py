"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from jupyter_flow.storage.database import NEVER_REUSE_IDS

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
_TABLES = (
    "audit bundle dag dag_file dag_version host import_problem pool variable dag_run event task_instance xcom attempt"
)


def upgrade() -> None:
    """Create all tables and the default pool."""
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("auth", sa.String(length=32), nullable=False),
        sa.Column("ip", sa.String(length=64), nullable=True),
        sa.Column("request_id", sa.String(length=250), nullable=True),
        sa.Column("verb", sa.String(length=64), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=True),
        sa.Column("run_id", sa.String(length=250), nullable=True),
        sa.Column("task_id", sa.String(length=250), nullable=True),
        sa.Column("arguments", sa.Text(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_table(
        "bundle",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("bundle_hash", sa.String(length=64), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bundle")),
        sa.UniqueConstraint("bundle_hash", name=op.f("uq_bundle_bundle_hash")),
    )
    op.create_table(
        "dag",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("namespace", sa.String(length=250), server_default="default", nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("dag_folder", sa.Text(), nullable=False),
        sa.Column("dag_file", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("start_date", INSTANT, nullable=True),
        sa.Column("end_date", INSTANT, nullable=True),
        sa.Column("catchup", sa.Boolean(), nullable=False),
        sa.Column("max_active_runs", sa.Integer(), nullable=False),
        sa.Column("max_active_tasks", sa.Integer(), nullable=False),
        sa.Column("next_logical_date", INSTANT, nullable=True),
        sa.Column("next_interval_start", INSTANT, nullable=True),
        sa.Column("next_interval_end", INSTANT, nullable=True),
        sa.Column("next_run_after", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dag")),
        sa.UniqueConstraint("dag_id", name=op.f("uq_dag_dag_id")),
    )
    op.create_index(op.f("ix_dag_dag_folder_dag_file"), "dag", ["dag_folder", "dag_file"], unique=False)
    op.create_index(op.f("ix_dag_next_run_after"), "dag", ["next_run_after"], unique=False)
    op.create_table(
        "dag_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dag_folder", sa.Text(), nullable=False),
        sa.Column("dag_file", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("depends_on", sa.Text(), nullable=False),
        sa.Column("parsed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dag_file")),
        sa.UniqueConstraint("dag_folder", "dag_file", name=op.f("uq_dag_file_dag_folder_dag_file")),
    )
    op.create_table(
        "dag_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("spec_hash", sa.String(length=64), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("bundle_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dag_version")),
        sa.UniqueConstraint("dag_id", "number", name=op.f("uq_dag_version_dag_id_number")),
    )
    op.create_table(
        "host",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("host_id", sa.String(length=250), nullable=False),
        sa.Column("hostname", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("boot_id", sa.String(length=64), nullable=True),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("heartbeat_at", INSTANT, nullable=False),
        sa.Column("lease_until", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_host")),
        sa.UniqueConstraint("host_id", name=op.f("uq_host_host_id")),
    )
    op.create_table(
        "import_problem",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dag_folder", sa.Text(), nullable=False),
        sa.Column("dag_file", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=True),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("traceback", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_problem")),
    )
    op.create_index(
        op.f("ix_import_problem_dag_folder_dag_file"), "import_problem", ["dag_folder", "dag_file"], unique=False
    )
    op.create_table(
        "pool",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("namespace", sa.String(length=250), server_default="default", nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pool")),
        sa.UniqueConstraint("namespace", "name", name=op.f("uq_pool_namespace_name")),
    )
    op.create_table(
        "variable",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("namespace", sa.String(length=250), server_default="default", nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variable")),
        sa.UniqueConstraint("namespace", "key", name=op.f("uq_variable_namespace_key")),
    )
    op.create_table(
        "dag_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("run_type", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("held_by", sa.String(length=250), nullable=False),
        sa.Column("check_at", INSTANT, nullable=False),
        sa.Column("last_seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("dag_version_id", sa.Integer(), nullable=False),
        sa.Column("logical_date", INSTANT, nullable=True),
        sa.Column("data_interval_start", INSTANT, nullable=True),
        sa.Column("data_interval_end", INSTANT, nullable=True),
        sa.Column("run_after", INSTANT, nullable=False),
        sa.Column("queued_at", INSTANT, nullable=False),
        sa.Column("start_date", INSTANT, nullable=True),
        sa.Column("end_date", INSTANT, nullable=True),
        sa.Column("conf", sa.Text(), nullable=False),
        sa.Column("triggered_by", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=250), nullable=True),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("wall_text", sa.Text(), nullable=True),
        sa.Column("parent_run_id", sa.Integer(), nullable=True),
        sa.Column("asset_event_set", sa.String(length=250), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("cancel_requested_at", INSTANT, nullable=True),
        sa.Column("cancel_requested_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["dag_version_id"], ["dag_version.id"], name=op.f("fk_dag_run_dag_version_id")),
        sa.ForeignKeyConstraint(
            ["parent_run_id"], ["dag_run.id"], name=op.f("fk_dag_run_parent_run_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dag_run")),
        sa.UniqueConstraint("dag_id", "asset_event_set", name=op.f("uq_dag_run_dag_id_asset_event_set")),
        sa.UniqueConstraint("dag_id", "idempotency_key", name=op.f("uq_dag_run_dag_id_idempotency_key")),
        sa.UniqueConstraint("dag_id", "logical_date", name=op.f("uq_dag_run_dag_id_logical_date")),
        sa.UniqueConstraint("dag_id", "run_id", name=op.f("uq_dag_run_dag_id_run_id")),
    )
    op.create_index(op.f("ix_dag_run_dag_version_id"), "dag_run", ["dag_version_id"], unique=False)
    op.create_index(op.f("ix_dag_run_state"), "dag_run", ["state"], unique=False)
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dag_run_id", sa.Integer(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=True),
        sa.Column("task_id", sa.String(length=250), nullable=True),
        sa.Column("map_index", sa.Integer(), nullable=True),
        sa.Column("state_from", sa.String(length=32), nullable=True),
        sa.Column("state_to", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("ip", sa.String(length=64), nullable=True),
        sa.Column("request_id", sa.String(length=250), nullable=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["dag_run_id"], ["dag_run.id"], name=op.f("fk_event_dag_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("dag_run_id", "seq", name=op.f("uq_event_dag_run_id_seq")),
        **NEVER_REUSE_IDS,
    )
    op.create_table(
        "task_instance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dag_run_id", sa.Integer(), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=False),
        sa.Column("map_index", sa.Integer(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("is_notebook", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("held_by", sa.String(length=250), nullable=False),
        sa.Column("check_at", INSTANT, nullable=False),
        sa.Column("try_number", sa.Integer(), nullable=False),
        sa.Column("max_tries", sa.Integer(), nullable=False),
        sa.Column("same_try", sa.Boolean(), nullable=False),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("infra_losses", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.String(length=32), nullable=True),
        sa.Column("pool", sa.String(length=250), nullable=False),
        sa.Column("pool_slots", sa.Integer(), nullable=False),
        sa.Column("priority_weight", sa.Integer(), nullable=False),
        sa.Column("queue", sa.String(length=250), nullable=False),
        sa.Column("scheduled_at", INSTANT, nullable=True),
        sa.Column("queued_at", INSTANT, nullable=True),
        sa.Column("start_date", INSTANT, nullable=True),
        sa.Column("end_date", INSTANT, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("failing_cell", sa.Integer(), nullable=True),
        sa.Column("cancel_requested_at", INSTANT, nullable=True),
        sa.Column("cancel_requested_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["dag_run_id"], ["dag_run.id"], name=op.f("fk_task_instance_dag_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_instance")),
        sa.UniqueConstraint(
            "dag_run_id", "task_id", "map_index", name=op.f("uq_task_instance_dag_run_id_task_id_map_index")
        ),
    )
    op.create_index(op.f("ix_task_instance_attempt_id"), "task_instance", ["attempt_id"], unique=False)
    op.create_index(op.f("ix_task_instance_state"), "task_instance", ["state"], unique=False)
    op.create_table(
        "xcom",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dag_run_id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=False),
        sa.Column("map_index", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("attempt_id", sa.String(length=32), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["dag_run_id"], ["dag_run.id"], name=op.f("fk_xcom_dag_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_xcom")),
        sa.UniqueConstraint(
            "dag_run_id", "task_id", "map_index", "key", name=op.f("uq_xcom_dag_run_id_task_id_map_index_key")
        ),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("task_instance_id", sa.Integer(), nullable=False),
        sa.Column("attempt_number", sa.Integer(), nullable=False),
        sa.Column("try_number", sa.Integer(), nullable=False),
        sa.Column("host_id", sa.String(length=250), nullable=False),
        sa.Column("held_by", sa.String(length=250), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("boot_id", sa.String(length=64), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("start_ticks", sa.BigInteger(), nullable=True),
        sa.Column("executor", sa.String(length=32), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("dag_version_id", sa.Integer(), nullable=False),
        sa.Column("claimed_at", INSTANT, nullable=False),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("failing_cell", sa.Integer(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("signal", sa.Integer(), nullable=True),
        sa.Column("source_sha256", sa.String(length=64), nullable=True),
        sa.Column("kernelspec", sa.Text(), nullable=True),
        sa.Column("interpreter", sa.Text(), nullable=True),
        sa.Column("packages_hash", sa.String(length=64), nullable=True),
        sa.Column("log_path", sa.Text(), nullable=True),
        sa.Column("log_size", sa.BigInteger(), nullable=True),
        sa.Column("log_sha256", sa.String(length=64), nullable=True),
        sa.Column("notebook_path", sa.Text(), nullable=True),
        sa.Column("notebook_size", sa.BigInteger(), nullable=True),
        sa.Column("notebook_sha256", sa.String(length=64), nullable=True),
        sa.Column("peak_rss", sa.BigInteger(), nullable=True),
        sa.Column("cpu_time", sa.Float(), nullable=True),
        sa.Column("rendered", sa.Text(), nullable=True),
        sa.Column("metrics", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["dag_version_id"], ["dag_version.id"], name=op.f("fk_attempt_dag_version_id")),
        sa.ForeignKeyConstraint(
            ["task_instance_id"], ["task_instance.id"], name=op.f("fk_attempt_task_instance_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint(
            "task_instance_id", "attempt_number", name=op.f("uq_attempt_task_instance_id_attempt_number")
        ),
    )
    op.create_index(op.f("ix_attempt_dag_version_id"), "attempt", ["dag_version_id"], unique=False)
    op.execute(
        sa.text("INSERT INTO pool (name, slots, description) VALUES ('default_pool', 128, 'Where tasks go by default')")
    )


def downgrade() -> None:
    """Take all tables away, the last one made first. Alembic's own stays."""
    for table in _TABLES.split()[::-1]:
        op.drop_table(table)
