"""What integration tests share: a database with the current schema."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from jupyter_flow.storage.database import create_engine
from jupyter_flow.storage.migrating import migrate


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """The URL of an empty database of this test's own."""
    return f"sqlite:///{tmp_path / 'flow.db'}"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The writer's engine on a migrated database."""
    engine = create_engine(database_url)
    migrate(engine)
    yield engine
    engine.dispose()
