"""A host whose server is gone at once: it hears that, goes on, and can end."""

from __future__ import annotations

import selectors
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.postgres import Postgres

from jupyter_flow.model.config import FlowConfig
from jupyter_flow.service.hearing import Hearing
from jupyter_flow.service.host_row import HostRow
from jupyter_flow.service.house import House
from jupyter_flow.service.wake_up import WakeUp
from jupyter_flow.storage.database import create_engine, create_reader


@pytest.fixture
def database(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    """The name of a database; dropping it ends all connections to it, as a server does that stops."""
    name = postgres.create_database(postgres_template)
    yield name
    postgres.drop_database(name)


def test_the_ear_outlives_its_connection(postgres: Postgres, database: str) -> None:
    heard: list[WakeUp] = []
    with selectors.DefaultSelector() as selector:
        hearing = Hearing(postgres.url(database), selector, lambda: "me", heard.append)
        hearing.keep_open()
        (key,) = selector.get_map().values()
        postgres.drop_database(database)
        while selector.get_map():
            events = selector.select(30)
            assert events, "the end of the connection is heard"
            for key, mask in events:
                key.data(mask)
        with pytest.raises(Exception, match="does not exist"):
            hearing.keep_open()
        assert not selector.get_map()
        assert len(heard) == 1
        hearing.close()


@pytest.fixture
def row(postgres: Postgres, database: str, tmp_path: Path) -> Iterator[HostRow]:
    """The row of a host that has not begun."""
    url = postgres.url(database)
    engine, reader = create_engine(url), create_reader(url)
    house = House(FlowConfig(home=tmp_path, db_url=url), reader, engine)
    yield HostRow(house, "me", {"home": "/h", "hostname": "box"})
    engine.dispose()
    reader.dispose()


def test_a_host_ends_though_its_database_has_gone(
    postgres: Postgres, database: str, row: HostRow, caplog: pytest.LogCaptureFixture
) -> None:
    row.take()
    postgres.drop_database(database)
    row.end()
    assert "the end of this host is not written down: " in caplog.text


def test_a_mistake_while_it_ends_is_not_kept_quiet(row: HostRow, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise LookupError("a mistake")

    monkeypatch.setattr("jupyter_flow.service.host_row.host.end_host", fail)
    with pytest.raises(LookupError, match="a mistake"):
        row.end()
