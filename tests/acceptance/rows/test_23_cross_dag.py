"""Row 23: a task that runs another DAG, once, and may wait for it."""

from __future__ import annotations

import signal
from typing import Any

from support.houses import House, states_of, task_of
from support.waiting import wait_for

CHILD = """
    from jupyter_flow import DAG, BashOperator

    with DAG("{dag_id}", is_paused_upon_creation=False):
        BashOperator(task_id="work", bash_command="{command}")
"""


def children_of(house: House, dag_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.call("runs.list", dag_id=dag_id)["runs"]
    return found


def child(house: House, dag_id: str, command: str = "echo {{ dag_run.conf.town }}") -> None:
    house.write_dag(CHILD.format(dag_id=dag_id, command=command), f"{dag_id}.py")
    house.wait_for_dag(dag_id)


def test_the_child_gets_its_conf_and_both_sides_know_each_other(house: House) -> None:
    child(house, "child")
    house.write_dag(
        """
        from jupyter_flow import DAG, BashOperator, TriggerDagRunOperator

        with DAG("parent"):
            TriggerDagRunOperator(
                task_id="trigger",
                trigger_dag_id="child",
                conf={"town": "{{ params.town }}", "number": 3},
                note="asked by {{ run_id }}",
                wait_for_completion=True,
                poke_interval=0.2,
            ) >> BashOperator(task_id="after", bash_command="echo {{ ti.xcom_pull('trigger', key='trigger_run_id') }}")
        """,
        "parent.py",
    )
    run = house.run_dag("parent", conf={"town": "Bonn"})
    assert states_of(run) == {"trigger": "success", "after": "success"}
    (made,) = children_of(house, "child")
    assert made["run_type"] == "operator_triggered"
    assert made["run_id"].startswith("operator_triggered__")
    assert made["conf"] == {"town": "Bonn", "number": 3}
    assert made["state"] == "success"
    assert made["parent"] == {"dag_id": "parent", "run_id": run["run_id"], "task_id": "trigger", "map_index": -1}
    trigger = task_of(run, "trigger")
    assert trigger["child_runs"] == [{"dag_id": "child", "run_id": made["run_id"], "state": "success"}]
    assert trigger["try_number"] == 1
    assert trigger["attempt_number"] > 1  # it gave its slot away while it waited
    assert run["parent"] is None
    after = house.call("tasks.show", dag_id="parent", run_id=run["run_id"], task_id="after")
    assert after["xcoms"][0]["value"] == made["run_id"]
    assert house.rows("SELECT note FROM dag_run WHERE dag_id = 'child'") == [{"note": f"asked by {run['run_id']}"}]


def test_the_slot_is_free_while_it_waits(house: House) -> None:
    house.write_dag(CHILD.format(dag_id="slow", command="until test -e go; do sleep 0.05; done"), "slow.py")
    house.wait_for_dag("slow")
    house.write_dag(
        """
        from jupyter_flow import DAG, TriggerDagRunOperator

        with DAG("patient"):
            TriggerDagRunOperator(
                task_id="trigger", trigger_dag_id="slow", wait_for_completion=True, poke_interval=1000
            )
        """,
        "patient.py",
    )
    run = house.trigger("patient")
    house.wait_for_task("patient", run["run_id"], "trigger", "up_for_reschedule")
    (house.dags / "go").touch()
    over = house.wait_for_run("patient", run["run_id"])  # the end of the child wakes it: it does not wait 1000 s
    assert over["state"] == "success"
    assert len(children_of(house, "slow")) == 1


def test_a_failed_child_fails_the_task_and_a_retry_runs_it_again(house: House) -> None:
    child(house, "weak", "test -e tried || { touch tried; exit 3; }")
    house.write_dag(
        """
        from jupyter_flow import DAG, TriggerDagRunOperator

        with DAG("stubborn"):
            TriggerDagRunOperator(
                task_id="trigger",
                trigger_dag_id="weak",
                wait_for_completion=True,
                poke_interval=0.2,
                retries=1,
                retry_delay=0,
            )
        """,
        "stubborn.py",
    )
    run = house.run_dag("stubborn")
    assert states_of(run) == {"trigger": "success"}
    assert task_of(run, "trigger")["try_number"] == 2
    states = sorted(item["state"] for item in task_of(run, "trigger")["child_runs"])
    assert states == ["failed", "success"]
    tries = house.call("tasks.show", dag_id="stubborn", run_id=run["run_id"], task_id="trigger")["attempts"]
    first = [item["reason"]["text"] for item in tries if item["outcome"] == "failed"]
    assert first == [f"run {children_of(house, 'weak')[-1]['run_id']} of DAG weak ended as failed"]


def test_a_run_that_is_there_already(house: House) -> None:
    child(house, "fixed", "true")
    house.write_dag(
        """
        from jupyter_flow import DAG, TriggerDagRunOperator

        args = dict(trigger_dag_id="fixed", trigger_run_id="the-one", wait_for_completion=True, poke_interval=0.2)
        with DAG("repeat"):
            first = TriggerDagRunOperator(task_id="first", **args)
            second = TriggerDagRunOperator(task_id="second", trigger_rule="all_done", **args)
            skips = TriggerDagRunOperator(
                task_id="skips", trigger_rule="all_done", skip_when_already_exists=True, **args
            )
            resets = TriggerDagRunOperator(task_id="resets", trigger_rule="all_done", reset_dag_run=True, **args)
            first >> second >> skips >> resets
        """,
        "repeat.py",
    )
    run = house.run_dag("repeat")
    assert states_of(run) == {"first": "success", "second": "failed", "skips": "skipped", "resets": "success"}
    assert task_of(run, "second")["reason"]["text"] == (
        "DagRunAlreadyExists: DAG 'fixed' has run 'the-one' already: give another id or date, or reset_dag_run=True"
    )
    (only,) = children_of(house, "fixed")
    assert task_of(house.run("fixed", "the-one"), "work")["attempt_number"] == 2
    assert only["parent"]["task_id"] == "resets"


def test_dates_pauses_and_dags_that_are_not_there(house: House) -> None:
    child(house, "plain", "true")
    house.write_dag(CHILD.format(dag_id="asleep", command="true").replace("=False", "=True"), "asleep.py")
    house.wait_for_dag("asleep")
    house.write_dag(
        """
        from datetime import datetime
        from jupyter_flow import DAG, TriggerDagRunOperator

        with DAG("various"):
            TriggerDagRunOperator(task_id="dated", trigger_dag_id="plain", logical_date=datetime(2026, 1, 2, 3))
            TriggerDagRunOperator(task_id="dateless", trigger_dag_id="plain", logical_date=None)
            TriggerDagRunOperator(task_id="queued", trigger_dag_id="asleep")
            TriggerDagRunOperator(task_id="refused", trigger_dag_id="asleep", fail_when_dag_is_paused=True)
            TriggerDagRunOperator(task_id="nobody", trigger_dag_id="nobody")
        """,
        "various.py",
    )
    run = house.run_dag("various")
    assert states_of(run) == {
        "dated": "success",
        "dateless": "success",
        "queued": "success",
        "refused": "failed",
        "nobody": "failed",
    }
    dates = {item["logical_date"] for item in children_of(house, "plain")}
    assert dates == {"2026-01-02T03:00:00+00:00", None}
    (waiting,) = children_of(house, "asleep")
    assert (waiting["state"], waiting["reason"]["text"]) == ("queued", "DAG is paused")
    assert task_of(run, "refused")["reason"]["text"] == (
        "DagIsPaused: DAG 'asleep' is paused: unpause it (`jupyter flow dags unpause asleep`)"
    )
    assert "DagNotFound: " in task_of(run, "nobody")["reason"]["text"]


def test_a_task_whose_host_is_killed_starts_no_second_run(house: House) -> None:
    """The last test of this file: it takes the host down and brings up another one."""
    child(house, "single", "until test -e free; do sleep 0.05; done")
    house.write_dag(
        """
        from jupyter_flow import DAG, TriggerDagRunOperator

        with DAG("survivor"):
            TriggerDagRunOperator(
                task_id="trigger", trigger_dag_id="single", wait_for_completion=True, poke_interval=0.3
            )
        """,
        "survivor.py",
    )
    run = house.trigger("survivor")
    wait_for(lambda: children_of(house, "single"), "the child was started")
    house.kill(signal.SIGKILL)
    house.start()
    (house.dags / "free").touch()
    over = house.wait_for_run("survivor", run["run_id"])
    assert over["state"] == "success"
    assert len(children_of(house, "single")) == 1
