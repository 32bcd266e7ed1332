"""Row 82: a master DAG, whose tasks run other DAGs under conditions."""

from __future__ import annotations

from support.houses import House, states_of, task_of

CHILD = """
    from jupyter_flow import DAG, BashOperator

    with DAG("{dag_id}", is_paused_upon_creation={paused}):
        BashOperator(task_id="work", bash_command="{command}")
"""


def test_a_condition_decides_which_children_run_and_with_what(house: House) -> None:
    for dag_id in ("ingest", "report"):
        house.write_dag(CHILD.format(dag_id=dag_id, paused=False, command="true"), f"{dag_id}.py")
        house.wait_for_dag(dag_id)
    house.write_dag(
        """
        from jupyter_flow import DAG, DagOperator, EmptyOperator

        def on_weekdays(context, dag_run_obj):
            if context["params"]["run_it"]:
                dag_run_obj.payload = {"message": context["params"]["message"], **dag_run_obj.payload}
                return dag_run_obj

        with DAG("master", params={"run_it": True}):
            ingest = DagOperator(
                task_id="ingest",
                run_dag_id="ingest",
                python_callable=on_weekdays,
                payload={"day": "{{ ds }}"},
                params={"message": "hello"},
                poke_interval=0.2,
            )
            left_out = DagOperator(
                task_id="left_out", run_dag_id="report", python_callable=lambda context, dag_run_obj: None
            )
            report = DagOperator(
                task_id="report", run_dag_id="report", poke_interval=0.2, trigger_rule="none_failed"
            )
            ingest >> left_out >> report
        """,
        "master.py",
    )
    run = house.run_dag("master", logical_date="2026-01-05T00:00:00+00:00")
    assert states_of(run) == {"ingest": "success", "left_out": "skipped", "report": "success"}
    assert task_of(run, "left_out")["reason"]["text"] == "skipped: <lambda> decided not to run DAG report"
    assert task_of(run, "left_out")["child_runs"] == []
    (made,) = house.call("runs.list", dag_id="ingest")["runs"]
    assert made["conf"] == {"message": "hello", "day": "2026-01-05"}
    assert made["parent"] == {"dag_id": "master", "run_id": run["run_id"], "task_id": "ingest", "map_index": -1}
    (reported,) = house.call("runs.list", dag_id="report")["runs"]
    assert task_of(run, "report")["child_runs"][0]["run_id"] == reported["run_id"]
    assert reported["conf"] == {}


def test_the_condition_is_asked_once_and_the_child_state_is_taken_over(house: House) -> None:
    house.write_dag(CHILD.format(dag_id="broken", paused=False, command="sleep 0.5; exit 1"), "broken.py")
    house.wait_for_dag("broken")
    house.write_dag(
        """
        from pathlib import Path
        from jupyter_flow import DAG, DagOperator

        def count(context, dag_run_obj):
            with Path("asked").open("a") as file:
                file.write("x")
            return dag_run_obj

        with DAG("over"):
            DagOperator(task_id="child", run_dag_id="broken", python_callable=count, poke_interval=0.2)
        """,
        "over.py",
    )
    run = house.run_dag("over")
    assert run["state"] == "failed"
    (made,) = house.call("runs.list", dag_id="broken")["runs"]
    assert task_of(run, "child")["reason"]["text"] == f"run {made['run_id']} of DAG broken ended as failed"
    assert task_of(run, "child")["attempt_number"] > 1
    assert (house.dags / "asked").read_text() == "x"


def test_a_paused_child_is_refused_or_unpaused(house: House) -> None:
    house.write_dag(CHILD.format(dag_id="asleep", paused=True, command="true"), "asleep.py")
    house.wait_for_dag("asleep")
    house.write_dag(
        """
        from jupyter_flow import DAG, DagOperator

        with DAG("waker"):
            DagOperator(task_id="refused", run_dag_id="asleep") >> DagOperator(
                task_id="woken", run_dag_id="asleep", unpause=True, poke_interval=0.2, trigger_rule="all_done"
            )
        """,
        "waker.py",
    )
    run = house.run_dag("waker")
    assert states_of(run) == {"refused": "failed", "woken": "success"}
    assert task_of(run, "refused")["reason"]["text"] == (
        "DagIsPaused: DAG 'asleep' is paused: unpause it (`jupyter flow dags unpause asleep`) "
        "or give the task unpause=True"
    )
    assert house.call("dags.show", dag_id="asleep")["is_paused"] is False


def test_wrong_answers_of_a_condition_are_one_line(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, DagOperator

        def payload_of_objects(context, dag_run_obj):
            dag_run_obj.payload = {"when": object()}
            return dag_run_obj

        with DAG("unsure"):
            DagOperator(task_id="text", run_dag_id="ingest", python_callable=lambda context, dag_run_obj: "yes")
            DagOperator(task_id="objects", run_dag_id="ingest", python_callable=payload_of_objects)
        """,
        "unsure.py",
    )
    run = house.run_dag("unsure")
    assert task_of(run, "text")["reason"]["text"] == (
        "FlowFailException: <lambda> must return dag_run_obj or None, not str"
    )
    assert task_of(run, "objects")["reason"]["text"] == (
        "FlowFailException: DAG 'ingest' was not run: task 'objects': conf['when']: a object is not JSON: "
        "pass plain values, or a path to a file"
    )
