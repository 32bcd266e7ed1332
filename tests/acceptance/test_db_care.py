"""``jupyter flow db``: backups while a host works, checks, and the move to PostgreSQL and back."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from support.houses import House
from support.postgres import Postgres

QUICK = """
    from jupyter_flow import BashOperator, DAG

    with DAG("quick", schedule=None):
        BashOperator("one", bash_command="echo first") >> BashOperator("two", bash_command="echo second")
"""
URL, COPY_TO = "JUPYTER_FLOW_DB_URL", "JUPYTER_FLOW_COPY_TO"


def history(house: House) -> list[Any]:
    """What the host shows of all runs."""
    runs = house.call("runs.list", dag_id="quick")["runs"]
    return [house.run("quick", run["run_id"]) for run in runs]


def line(found: Any, code: int, words: str) -> None:
    assert found.code == code, found
    assert words in found.err, found
    assert found.err.count("\n") == 1, found


@pytest.mark.timeout(240)
def test_a_house_moves_to_a_server_and_back(house: House, postgres: Postgres) -> None:
    name = postgres.create_database()
    url = postgres.url(name)
    house.write_dag(QUICK)
    house.start()
    house.wait_for_dag("quick")
    house.run_dag("quick")
    house.cli("variables", "set", "where", "ö 🙂")
    line(house.cli("db", "copy", "--to", url.replace("postgres:@", "postgres:pw@")), 2, COPY_TO)
    line(house.cli("db", "copy"), 2, COPY_TO)
    line(house.cli("db", "copy", env={COPY_TO: url}), 2, "jupyter flow stop")
    before = history(house)
    house.stop()
    assert [run["run_id"] for run in house.cli_json("runs", "list", "quick")] == [run["run_id"] for run in before]

    moved = house.cli("db", "copy", env={COPY_TO: url})
    assert moved.code == 0, moved
    assert "tables copied to" in moved.out
    line(house.cli("db", "copy", env={COPY_TO: url}), 2, "not empty")
    old = (house.home / "flow.db").rename(house.home / "old.db")
    house.env[URL] = url
    assert house.cli_json("db", "check") == {"state": "current", "problems": []}
    house.start()
    house.wait_for_dag("quick")
    assert history(house) == before
    assert house.cli("variables", "get", "where").out.strip() == "ö 🙂"
    again = house.run_dag("quick")
    assert again["state"] == "success"
    both = history(house)
    assert len(both) == 2
    assert "second" in house.cli("tasks", "log", "quick", again["run_id"], "two").out
    house.stop()

    back = house.cli("db", "copy", "--to", f"sqlite:///{house.home / 'flow.db'}")
    assert back.code == 0, back
    del house.env[URL]
    assert [run["run_id"] for run in house.cli_json("runs", "list", "quick")] == [run["run_id"] for run in both]
    assert old.exists()
    house.start()
    assert history(house) == both
    assert house.run_dag("quick")["state"] == "success"
    house.stop()
    postgres.drop_database(name)


def test_a_backup_of_a_working_house_is_sound_and_damage_is_named(house: House) -> None:
    house.write_dag(QUICK)
    house.start()
    house.wait_for_dag("quick")
    run = house.run_dag("quick")
    copy = house.base / "backup.db"
    made = house.cli_json("db", "backup", str(copy))
    assert made == {"file": str(copy), "bytes": copy.stat().st_size}
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT run_id FROM dag_run").fetchall() == [(run["run_id"],)]
    connection.close()
    line(house.cli("db", "backup", str(copy)), 2, "--force")
    assert house.cli("db", "backup", "--force", str(copy)).code == 0
    assert house.cli_json("db", "check") == {"state": "current", "problems": []}
    house.stop()

    with sqlite3.connect(house.home / "flow.db") as connection:
        connection.execute("DELETE FROM event WHERE seq = 1")
        connection.execute("INSERT INTO deadline (dag_run_id, position, due_at) VALUES (99, 0, '2026-01-01 00:00:00')")
    connection.close()
    found = house.cli("db", "check")
    assert found.code == 2
    assert found.out.splitlines() == [
        "row 1 of table deadline names a row of dag_run that is not there",
        f"quick/{run['run_id']} is a run with a gap in its events",
    ]
    (house.home / "flow.db").write_bytes(copy.read_bytes())
    for companion in house.home.glob("flow.db-*"):
        companion.unlink()
    house.start()
    assert house.run_dag("quick")["state"] == "success"
