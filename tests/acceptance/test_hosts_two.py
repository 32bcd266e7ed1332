"""Two hosts on one PostgreSQL: they share the work, and what one leaves the other takes. The witness is a journal."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support import invariants
from support.hosts import Hosts, seconds_until
from support.houses import states_of
from support.postgres import Postgres
from support.waiting import wait_for

MANY = """
for number in range(8):
    with DAG(f"many{number}") as dag:
        first = PythonOperator(task_id="first", python_callable=witnessed, op_kwargs={"gate": GATE})
        first >> PythonOperator(task_id="last", python_callable=witnessed)
"""
GATED = """
with DAG("gated") as dag:
    PythonOperator(task_id="t", python_callable=witnessed, op_kwargs={"gate": GATE}) >> EmptyOperator(task_id="after")
"""


@pytest.fixture
def hosts(tmp_path: Path, postgres: Postgres) -> Iterator[Hosts]:
    """Two houses on one empty database."""
    name = postgres.create_database()
    found = Hosts(tmp_path, postgres.url(name))
    try:
        yield found
        found.close()
    finally:
        postgres.drop_database(name)


def gate_of(hosts: Hosts) -> Path:
    return hosts.witnesses / "gate"


def write_gated(hosts: Hosts) -> None:
    hosts.write_dag(f"GATE = {str(gate_of(hosts))!r}\n{GATED}")


def assert_once(hosts: Hosts) -> None:
    """Every task that ran has run to its end once, and all rows are in order."""
    journal = hosts.journal()
    assert journal.doubled() == []
    assert {key: len(found) for key, found in journal.starts().items() if len(found) != 1} == {}
    assert invariants.check(hosts.engine) == []


def test_runs_spread_over_both_hosts_and_a_killed_one_is_replaced(hosts: Hosts) -> None:
    hosts.write_dag(f"GATE = {str(gate_of(hosts))!r}\n{MANY}")
    hosts.start("--unpaused", "--parallelism", "4")
    for number in range(8):
        hosts[0].trigger(f"many{number}")
    wait_for(lambda: len(hosts.journal().starts()) == 8, lambda: f"all first tasks run: {hosts.outputs()}", 60)
    homes = [str(house.home.resolve()) for house in hosts]
    assert sorted(home for number in range(8) for home in hosts.home_of(f"many{number}")) == sorted(homes * 4)
    hosts[0].kill()
    took = seconds_until(lambda: {row["home"] for row in holders(hosts)} == {homes[1]}, 60)
    gate_of(hosts).touch()
    hosts.wait_for_all()
    assert took <= 30.0  # the board measures the promise, on a machine of its own
    assert len(hosts.journal().starts()) == 16
    assert_once(hosts)
    assert {row["state"] for row in hosts.rows("select state from dag_run")} == {"success"}


def holders(hosts: Hosts) -> list[dict[str, Any]]:
    return hosts.rows("select distinct h.home from dag_run r join host h on h.host_id = r.held_by")


def test_a_host_that_stood_still_past_its_lease_goes_on_as_a_new_one(hosts: Hosts) -> None:
    write_gated(hosts)
    hosts.start("--unpaused")
    run = hosts[0].trigger("gated")
    wait_for(lambda: hosts.journal().count("start") == 1, "the task has started", 60)
    holder = hosts.holder_of(run["run_id"], "gated")
    assert holder is not None
    other = hosts.other(holder)
    assert holder.process is not None
    holder.process.send_signal(signal.SIGSTOP)
    took = seconds_until(lambda: hosts.holder_of(run["run_id"], "gated") is other, 60)
    assert took <= 30.0  # the board measures the promise, on a machine of its own
    holder.process.send_signal(signal.SIGCONT)
    wait_for(hosts.all_known, "the stopped host is a host again", 30)
    gate_of(hosts).touch()
    done = other.wait_for_run("gated", run["run_id"])
    assert states_of(done) == {"t": "success", "after": "success"}
    assert [task["attempt_number"] for task in done["tasks"]] == [1, 0]
    assert_once(hosts)
    assert holder.call("host.status")["state"] == "healthy"


def test_commands_reach_the_host_that_holds_the_run(hosts: Hosts) -> None:
    write_gated(hosts)
    hosts.start("--unpaused")
    run = hosts[0].trigger("gated")
    ids = {"dag_id": "gated", "run_id": run["run_id"]}
    wait_for(lambda: hosts.journal().count("start") == 1, "the task has started", 60)
    holder = hosts.holder_of(run["run_id"], "gated")
    assert holder is not None
    other = hosts.other(holder)
    other.call("runs.cancel", **ids)
    assert other.wait_for_run(**ids)["state"] == "cancelled"
    pid = hosts.journal().entries[0].pid
    wait_for(lambda: not _runs(pid), "the process of the task is gone", 30)
    gate_of(hosts).touch()
    other.call("runs.clear", **ids)
    assert other.wait_for_run(**ids, states=["success"])["state"] == "success"
    assert invariants.check(hosts.engine) == []


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_many_triggers_with_one_key_through_both_hosts_make_one_run(hosts: Hosts) -> None:
    hosts.write_dag('with DAG("keyed") as dag:\n    EmptyOperator(task_id="t")\n')
    hosts.start("--unpaused", "--no-forkservers")
    for house in hosts:
        house.wait_for_dag("keyed")
    answers: list[str] = []

    def ask(number: int) -> None:
        with hosts[number % 2].client(timeout=60) as client:
            for _ in range(5):
                answers.append(client.call("dags.trigger", dag_id="keyed", idempotency_key="once")["run_id"])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    runs = hosts.rows("select run_id from dag_run")
    assert len(runs) == 1
    assert answers == [runs[0]["run_id"]] * 200


def test_each_date_of_a_schedule_gets_one_run(hosts: Hosts) -> None:
    hosts.write_dag(
        """
from datetime import datetime, timedelta, timezone
with DAG("often", schedule=timedelta(seconds=1), start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False,
         max_active_runs=16) as dag:
    PythonOperator(task_id="t", python_callable=witnessed)
"""
    )
    hosts.start("--unpaused")
    wait_for(lambda: len(hosts.journal().starts()) >= 8, "eight runs have begun", 60)
    for house in hosts:
        house.call("dags.pause", dag_id="often")
    hosts.wait_for_all()
    dates = [row["logical_date"] for row in hosts.rows("select logical_date from dag_run order by logical_date")]
    gaps = {(later - earlier).total_seconds() for earlier, later in pairwise(dates)}
    assert gaps == {1.0}, "a date was left out, or came twice"
    assert_once(hosts)
