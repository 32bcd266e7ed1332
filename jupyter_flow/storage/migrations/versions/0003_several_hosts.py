"""Several hosts on one database, resource groups, and what attempts used while they ran."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from jupyter_flow.storage import upkeep

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INDEXES = (  # by which rows are found whose parent is deleted, and runs by their age
    ("dag_run", "end_date"),
    ("callback", "task_instance_id"),
    ("callback", "dag_version_id"),
    ("backfill_slot", "dag_run_id"),
    ("run_asset_event", "asset_event_id"),
)
_GRID = ["dag_run_id", "task_id", "map_index", "state"]
"""All that a grid of tasks and runs reads."""
_ALONE = "asset audit backfill bundle dag_file dag_version host import_problem missed_slot pool variable"
_OF_RUN = "deadline event run_asset_event sla_miss task_instance xcom"
_KEYS = {
    **{table: ["id"] for table in _ALONE.split()},
    **{table: ["id", "dag_run_id"] for table in _OF_RUN.split()},
    "asset_event": ["id", "asset_id"],
    "asset_use": ["id", "asset_id"],
    "dag": ["id", "version_id"],
    "dag_run": ["id", "dag_version_id", "parent_run_id", "backfill_id", "parent_task_instance_id"],
    "timetable_runs": ["id", "dag_version_id"],
    "backfill_slot": ["id", "backfill_id", "dag_run_id"],
    "attempt": ["task_instance_id", "dag_version_id"],
    "callback": ["id", "dag_run_id", "task_instance_id", "dag_version_id"],
}


def upgrade() -> None:
    """Add where a host lives and what it serves; what a task asks for; samples of what an attempt used."""
    with op.batch_alter_table("host") as table:
        table.add_column(sa.Column("home", sa.Text(), server_default="", nullable=False))
        table.add_column(sa.Column("queues", sa.Text(), nullable=True))
        table.add_column(sa.Column("dag_folders", sa.Text(), nullable=True))
    with op.batch_alter_table("task_instance") as table:
        table.add_column(sa.Column("resource_group", sa.String(length=250), server_default="", nullable=False))
        table.add_column(sa.Column("resources", sa.Text(), nullable=True))
    with op.batch_alter_table("attempt") as table:
        table.add_column(sa.Column("samples", sa.Text(), nullable=True))
    for table_name, column in _INDEXES:
        op.create_index(op.f(f"ix_{table_name}_{column}"), table_name, [column], unique=False)
    op.create_index(op.f("ix_task_instance_" + "_".join(_GRID)), "task_instance", _GRID, unique=False)
    upkeep.widen_keys(op.get_bind(), _KEYS)
    upkeep.compare_text_by_code(op.get_bind())


def downgrade() -> None:
    """Take these columns and indexes away again. Keys stay wide, and text is compared by code: older code can too."""
    for table_name, column in _INDEXES:
        op.drop_index(op.f(f"ix_{table_name}_{column}"), table_name)
    op.drop_index(op.f("ix_task_instance_" + "_".join(_GRID)), "task_instance")
    dropped = {"attempt": ["samples"], "task_instance": ["resources", "resource_group"]}
    dropped["host"] = ["dag_folders", "queues", "home"]
    for table_name, columns in dropped.items():  # one by one: to rebuild a table would delete the rows that hang on it
        for column in columns:
            op.drop_column(table_name, column)
