"""Row 11: SubDagOperator: the tasks of the sub-DAG run as a task group of the DAG around it."""

from __future__ import annotations

from support.houses import House, states_of

FACTORY = """
    from airflow import DAG
    from airflow.operators.bash import BashOperator
    from airflow.operators.python import PythonOperator
    from airflow.utils.task_group import TaskGroup


    def load(parent, child, args):
        with DAG(f"{parent}.{child}", default_args=args, schedule=None, params={"size": 3}) as subdag:
            count = PythonOperator(task_id="count", python_callable=lambda params: params["size"])
            show = BashOperator(task_id="show", bash_command="echo {{ params.size }}")
            double = PythonOperator(
                task_id="double", python_callable=lambda size: size * 2, op_args=[count.output]
            )
            with TaskGroup("inner"):
                last = BashOperator(task_id="last", bash_command="true")
            count >> show
            double >> last
        return subdag
"""


def test_the_tasks_run_in_the_dag_around(house: House) -> None:
    house.write_dag(FACTORY, "parts/factory.py")
    file = house.write_dag(
        """
        from datetime import datetime

        from airflow.models import DAG
        from airflow.operators.dummy import DummyOperator
        from airflow.operators.subdag import SubDagOperator
        from parts.factory import load

        args = {"owner": "ada", "start_date": datetime(2026, 1, 1), "retries": 2}
        dag = DAG("whole", default_args=args, schedule_interval="@once", catchup=False)
        start = DummyOperator(task_id="start", dag=dag)
        end = DummyOperator(task_id="end", dag=dag)
        section = SubDagOperator(task_id="section", subdag=load("whole", "section", args), dag=dag)
        other = SubDagOperator(
            task_id="other", subdag=load("whole", "other", args), dag=dag, trigger_rule="all_done"
        )
        start >> section >> other >> end
        """,
        "whole.py",
    )
    run = house.run_dag("whole")
    assert run["state"] == "success"
    names = [f"{part}.{name}" for part in ("section", "other") for name in ("count", "show", "double", "inner.last")]
    assert states_of(run) == dict.fromkeys(["start", *names, "end"], "success")

    shown = house.cli_json("dags", "show", "whole")
    assert {item["group_id"]: item["parent"] for item in shown["groups"]} == {
        "section": None,
        "section.inner": "section",
        "other": None,
        "other.inner": "other",
    }
    tasks = {task["task_id"]: task for task in shown["tasks"]}
    assert tasks["section.double"]["upstream"] == ["section.count"]
    assert sorted(tasks["other.count"]["upstream"]) == ["section.inner.last", "section.show"]
    assert sorted(tasks["end"]["upstream"]) == ["other.inner.last", "other.show"]
    assert (tasks["section.show"]["retries"], tasks["section.show"]["owner"]) == (2, "ada")
    assert tasks["other.count"]["trigger_rule"] == "all_done"
    assert tasks["other.double"]["trigger_rule"] == tasks["section.count"]["trigger_rule"] == "all_success"

    values = house.cli_json("tasks", "xcom", "whole", run["run_id"], "other.double")
    assert [item["value"] for item in values] == [6]
    lines = house.call("tasks.log", dag_id="whole", run_id=run["run_id"], task_id="section.show")["lines"]
    assert "3" in [line["text"] for line in lines]
    assert [dag["dag_id"] for dag in house.call("dags.list")["dags"]] == ["whole"]

    checked = house.cli("check", str(file))
    assert (
        "SubDagOperator 'section': its tasks run as task group 'section' of this DAG: write a TaskGroup"
        in checked.out + checked.err
    )


def test_what_a_sub_dag_cannot_be(house: House) -> None:
    house.write_dag(FACTORY, "parts/factory.py")
    head = """
        from airflow import DAG
        from airflow.operators.subdag import SubDagOperator
        from parts.factory import load

        with DAG("{dag}", schedule=None):
            SubDagOperator(task_id="part", {arguments})
    """
    wrong = {
        "named": ('subdag=load("named", "other", {})', "the id of its subdag must be 'named.part', not 'named.other'"),
        "pooled": ('subdag=load("pooled", "part", {}), pool="p"', "pool cannot be set for a whole sub-DAG"),
        "typed": (
            'subdag=load("typed", "part", {}), retires=2',
            "SubDagOperator has no argument 'retires': did you mean 'retries'?",
        ),
        "missing": ('subdag="load"', "subdag must be a DAG, not 'load'"),
    }
    for name, (arguments, message) in wrong.items():
        file = house.write_dag(head.format(dag=name, arguments=arguments), f"{name}.py")
        checked = house.cli("check", str(file))
        assert checked.code == 2
        assert f"SubDagOperator 'part': {message}" in " ".join((checked.out + checked.err).split()), str(checked)
