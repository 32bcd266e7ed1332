"""Several hosts on one database, resource groups, and what attempts used while they ran."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add where a host lives and what it serves; what a task asks for; samples of what an attempt used."""
    with op.batch_alter_table("host") as table:
        table.add_column(sa.Column("home", sa.Text(), server_default="", nullable=False))
        table.add_column(sa.Column("queues", sa.Text(), nullable=True))
    with op.batch_alter_table("task_instance") as table:
        table.add_column(sa.Column("resource_group", sa.String(length=250), server_default="", nullable=False))
        table.add_column(sa.Column("resources", sa.Text(), nullable=True))
    with op.batch_alter_table("attempt") as table:
        table.add_column(sa.Column("samples", sa.Text(), nullable=True))


def downgrade() -> None:
    """Take these columns away again."""
    with op.batch_alter_table("attempt") as table:
        table.drop_column("samples")
    with op.batch_alter_table("task_instance") as table:
        table.drop_column("resources")
        table.drop_column("resource_group")
    with op.batch_alter_table("host") as table:
        table.drop_column("queues")
        table.drop_column("home")
