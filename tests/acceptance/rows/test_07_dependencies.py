"""Row 7: arrows, set_upstream and set_downstream, lists on both sides, labels, groups and outputs of tasks."""

from __future__ import annotations

from support.houses import House, states_of


def test_every_way_to_write_a_dependency_orders_the_run(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, BashOperator, Label, TaskGroup, task

        with DAG("arrows"):
            a, b, c, d, e, f, g = (BashOperator(task_id=name, bash_command=f"echo {name}") for name in "abcdefg")
            a >> [b, c] >> d
            e << d
            f.set_upstream([e, "a"])
            f.set_downstream(g, edge_modifier=Label("at last"))
            [b, c] >> Label("both") >> e

            @task
            def number():
                return 7

            @task
            def twice(value):
                return 2 * value

            with TaskGroup("group") as group:
                result = twice(number())
            g >> group
            BashOperator(task_id="end", bash_command="true") << group
        """,
        "arrows.py",
    )
    house.wait_for_dag("arrows")
    shown = house.cli_json("dags", "show", "arrows")
    graph = {task["task_id"]: set(task["upstream"]) for task in shown["tasks"]}
    assert graph == {
        "a": set(),
        "b": {"a"},
        "c": {"a"},
        "d": {"b", "c"},
        "e": {"b", "c", "d"},
        "f": {"a", "e"},
        "g": {"f"},
        "group.number": {"g"},
        "group.twice": {"group.number"},
        "end": {"group.twice"},
    }
    assert {(item["upstream"], item["downstream"]): item["label"] for item in shown["labels"]} == {
        ("b", "e"): "both",
        ("c", "e"): "both",
        ("f", "g"): "at last",
    }
    table = house.cli("dags", "show", "arrows").out
    assert "g (at last)" in table

    run = house.run_dag("arrows")
    assert set(states_of(run).values()) == {"success"}
    rows = house.rows(
        "SELECT task_id, start_date, end_date FROM task_instance WHERE run_id = ?",
        run["run_id"],
    )
    when = {row["task_id"]: (row["start_date"], row["end_date"]) for row in rows}
    for name, before in graph.items():
        for other in before:
            assert when[other][1] <= when[name][0], f"{name} began before {other} had ended"
    values = house.cli_json("tasks", "xcom", "arrows", run["run_id"], "group.twice")
    assert [item["value"] for item in values] == [14]


def test_wrong_neighbours_are_named(house: House) -> None:
    cases = {
        "text_after.py": ("a >> 'b'", "name the task after <EmptyOperator: a> as an object, not as text 'b'"),
        "number.py": ("a >> 3", "dependencies are between tasks, not with 3 (a int)"),
        "other_dag.py": (
            "a >> EmptyOperator(task_id='x', dag=DAG('elsewhere', auto_register=False))",
            "task 'x' is in DAG 'elsewhere', 'a' in DAG 'other_dag': dependencies are within one DAG",
        ),
        "unknown.py": (
            "a.set_upstream('extrct'); EmptyOperator(task_id='extract')",
            "DAG 'unknown': task 'a' names the upstream task 'extrct', which the DAG does not have: "
            "did you mean 'extract'?",
        ),
    }
    for name, (line, _) in cases.items():
        house.write_dag(
            f"from jupyter_flow import DAG, EmptyOperator\nwith DAG('{name[:-3]}'):\n"
            f"    a = EmptyOperator(task_id='a')\n    {line}\n",
            name,
        )
    house.cli("dags", "reload")
    found = {item["file"]: (item["line"], item["message"]) for item in house.call("dags.errors")}
    assert found == {name: (4, message) for name, (_, message) in cases.items()}
