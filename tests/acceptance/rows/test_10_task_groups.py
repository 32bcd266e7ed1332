"""Row 10: task groups (nested, prefixed, with defaults and arrows of their own), and setups with teardowns."""

from __future__ import annotations

from support.houses import House, states_of


def test_groups_are_shown_prefixed_ordered_and_run(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, BashOperator, EmptyOperator, TaskGroup, task, task_group

        with DAG("groups"):
            start, end = EmptyOperator(task_id="start"), EmptyOperator(task_id="end")
            with TaskGroup("load", tooltip="fetch all", default_args={"retries": 2}) as load:
                for name in ("users", "orders"):
                    BashOperator(task_id=name, bash_command="true")
                with TaskGroup("check", group_display_name="Check it", prefix_group_id=False) as check:
                    BashOperator(task_id="count", bash_command="true", retries=0)
                [load["users"], load["orders"]] >> check

            @task_group
            def clean(word):
                @task
                def one(value):
                    return value.upper()

                return one(word)

            start >> load >> clean("x") >> end
        """,
        "groups.py",
    )
    house.wait_for_dag("groups")
    shown = house.cli_json("dags", "show", "groups")
    groups = {item["group_id"]: (item["parent"], item["label"], item["tooltip"]) for item in shown["groups"]}
    assert groups["load"] == (None, "load", "fetch all")
    assert groups["load.check"] == ("load", "Check it", None)
    assert groups["clean"][0] is None
    tasks = {task["task_id"]: (task["group"], task["retries"], sorted(task["upstream"])) for task in shown["tasks"]}
    assert tasks == {
        "start": (None, 0, []),
        "load.users": ("load", 2, ["start"]),
        "load.orders": ("load", 2, ["start"]),
        "count": ("load.check", 0, ["load.orders", "load.users"]),
        "clean.one": ("clean", 0, ["count"]),
        "end": (None, 0, ["clean.one"]),
    }
    run = house.run_dag("groups")
    assert set(states_of(run).values()) == {"success"}
    assert [item["value"] for item in house.cli_json("tasks", "xcom", "groups", run["run_id"], "clean.one")] == ["X"]


def test_a_teardown_runs_after_failed_work_and_does_not_save_the_run(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, BashOperator, EmptyOperator, TaskGroup, setup, task, teardown

        with DAG("cluster"):
            @setup
            def create():
                return "cluster-1"

            @teardown
            def delete(name):
                print("deleting", name)

            made = create()
            with delete(made).as_teardown(setups=made):
                BashOperator(task_id="work", bash_command="exit 1") >> BashOperator(task_id="more", bash_command="true")

        with DAG("fragile"):
            with TaskGroup("box") as box:
                make = BashOperator(task_id="make", bash_command="true")
                drop = BashOperator(task_id="drop", bash_command="exit 1")
                with drop.as_teardown(setups=make):
                    BashOperator(task_id="work", bash_command="true")
            box >> BashOperator(task_id="after", bash_command="true")

        with DAG("unmade"):
            make = BashOperator(task_id="make", bash_command="exit 1")
            work = BashOperator(task_id="work", bash_command="true")
            make >> work >> BashOperator(task_id="drop", bash_command="true").as_teardown(setups=make)
        """,
        "cluster.py",
    )
    shown = {task["task_id"]: task for task in house.wait_for_dag("cluster")["tasks"]}
    assert (shown["create"]["is_setup"], shown["delete"]["is_teardown"]) == (True, True)
    assert {name: sorted(task["upstream"]) for name, task in shown.items()} == {
        "create": [],
        "work": ["create"],
        "more": ["work"],
        "delete": ["create", "more"],
    }
    run = house.run_dag("cluster")
    assert run["state"] == "failed"
    assert states_of(run) == {
        "create": "success",
        "work": "failed",
        "more": "upstream_failed",
        "delete": "success",
    }
    assert "deleting cluster-1" in house.cli("tasks", "log", "cluster", run["run_id"], "delete").out

    house.cli_json("tasks", "clear", "cluster", run["run_id"], "work")
    again = house.wait_for_run("cluster", run["run_id"])
    tries = {task["task_id"]: task["attempt_number"] for task in again["tasks"]}
    assert tries == {"create": 2, "work": 2, "more": 0, "delete": 2}  # what is run again needs its setup and teardown

    fragile = house.run_dag("fragile")
    assert fragile["state"] == "success"
    assert states_of(fragile) == {
        "box.make": "success",
        "box.work": "success",
        "box.drop": "failed",
        "after": "success",
    }
    unmade = house.run_dag("unmade")
    assert (unmade["state"], states_of(unmade)) == (
        "failed",
        {"make": "failed", "work": "upstream_failed", "drop": "upstream_failed"},
    )


def test_wrong_groups_and_setups_are_named(house: House) -> None:
    cases = {
        "taken.py": (
            "TaskGroup('a')",
            "DAG 'taken': group_id 'a' is taken by the task of line 3: "
            "every task and group of a DAG needs an id of its own",
        ),
        "dotted.py": ("TaskGroup('a.b')", "group_id 'a.b' is not a valid id: use 1 to 200 letters, digits, _ and -"),
        "unmarked.py": (
            "with a: pass",
            "only setups, or only teardowns, can be used with `with`: mark the task with .as_setup() or .as_teardown()",
        ),
        "rule.py": (
            "a.as_setup() >> EmptyOperator(task_id='b', trigger_rule='all_done')",
            "DAG 'rule', task 'a' is a setup: "
            "the task 'b' after it must have trigger_rule 'all_success', not 'all_done'",
        ),
    }
    for name, (line, _) in cases.items():
        house.write_dag(
            f"from jupyter_flow import *\nwith DAG('{name[:-3]}'):\n    a = EmptyOperator(task_id='a')\n    {line}\n",
            name,
        )
    house.cli("dags", "reload")
    found = {item["file"]: (item["line"], item["message"]) for item in house.call("dags.errors")}
    assert found == {name: (4, message) for name, (_, message) in cases.items()}
