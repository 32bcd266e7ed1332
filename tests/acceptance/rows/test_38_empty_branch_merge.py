"""Row 38: tasks without work, branches of every kind, and what joins them again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from support.houses import House, states_of, task_of


def test_a_branch_skips_what_it_does_not_choose_and_a_join_goes_on(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, BranchPythonOperator, EmptyOperator, task

        with DAG("branches", params={"way": "left"}):

            @task.branch
            def choose(params):
                return params["way"]

            left, right = EmptyOperator(task_id="left"), EmptyOperator(task_id="right")
            farther = EmptyOperator(task_id="farther")
            join = EmptyOperator(task_id="join", trigger_rule="none_failed_min_one_success")
            strict = EmptyOperator(task_id="strict")
            choose() >> [left, right]
            right >> farther
            [left, farther] >> join
            [left, farther] >> strict

            both = BranchPythonOperator(task_id="both", python_callable=lambda: ["one", "three"])
            both >> [EmptyOperator(task_id=name) for name in ("one", "two", "three")]
            none = BranchPythonOperator(task_id="none", python_callable=lambda: None)
            none >> EmptyOperator(task_id="never")
        """,
        "branches.py",
    )
    run = house.run_dag("branches")
    assert run["state"] == "success"
    states = states_of(run)
    assert states == {
        "choose": "success",
        "left": "success",
        "right": "skipped",
        "farther": "skipped",
        "join": "success",
        "strict": "skipped",
        "both": "success",
        "one": "success",
        "two": "skipped",
        "three": "success",
        "none": "success",
        "never": "skipped",
    }
    assert task_of(run, "right")["reason"]["text"] == "branch choose chose left"
    shown = house.call("tasks.show", dag_id="branches", run_id=run["run_id"], task_id="both")
    assert {item["key"]: item["value"] for item in shown["xcoms"]} == {"return_value": ["one", "three"]}

    other = house.run_dag("branches", conf={"way": "right"})
    assert states_of(other)["left"] == "skipped"
    assert states_of(other)["join"] == "success"


def test_a_choice_that_does_not_exist_names_those_that_do(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, BranchPythonOperator, EmptyOperator

        with DAG("astray"):
            choose = BranchPythonOperator(task_id="choose", python_callable=lambda: "lefd")
            choose >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]
            wrong = BranchPythonOperator(task_id="wrong", python_callable=lambda: 5)
        """,
        "astray.py",
    )
    run = house.run_dag("astray")
    assert run["state"] == "failed"
    assert task_of(run, "choose")["reason"]["text"] == (
        "FlowException: task 'choose' chose 'lefd', which the DAG does not have: did you mean 'left'?; "
        "directly after it: left, right"
    )
    assert (
        "must choose None, the id of a task or task group, or a list of ids, not 5"
        in (task_of(run, "wrong")["reason"]["text"])
    )


def test_a_cleared_branch_target_is_skipped_again(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, EmptyOperator, task

        with DAG("again"):

            @task.branch
            def choose():
                return "left"

            choose() >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]
        """,
        "again.py",
    )
    run = house.run_dag("again")
    house.call("tasks.clear", dag_id="again", run_id=run["run_id"], task_id="right", downstream=False)
    again = house.wait_for_run("again", run["run_id"])
    assert states_of(again) == {"choose": "success", "left": "success", "right": "skipped"}


