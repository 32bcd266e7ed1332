"""Row 8: chain, chain_linear and cross_downstream, as in Airflow."""

from __future__ import annotations

from support.houses import House, states_of


def test_chains_draw_the_arrows_of_airflow(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, EmptyOperator, Label, TaskGroup, chain, chain_linear, cross_downstream, task


        def make(names):
            return [EmptyOperator(task_id=name) for name in names]


        with DAG("chained"):
            a, b, c, d, e, f = make("abcdef")
            with TaskGroup("group") as group:
                make("xy")

            @task
            def value():
                return 1

            chain(a, [b, c], [d, e], Label("into"), group, value(), f)

        with DAG("linear"):
            a, b, c, d, e, f = make("abcdef")
            chain_linear(a, [b, c], [d, e], f)

        with DAG("crossed"):
            a, b, c, d = make("abcd")
            cross_downstream([a, b], [c, d])
        """,
        "chains.py",
    )
    house.wait_for_dag("crossed")

    def upstream(dag_id: str) -> dict[str, list[str]]:
        tasks = house.cli_json("dags", "show", dag_id)["tasks"]
        return {task["task_id"]: task["upstream"] for task in tasks if task["upstream"]}

    assert upstream("chained") == {
        "b": ["a"],
        "c": ["a"],
        "d": ["b"],
        "e": ["c"],
        "group.x": ["d", "e"],
        "group.y": ["d", "e"],
        "value": ["group.x", "group.y"],
        "f": ["value"],
    }
    assert {item["label"] for item in house.call("dags.show", dag_id="chained")["labels"]} == {"into"}
    assert upstream("linear") == {"b": ["a"], "c": ["a"], "d": ["b", "c"], "e": ["b", "c"], "f": ["d", "e"]}
    assert upstream("crossed") == {"c": ["a", "b"], "d": ["a", "b"]}
    assert set(states_of(house.run_dag("chained")).values()) == {"success"}


def test_wrong_chains_say_what_to_do(house: House) -> None:
    cases = {
        "uneven.py": (
            "chain([a, b], [c])",
            "chain: two lists in a row must have the same length, not 2 and 1: "
            "use chain_linear to connect each with each",
        ),
        "labelled.py": (
            "chain_linear(a, Label('x'), b)",
            "chain_linear takes no labels: use chain, or >> Label(…) >>",
        ),
        "unpacked.py": (
            "chain_linear([a, b, c])",
            "chain_linear drew no dependency: give at least two elements (a list of them needs a *)",
        ),
    }
    for name, (line, _) in cases.items():
        house.write_dag(
            f"from jupyter_flow import *\nwith DAG('{name[:-3]}'):\n"
            f"    a, b, c = (EmptyOperator(task_id=name) for name in 'abc')\n    {line}\n",
            name,
        )
    house.cli("dags", "reload")
    found = {item["file"]: (item["line"], item["message"]) for item in house.call("dags.errors")}
    assert found == {name: (4, message) for name, (_, message) in cases.items()}
