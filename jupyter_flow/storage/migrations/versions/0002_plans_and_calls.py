"""Groups, mapping, sensors, assets, backfills, callbacks, SLAs, deadlines, custom timetables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from jupyter_flow.storage.database import NEVER_REUSE_IDS

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
_TABLES = (
    "asset backfill missed_slot asset_event asset_use timetable_runs "
    "backfill_slot deadline run_asset_event sla_miss callback"
)
_COLUMNS = {
    "dag": "catchup_window max_consecutive_failed_dag_runs asset_cursor",
    "dag_run": "retries_used backfill_id note sla_at parent_task_instance_id parent_try_number",
    "task_instance": "follow label first_started_at reschedules",
}
_INDEXES_OF_RUNS = "backfill_id sla_at parent_run_id dag_id_run_after dag_id_run_type_logical_date"


def upgrade() -> None:
    """Add the tables and columns of what makes runs besides the clock, and of what follows from them."""
    op.create_table(
        "asset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("namespace", sa.String(length=250), server_default="default", nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("group", sa.String(length=250), server_default="asset", nullable=False),
        sa.Column("extra", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset")),
        sa.UniqueConstraint("namespace", "name", name=op.f("uq_asset_namespace_name")),
    )
    op.create_table(
        "backfill",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("from_date", INSTANT, nullable=False),
        sa.Column("to_date", INSTANT, nullable=False),
        sa.Column("reprocess_behavior", sa.String(length=16), nullable=False),
        sa.Column("max_active_runs", sa.Integer(), nullable=False),
        sa.Column("run_backwards", sa.Boolean(), nullable=False),
        sa.Column("conf", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("completed_at", INSTANT, nullable=True),
        sa.Column("cancelled_at", INSTANT, nullable=True),
        sa.Column("cancelled_by", sa.Text(), nullable=True),
        sa.Column("is_paused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backfill")),
    )
    op.create_index(op.f("ix_backfill_dag_id"), "backfill", ["dag_id"], unique=False)
    op.create_table(
        "missed_slot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("first_logical_date", INSTANT, nullable=False),
        sa.Column("last_logical_date", INSTANT, nullable=False),
        sa.Column("count", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("noticed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_missed_slot")),
        sa.UniqueConstraint("dag_id", "first_logical_date", name=op.f("uq_missed_slot_dag_id_first_logical_date")),
    )
    op.create_table(
        "asset_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("extra", sa.Text(), nullable=True),
        sa.Column("alias", sa.String(length=250), nullable=True),
        sa.Column("source_dag_id", sa.String(length=250), nullable=True),
        sa.Column("source_run_id", sa.String(length=250), nullable=True),
        sa.Column("source_task_id", sa.String(length=250), nullable=True),
        sa.Column("source_map_index", sa.Integer(), nullable=True),
        sa.Column("attempt_id", sa.String(length=32), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name=op.f("fk_asset_event_asset_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset_event")),
        **NEVER_REUSE_IDS,
    )
    op.create_index(op.f("ix_asset_event_asset_id"), "asset_event", ["asset_id"], unique=False)
    op.create_table(
        "asset_use",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name=op.f("fk_asset_use_asset_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset_use")),
        sa.UniqueConstraint(
            "asset_id", "dag_id", "task_id", "role", name=op.f("uq_asset_use_asset_id_dag_id_task_id_role")
        ),
    )
    op.create_index(op.f("ix_asset_use_dag_id"), "asset_use", ["dag_id"], unique=False)
    op.create_table(
        "timetable_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dag_version_id", sa.Integer(), nullable=False),
        sa.Column("after", sa.String(length=64), nullable=False),
        sa.Column("runs", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["dag_version_id"], ["dag_version.id"], name=op.f("fk_timetable_runs_dag_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timetable_runs")),
        sa.UniqueConstraint("dag_version_id", "after", name=op.f("uq_timetable_runs_dag_version_id_after")),
    )
    op.create_table(
        "backfill_slot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("backfill_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("logical_date", INSTANT, nullable=False),
        sa.Column("data_interval_start", INSTANT, nullable=False),
        sa.Column("data_interval_end", INSTANT, nullable=False),
        sa.Column("dag_run_id", sa.Integer(), nullable=True),
        sa.Column("skipped", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["backfill_id"], ["backfill.id"], name=op.f("fk_backfill_slot_backfill_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["dag_run_id"], ["dag_run.id"], name=op.f("fk_backfill_slot_dag_run_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backfill_slot")),
        sa.UniqueConstraint("backfill_id", "logical_date", name=op.f("uq_backfill_slot_backfill_id_logical_date")),
    )
    op.create_table(
        "deadline",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dag_run_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("met_at", INSTANT, nullable=True),
        sa.Column("missed_at", INSTANT, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["dag_run_id"], ["dag_run.id"], name=op.f("fk_deadline_dag_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deadline")),
        sa.UniqueConstraint("dag_run_id", "position", name=op.f("uq_deadline_dag_run_id_position")),
    )
    op.create_index(
        op.f("ix_deadline_met_at_missed_at_due_at"), "deadline", ["met_at", "missed_at", "due_at"], unique=False
    )
    op.create_table(
        "run_asset_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dag_run_id", sa.Integer(), nullable=False),
        sa.Column("asset_event_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_event_id"], ["asset_event.id"], name=op.f("fk_run_asset_event_asset_event_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["dag_run_id"], ["dag_run.id"], name=op.f("fk_run_asset_event_dag_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_asset_event")),
        sa.UniqueConstraint(
            "dag_run_id",
            "asset_event_id",
            name=op.f("uq_run_asset_event_dag_run_id_asset_event_id"),
        ),
    )
    op.create_table(
        "sla_miss",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dag_run_id", sa.Integer(), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=False),
        sa.Column("logical_date", INSTANT, nullable=True),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("noticed_at", INSTANT, nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["dag_run_id"], ["dag_run.id"], name=op.f("fk_sla_miss_dag_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_miss")),
        sa.UniqueConstraint("dag_run_id", "task_id", name=op.f("uq_sla_miss_dag_run_id_task_id")),
    )
    op.create_index(op.f("ix_sla_miss_dag_id"), "sla_miss", ["dag_id"], unique=False)
    op.create_table(
        "callback",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dag_run_id", sa.Integer(), nullable=False),
        sa.Column("task_instance_id", sa.Integer(), nullable=True),
        sa.Column("dag_version_id", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("held_by", sa.String(length=250), nullable=False),
        sa.Column("check_at", INSTANT, nullable=False),
        sa.Column("starts", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.String(length=32), nullable=True),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("boot_id", sa.String(length=64), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("start_ticks", sa.BigInteger(), nullable=True),
        sa.Column("log_path", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["dag_run_id"], ["dag_run.id"], name=op.f("fk_callback_dag_run_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["dag_version_id"], ["dag_version.id"], name=op.f("fk_callback_dag_version_id")),
        sa.ForeignKeyConstraint(
            ["task_instance_id"], ["task_instance.id"], name=op.f("fk_callback_task_instance_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback")),
        sa.UniqueConstraint(
            "dag_run_id", "level", "event", "source", name=op.f("uq_callback_dag_run_id_level_event_source")
        ),
    )
    op.create_index(op.f("ix_callback_attempt_id"), "callback", ["attempt_id"], unique=False)
    op.create_index(op.f("ix_callback_finished_at"), "callback", ["finished_at"], unique=False)
    op.add_column("dag", sa.Column("catchup_window", sa.Float(), nullable=True))
    op.add_column("dag", sa.Column("max_consecutive_failed_dag_runs", sa.Integer(), server_default="0", nullable=False))
    op.add_column("dag", sa.Column("asset_cursor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("dag_run", sa.Column("retries_used", sa.Integer(), server_default="0", nullable=False))
    op.add_column("dag_run", sa.Column("backfill_id", sa.Integer(), nullable=True))
    op.add_column("dag_run", sa.Column("note", sa.Text(), nullable=True))
    op.add_column("dag_run", sa.Column("sla_at", INSTANT, nullable=True))
    op.add_column("dag_run", sa.Column("parent_task_instance_id", sa.Integer(), nullable=True))
    op.add_column("dag_run", sa.Column("parent_try_number", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_dag_run_backfill_id"), "dag_run", ["backfill_id"], unique=False)
    op.create_index(op.f("ix_dag_run_sla_at"), "dag_run", ["sla_at"], unique=False)
    op.create_index(op.f("ix_dag_run_parent_run_id"), "dag_run", ["parent_run_id"], unique=False)
    op.create_index(op.f("ix_dag_run_dag_id_run_after"), "dag_run", ["dag_id", "run_after"], unique=False)
    op.create_index(
        op.f("ix_dag_run_dag_id_run_type_logical_date"), "dag_run", ["dag_id", "run_type", "logical_date"], unique=False
    )
    op.add_column("task_instance", sa.Column("follow", sa.Text(), nullable=True))
    op.add_column("task_instance", sa.Column("label", sa.Text(), nullable=True))
    op.add_column("task_instance", sa.Column("first_started_at", INSTANT, nullable=True))
    op.add_column("task_instance", sa.Column("reschedules", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    """Take these tables, indexes and columns away again."""
    for index in _INDEXES_OF_RUNS.split():
        op.drop_index(op.f(f"ix_dag_run_{index}"), "dag_run")
    for table, columns in _COLUMNS.items():  # one by one: to rebuild a table would delete the rows that hang on it
        for column in columns.split():
            op.drop_column(table, column)
    for table in _TABLES.split()[::-1]:
        op.drop_table(table)