def test_short_circuits(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, EmptyOperator, ShortCircuitOperator, task

        with DAG("circuits"):

            @task.short_circuit
            def stop():
                return []

            @task.short_circuit
            def go():
                return {"rows": 3}

            near, far = EmptyOperator(task_id="near"), EmptyOperator(task_id="far", trigger_rule="all_done")
            stop() >> near >> far
            go() >> EmptyOperator(task_id="gone_on")

            gentle = ShortCircuitOperator(
                task_id="gentle", python_callable=lambda: False, ignore_downstream_trigger_rules=False
            )
            gentle >> EmptyOperator(task_id="skipped") >> EmptyOperator(task_id="by_its_rule", trigger_rule="all_done")
        """,
        "circuits.py",
    )
    run = house.run_dag("circuits")
    assert states_of(run) == {
        "stop": "success",
        "near": "skipped",
        "far": "skipped",
        "go": "success",
        "gone_on": "success",
        "gentle": "success",
        "skipped": "skipped",
        "by_its_rule": "success",
    }
    shown = house.call("tasks.show", dag_id="circuits", run_id=run["run_id"], task_id="go")
    assert shown["xcoms"][0]["value"] == {"rows": 3}


def test_branches_by_the_clock(house: House) -> None:
    house.write_dag(
        """
        from datetime import datetime, time
        from jupyter_flow import (
            DAG, BranchDateTimeOperator, BranchDayOfWeekOperator, EmptyOperator, WeekDay
        )

        with DAG("clock"):
            day = BranchDayOfWeekOperator(
                task_id="day",
                follow_task_ids_if_true="weekend",
                follow_task_ids_if_false="workday",
                week_day={WeekDay.SATURDAY, "Sunday"},
                use_task_logical_date=True,
            )
            day >> [EmptyOperator(task_id="weekend"), EmptyOperator(task_id="workday")]
            hour = BranchDateTimeOperator(
                task_id="hour",
                follow_task_ids_if_true=["night"],
                follow_task_ids_if_false=["daytime"],
                target_lower=time(22),
                target_upper=time(6),
                use_task_logical_date=True,
            )
            hour >> [EmptyOperator(task_id="night"), EmptyOperator(task_id="daytime")]
            always = BranchDateTimeOperator(
                task_id="always",
                follow_task_ids_if_true="since",
                follow_task_ids_if_false="before",
                target_lower=datetime(2020, 1, 1),
            )
            always >> [EmptyOperator(task_id="since"), EmptyOperator(task_id="before")]
        """,
        "clock.py",
    )
    saturday = house.run_dag("clock", logical_date="2026-01-03T23:30:00+00:00")
    assert saturday["state"] == "success"
    states = states_of(saturday)
    assert {name for name, state in states.items() if state == "skipped"} == {"workday", "daytime", "before"}
    monday = house.run_dag("clock", logical_date="2026-01-05T12:00:00+00:00")
    assert {name for name, state in states_of(monday).items() if state == "skipped"} == {"weekend", "night", "before"}


def test_only_the_newest_run_of_a_schedule_goes_on(house: House) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    house.write_dag(
        f"""
        from datetime import datetime
        from jupyter_flow import DAG, EmptyOperator, LatestOnlyOperator

        start = datetime.fromisoformat("{today - timedelta(days=3):%Y-%m-%d}")
        with DAG("newest", schedule="@daily", start_date=start, catchup=True):
            LatestOnlyOperator(task_id="latest") >> EmptyOperator(task_id="after") >> EmptyOperator(
                task_id="report", trigger_rule="all_done"
            )
        """,
        "newest.py",
    )
    by_hand = house.run_dag("newest", logical_date=(today - timedelta(days=30)).isoformat())
    assert states_of(by_hand)["after"] == "success"
    runs = [run for run in house.call("runs.list", dag_id="newest")["runs"] if run["run_type"] == "scheduled"]
    assert len(runs) == 3
    found = {run["logical_date"]: states_of(house.wait_for_run("newest", run["run_id"])) for run in runs}
    assert [found[date]["after"] for date in sorted(found)] == ["skipped", "skipped", "success"]
    assert {states["report"] for states in found.values()} == {"success"}


def test_a_branch_into_a_group_and_out_of_one(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, EmptyOperator, TaskGroup, task

        with DAG("groups"):

            @task.branch
            def outside():
                return ["training"]

            with TaskGroup("training") as training:
                [EmptyOperator(task_id="a"), EmptyOperator(task_id="b")] >> EmptyOperator(task_id="c")
            with TaskGroup("serving") as serving:
                EmptyOperator(task_id="d")
            outside() >> [training, serving]

            with TaskGroup("inner"):

                @task.branch
                def inside():
                    return "x"

                inside() >> [EmptyOperator(task_id="x"), EmptyOperator(task_id="y")]
        """,
        "groups.py",
    )
    states = states_of(house.run_dag("groups"))
    assert {name for name, state in states.items() if state == "skipped"} == {"serving.d", "inner.y"}


def test_ids_that_a_clock_branch_cannot_follow_are_an_import_error(house: House) -> None:
    file = house.write_dag(
        """
        from jupyter_flow import DAG, BranchDayOfWeekOperator, EmptyOperator

        with DAG("clockwrong"):
            day = BranchDayOfWeekOperator(
                task_id="day",
                follow_task_ids_if_true="weekend",
                follow_task_ids_if_false="workdy",
                week_day="Sunday",
            )
            day >> [EmptyOperator(task_id="weekend"), EmptyOperator(task_id="workday")]
        """,
        "clockwrong.py",
    )
    checked = house.cli("check", str(file))
    assert checked.code == 2
    assert (
        "follow_task_ids_if_false: task 'day' chose 'workdy', which the DAG does not have: did you mean 'workday'?"
        in (checked.out + checked.err)
    )


def test_an_empty_task_gets_no_process_unless_somebody_listens(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, EmptyOperator

        def heard(context):
            print("heard", context["ti"].task_id)

        with DAG("empties"):
            EmptyOperator(task_id="plain") >> EmptyOperator(task_id="listened", on_execute_callback=heard)
        """,
        "empties.py",
    )
    run = house.run_dag("empties")
    assert states_of(run) == {"plain": "success", "listened": "success"}
    attempts = {task["task_id"]: task["attempt_number"] for task in run["tasks"]}
    assert attempts == {"plain": 0, "listened": 1}
    lines = house.call("tasks.log", dag_id="empties", run_id=run["run_id"], task_id="listened")["lines"]
    assert "heard listened" in [line["text"] for line in lines]
