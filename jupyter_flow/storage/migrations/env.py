"""Alembic's entry: migrates the connection that ``migrating.migrate`` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from jupyter_flow.storage.schema_base import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
