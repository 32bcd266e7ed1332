"""Row 1: DAGs are Python files in a folder: found, parsed apart, stored by version, their errors kept and shown."""

from __future__ import annotations

from typing import Any

from support.houses import House, states_of
from support.waiting import wait_for


def version_of(house: House, dag_id: str) -> int:
    return int(house.call("dags.show", dag_id=dag_id)["version"])


def problems(house: House, name: str) -> list[dict[str, Any]]:
    return [item for item in house.cli("dags", "errors", "--json").json if item["file"] == name]


def test_a_file_is_found_run_and_stored_anew_when_it_changes(house: House) -> None:
    text = """
        from jupyter_flow import DAG, BashOperator, task

        with DAG("code", description="from a file"):
            @task
            def say():
                return "{word}"

            say() >> BashOperator(task_id="shell", bash_command="echo {{{{ ti.xcom_pull(task_ids='say') }}}}")
        """
    house.write_dag(text.format(word="one"), "code.py")
    run = house.run_dag("code")
    assert states_of(run) == {"say": "success", "shell": "success"}
    first = version_of(house, "code")
    house.write_dag(text.format(word="two"), "code.py")
    wait_for(lambda: version_of(house, "code") > first, "a new version of the changed file", 30)
    again = house.run_dag("code")
    shown = house.cli_json("tasks", "xcom", "code", again["run_id"], "shell")
    assert [item["value"] for item in shown] == ["two"]
    old = house.cli_json("tasks", "xcom", "code", run["run_id"], "shell")
    assert [item["value"] for item in old] == ["one"]


def test_an_import_error_is_kept_with_file_line_and_traceback_and_goes_when_it_is_mended(house: House) -> None:
    house.write_dag("from jupyter_flow import DAG\n\nwith DAG('broken'):\n    1 / 0\n", "broken.py")
    (problem,) = wait_for(lambda: problems(house, "broken.py"), "an import error", 30)
    assert (problem["line"], problem["kind"]) == (4, "error")
    assert problem["message"] == "ZeroDivisionError: division by zero"
    assert "1 / 0" in problem["traceback"]
    house.write_dag(
        "from jupyter_flow import DAG, EmptyOperator\n\nwith DAG('broken'):\n    EmptyOperator(task_id='a')\n",
        "broken.py",
    )
    house.wait_for_dag("broken")
    wait_for(lambda: not problems(house, "broken.py"), "the import error goes", 30)


def test_what_a_file_does_not_know_is_named_with_the_nearest_known(house: House) -> None:
    house.write_dag("from jupyter_flow import DAG\n\nd = DAG('near', schedul='@daily')\n", "near.py")
    (problem,) = wait_for(lambda: problems(house, "near.py"), "an import error", 30)
    assert problem["message"] == "DAG 'near': DAG has no argument 'schedul': did you mean 'schedule'?"
    assert problem["line"] == 3
