"""DAG files on disk, a real host, real runners: what ends up on the record."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from support.houses import House, states_of, task_of
from support.waiting import wait_for

from jupyter_flow.model.errors import Conflict, InvalidInput, NotFound

PLAIN = """
from datetime import datetime, timedelta
from pathlib import Path
from jupyter_flow import DAG, BashOperator, EmptyOperator, PythonOperator, get_current_context
"""

CHAIN = (
    PLAIN
    + """
def give(number):
    print("giving", number)
    return number

def add(ti):
    return ti.xcom_pull(task_ids="one") + ti.xcom_pull(task_ids="two")

with DAG("chain", params={"who": "world"}) as dag:
    start = EmptyOperator(task_id="start")
    one = PythonOperator(task_id="one", python_callable=give, op_args=[1])
    two = PythonOperator(task_id="two", python_callable=give, op_args=[2])
    total = PythonOperator(task_id="total", python_callable=add)
    say = BashOperator(task_id="say", bash_command="echo {{ params.who }} {{ ti.xcom_pull(task_ids='total') }}")
    start >> [one, two] >> total >> say
"""
)


def test_a_chain_with_a_fork_runs_to_its_end(house: House) -> None:
    house.write_dag(CHAIN, "chain.py")
    house.start()
    run = house.run_dag("chain", conf={"who": "moon"})
    assert run["state"] == "success"
    assert set(states_of(run).values()) == {"success"}
    ends = {task["task_id"]: task for task in run["tasks"]}
    for before, after in (("start", "one"), ("one", "total"), ("two", "total"), ("total", "say")):
        if ends[before]["end_date"] and ends[after]["queued_at"]:
            assert datetime.fromisoformat(ends[before]["end_date"]) <= datetime.fromisoformat(ends[after]["queued_at"])
    (value,) = house.call("tasks.xcom", dag_id="chain", run_id=run["run_id"], task_id="total", key="return_value")[
        "xcoms"
    ]
    assert value["value"] == 3
    log = house.call("tasks.log", dag_id="chain", run_id=run["run_id"], task_id="say")
    assert log["complete"]
    assert "moon 3" in [line["text"] for line in log["lines"]]
    rows = house.rows("select state from task_instance")
    assert [row["state"] for row in rows] == ["success"] * 5
    assert house.rows("select count(*) as n from task_instance where held_by is null or check_at is null")[0]["n"] == 0


RETRY = (
    PLAIN
    + """
def second_time_lucky(ti):
    assert ti.try_number == 2, f"try {ti.try_number}"

def never():
    raise ValueError("no way")

with DAG("retry") as dag:
    lucky = PythonOperator(
        task_id="lucky", python_callable=second_time_lucky, retries=1, retry_delay=timedelta(seconds=0.2))
    unlucky = PythonOperator(
        task_id="unlucky", python_callable=never, retries=1, retry_delay=timedelta(seconds=0.2))
    after = EmptyOperator(task_id="after")
    cleanup = BashOperator(task_id="cleanup", bash_command="true", trigger_rule="all_done")
    [lucky, unlucky] >> after
    unlucky >> cleanup
"""
)


def test_retries_failures_and_trigger_rules(house: House) -> None:
    house.write_dag(RETRY, "retry.py")
    house.start()
    run = house.run_dag("retry")
    assert run["state"] == "failed"
    assert states_of(run) == {
        "lucky": "success",
        "unlucky": "failed",
        "after": "upstream_failed",
        "cleanup": "success",
    }
    assert task_of(run, "lucky")["try_number"] == 2
    unlucky = house.call("tasks.show", dag_id="retry", run_id=run["run_id"], task_id="unlucky")
    assert "ValueError: no way" in unlucky["reason"]["text"]
    assert [attempt["outcome"] for attempt in unlucky["attempts"]] == ["failed", "failed"]
    assert "unlucky" in run["reason"]["text"]
    # clear what failed: the same tasks run again, with a fresh set of tries
    cleared = house.call("runs.clear", dag_id="retry", run_id=run["run_id"], only_failed=True)
    assert cleared["state"] in ("queued", "running")
    again = house.wait_for_run("retry", run["run_id"])
    assert again["state"] == "failed"
    assert task_of(again, "unlucky")["try_number"] == 4
    assert task_of(again, "lucky")["try_number"] == 2


SLOW = (
    PLAIN
    + """
import time
def sleep():
    time.sleep(120)

with DAG("slow", max_active_runs=1) as dag:
    PythonOperator(task_id="timed", python_callable=sleep, execution_timeout=timedelta(seconds=1))
    BashOperator(task_id="long", bash_command="sleep 120") >> EmptyOperator(task_id="after")
"""
)


def test_timeouts_and_cancel_end_the_processes(house: House) -> None:
    house.write_dag(SLOW, "slow.py")
    house.start("--kill-grace", "1")
    run = house.trigger("slow")
    timed = house.wait_for_task("slow", run["run_id"], "timed", "failed")
    assert timed["reason"]["code"] == "timeout"
    house.wait_for_task("slow", run["run_id"], "long", "running")
    second = house.call("dags.trigger", dag_id="slow")
    waiting = wait_for(
        lambda: (found := house.run("slow", second["run_id"]))["reason"] and found,
        "the second run says why it waits",
        20,
    )
    assert waiting["reason"]["code"] == "max_active_runs"
    house.call("runs.cancel", dag_id="slow", run_id=run["run_id"])
    ended = house.wait_for_run("slow", run["run_id"])
    assert ended["state"] == "cancelled"
    assert states_of(ended) == {"timed": "failed", "long": "cancelled", "after": "cancelled"}
    assert not [found for found in house.census() if "sleep" in str(found)] or house.run("slow", second["run_id"])
    house.wait_for_run("slow", second["run_id"], states=["running"])
    house.call("runs.mark", dag_id="slow", run_id=second["run_id"], state="failed")
    assert house.run("slow", second["run_id"])["state"] == "failed"
    wait_for(lambda: house.call("host.status")["running"] == 0, "no task runs", 30)
    wait_for(lambda: not any("sleep 120" in str(found) for found in house.census()), "no process is left", 30)


PAUSED = (
    PLAIN
    + """
