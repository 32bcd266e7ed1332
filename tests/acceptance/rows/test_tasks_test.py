"""``jupyter flow tasks test``: one task by itself, in the foreground, with nothing left behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

from support.houses import House
from support.waiting import wait_for

DAG = """
from pathlib import Path
from jupyter_flow import DAG, BashOperator, task

with DAG("parts", params={"factor": 2}):

    @task
    def load():
        raise RuntimeError("a task above is never run")

    @task(retries=5, retry_delay=60)
    def scale(numbers, params=None, test_mode=None):
        print("test mode", test_mode)
        return [number * params["factor"] for number in numbers]

    @task(retries=5, retry_delay=60)
    def fails(numbers):
        raise ValueError(f"no use of {numbers}")

    @task(trigger_rule="all_failed")
    def clean_up():
        print("cleaning up")

    @task
    def each(number):
        return number + 1

    scaled = scale(load())
    fails(scaled) >> clean_up()
    each.expand(number=scaled)
    BashOperator(task_id="say", bash_command="echo $TEXT", env={"TEXT": "{{ ds }} {{ var.value.city }}"})
"""


def test_a_task_runs_with_given_inputs_and_leaves_nothing_behind(house: House) -> None:
    path = str(house.write_dag(DAG, "parts.py"))
    house.wait_for_dag("parts")
    before = set(Path(tempfile.gettempdir()).glob("jupyter-flow-test-*"))
    scaled = house.cli("tasks", "test", path, "scale", "--xcom", "load=[1, 2]", "--conf", '{"factor": 10}')
    assert scaled.code == 0
    assert "test mode True" in scaled.out
    assert "XCom return_value: [10, 20]" in scaled.out
    failed = house.cli("tasks", "test", path, "fails", "--xcom", "scale=3", "--json")
    (task,) = failed.json["tasks"]
    assert (failed.code, task["state"], task["reason"]["text"]) == (1, "failed", "ValueError: no use of 3")
    assert house.cli("tasks", "test", path, "clean_up").code == 0
    mapped = house.cli("tasks", "test", path, "each", "--xcom", "scale=[1, 2]", "--json")
    assert [task["xcoms"][0]["value"] for task in mapped.json["tasks"]] == [2, 3]
    house.call("variables.set", key="city", value="Oslo")
    said = house.cli("tasks", "test", path, "say", "--logical-date", "2026-01-31")
    assert "2026-01-31 Oslo" in said.out
    assert house.rows("SELECT count(*) AS n FROM dag_run") == [{"n": 0}]
    found = set(Path(tempfile.gettempdir()).glob("jupyter-flow-test-*")) - before
    # those of tests beside this one go, too, ours are gone already
    wait_for(lambda: not any(folder.exists() for folder in found), lambda: f"nothing is left: {found}", 90)


def test_wrong_names_and_values_are_refused_in_one_line(house: House) -> None:
    path = str(house.write_dag(DAG, "parts.py"))
    for words, message in (
        (("lode",), "DAG 'parts' has no task 'lode': it has load, scale, fails, clean_up, each, say"),
        (("scale", "--xcom", "lode=1"), "DAG 'parts' has no task 'lode'"),
        (("scale", "--xcom", "load"), "--xcom 'load': write TASK=JSON or TASK:KEY=JSON"),
        (("scale", "--dag", "others"), "holds no DAG 'others': it holds parts"),
    ):
        answer = house.cli("tasks", "test", path, *words)
        assert (answer.code, answer.out) == (2, "")
        assert message in answer.err
        assert answer.err.count("\n") == 1
