"""What integration tests share: a database with the current schema, once on SQLite and once on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from support.long_files import put_first
from support.postgres import Postgres

from jupyter_flow.storage.database import create_engine
from jupyter_flow.storage.migrating import migrate

LONG = ("test_simulation_mutants", "test_server_supervision", "test_simulation_seeds", "test_storage_runs")
"""The files that take longest, roughly the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files."""
    put_first(items, Path(__file__).parent, LONG)


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """The name of a migrated database to copy: quicker than to migrate each."""
    name = postgres.create_database()
    engine = create_engine(postgres.url(name))
    migrate(engine)
    engine.dispose()
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of this test's own, without tables: on either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'flow.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def house_database_url(empty_database_url: str) -> str:
    """The setting ``db_url`` of a house on either kind: empty for SQLite, which stands in the home then."""
    return "" if empty_database_url.startswith("sqlite") else empty_database_url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated, empty database of this test's own: on either kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'flow.db'}"
        engine = create_engine(url)
        migrate(engine)
        engine.dispose()
        yield url
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create_database(request.getfixturevalue("postgres_template"))
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The writer's engine on a migrated database."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()