with DAG("daily", schedule="@daily", start_date=datetime(2026, 1, 1), params={"n": 1}) as dag:
    EmptyOperator(task_id="only")
with DAG("typed", params={"n": __import__("jupyter_flow").Param(1, type="integer", minimum=1)}) as typed:
    EmptyOperator(task_id="only")
"""
)


def test_pause_dates_and_refusals_of_triggers(house: House) -> None:
    house.write_dag(PAUSED, "paused.py")
    house.start()
    dag = house.wait_for_dag("daily")
    assert dag["is_paused"]
    assert house.call("runs.list", dag_id="daily")["runs"] == []
    waiting = house.call("dags.trigger", dag_id="daily", logical_date="2026-02-03T00:00:00Z")
    assert waiting["state"] == "queued"
    assert waiting["reason"]["code"] == "dag_paused"
    with pytest.raises(Conflict, match=r"manual__2026-02-03"):
        house.call("dags.trigger", dag_id="daily", logical_date="2026-02-03")
    with pytest.raises(InvalidInput, match="conf"):
        house.call("dags.trigger", dag_id="daily", conf=[1])
    with pytest.raises(InvalidInput, match="65536"):
        house.call("dags.trigger", dag_id="daily", conf={"x": "y" * 70_000})
    with pytest.raises(InvalidInput, match="ISO 8601"):
        house.call("dags.trigger", dag_id="daily", logical_date="yesterday")
    with pytest.raises(InvalidInput, match="param 'n'"):
        house.call("dags.trigger", dag_id="typed", conf={"n": "many"})
    with pytest.raises(NotFound):
        house.call("dags.trigger", dag_id="nobody")
    with pytest.raises(InvalidInput, match="unexpected"):
        house.call("dags.trigger", dag_id="daily", colour="red")
    first = house.call("dags.trigger", dag_id="typed", idempotency_key="k", unpause=True)
    assert house.call("dags.trigger", dag_id="typed", idempotency_key="k")["run_id"] == first["run_id"]
    dateless = house.call("dags.trigger", dag_id="typed", logical_date="none")
    assert dateless["logical_date"] is None
    # unpausing starts what waits, and one scheduled run for the last complete interval (catchup is off)
    house.call("dags.unpause", dag_id="daily")
    house.wait_for_run("daily", waiting["run_id"])
    scheduled = wait_for(
        lambda: [run for run in house.call("runs.list", dag_id="daily")["runs"] if run["run_type"] == "scheduled"],
        "a scheduled run",
        30,
    )
    assert len(scheduled) == 1
    assert scheduled[0]["run_id"].startswith("scheduled__")
    audit = house.rows("select verb, outcome from audit")
    assert ("dags.trigger", "conflict") in {(row["verb"], row["outcome"]) for row in audit}
    assert ("dags.unpause", "ok") in {(row["verb"], row["outcome"]) for row in audit}


SIGNALS = (
    PLAIN
    + """
import os
def leave():
    os._exit(3)
def crash():
    os.kill(os.getpid(), 11)
def killed():
    os.kill(os.getpid(), 9)
with DAG("deaths") as dag:
    PythonOperator(task_id="leave", python_callable=leave)
    PythonOperator(task_id="crash", python_callable=crash)
    PythonOperator(task_id="killed", python_callable=killed)
"""
)


def test_tasks_that_end_their_own_process_fail_with_the_cause(house: House) -> None:
    house.write_dag(SIGNALS, "deaths.py")
    house.start("--infra-retries", "1")
    run = house.run_dag("deaths")
    reasons = {task["task_id"]: task["reason"] for task in run["tasks"]}
    assert set(states_of(run).values()) == {"failed"}
    assert "exit code 3" in reasons["leave"]["text"]
    assert "signal 11" in reasons["crash"]["text"]
    assert reasons["killed"]["code"] == "infra_exhausted"
    assert "signal 9" in reasons["killed"]["text"]
    assert task_of(run, "killed")["attempt_number"] == 2
    assert task_of(run, "killed")["try_number"] == 1


def test_the_host_loads_nothing_that_runs_user_code(house: House) -> None:
    house.write_dag(CHAIN, "chain.py")
    house.write_notebook(["print('hello')"], "hello.ipynb")
    house.write_dag(
        PLAIN + "from jupyter_flow import NotebookOperator\n"
        "with DAG('note') as dag:\n    NotebookOperator(task_id='n', notebook='hello.ipynb')\n",
        "note.py",
    )
    house.makes_database = True
    house.start()
    assert house.run_dag("note")["state"] == "success"
    house.run_dag("chain")
    maps = Path(f"/proc/{house.pid}/maps").read_text()
    for foreign in ("zmq", "numpy", "tornado"):
        assert foreign not in maps, foreign
