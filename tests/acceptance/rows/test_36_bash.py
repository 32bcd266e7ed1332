"""Row 36: commands with bash."""

from __future__ import annotations

import os
from pathlib import Path

from support.houses import House, states_of, task_of
from support.waiting import wait_for


def log_of(house: House, dag_id: str, run_id: str, task_id: str) -> list[str]:
    lines = house.call("tasks.log", dag_id=dag_id, run_id=run_id, task_id=task_id)["lines"]
    return [line["text"] for line in lines if line["stream"] != "log"]


def test_commands_templates_environments_and_exit_codes(house: House) -> None:
    (house.dags / "scripts").mkdir()
    (house.dags / "scripts" / "greet.sh").write_text("echo hello from {{ task.task_id }} to ${WHO}\n")
    (house.dags / "elsewhere").mkdir()
    house.write_dag(
        """
        import json
        from jupyter_flow import DAG, BashOperator, task

        with DAG("commands", params={"town": "Bonn"}):
            BashOperator(task_id="last_line", bash_command="echo one; echo {{ params.town }}")
            BashOperator(task_id="file", bash_command="scripts/greet.sh", env={"WHO": "{{ params.town }}"})
            BashOperator(task_id="env", bash_command="echo ${HOME-none} $ONE", env={"ONE": "1"})
            BashOperator(task_id="more_env", bash_command="echo ${HOME+there} $ONE", env={"ONE": "1"}, append_env=True)
            BashOperator(task_id="cwd", bash_command="pwd", cwd="elsewhere")
            BashOperator(task_id="no_cwd", bash_command="pwd", cwd="nowhere")
            BashOperator(task_id="skips", bash_command="exit 99")
            BashOperator(task_id="skips_too", bash_command="exit 4", skip_on_exit_code=[3, 4])
            BashOperator(task_id="fails", bash_command="echo at the end; exit 3")
            BashOperator(task_id="json", bash_command="echo '{\\"rows\\": 3}'", output_processor=json.loads)
            BashOperator(task_id="latin", bash_command=r"printf 'caf\\xe9'", output_encoding="latin-1")

            @task.bash(env={"ONE": "1"})
            def decorated(params):
                return f"echo {params['town']} $ONE"

            decorated()
        """,
        "commands.py",
    )
    run = house.run_dag("commands")
    states = states_of(run)
    assert {name: state for name, state in states.items() if state != "success"} == {
        "no_cwd": "failed",
        "skips": "skipped",
        "skips_too": "skipped",
        "fails": "failed",
    }
    values = {
        name: house.call("tasks.xcom", dag_id="commands", run_id=run["run_id"], task_id=name)["xcoms"][0]["value"]
        for name, state in states.items()
        if state == "success"
    }
    assert values == {
        "last_line": "Bonn",
        "file": "hello from file to Bonn",
        "env": "none 1",
        "more_env": "there 1",
        "cwd": str(house.dags / "elsewhere"),
        "json": {"rows": 3},
        "latin": "café",
        "decorated": "Bonn 1",
    }
    assert task_of(run, "fails")["reason"]["text"] == "the command ended with exit code 3"
    assert task_of(run, "skips")["reason"]["text"] == "skipped: the command ended with exit code 99"
    assert task_of(run, "no_cwd")["reason"]["text"] == f"working folder {house.dags}/nowhere: No such file or directory"
    assert log_of(house, "commands", run["run_id"], "last_line") == ["one", "Bonn"]


def test_a_cancelled_command_leaves_no_process(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, BashOperator

        with DAG("endless"):
            BashOperator(task_id="sleeps", bash_command="sleep 1000 & echo $! > pid; wait")
        """,
        "endless.py",
    )
    run = house.trigger("endless")
    pid = house.dags / "pid"
    wait_for(lambda: pid.exists() and pid.read_text().strip(), "the command has started its child")
    house.call("runs.cancel", dag_id="endless", run_id=run["run_id"])
    over = house.wait_for_run("endless", run["run_id"])
    assert states_of(over) == {"sleeps": "cancelled"}
    child = Path("/proc", pid.read_text().strip())
    wait_for(lambda: not child.exists(), f"process {child.name} is gone")
    assert not os.path.exists(child)
