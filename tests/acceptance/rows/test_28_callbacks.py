"""Row 28: callbacks of tasks and DAGs, each run once, in a process of its own."""

from __future__ import annotations

from typing import Any

from support.houses import House
from support.waiting import wait_for

JOURNAL = """
        import json, os
        from pathlib import Path

        JOURNAL = Path(__file__).with_name("journal.txt")

        def note(*words):
            with JOURNAL.open("a") as file:
                file.write(json.dumps(words) + "\\n")
"""


def called(house: House, dag_id: str, run_id: str, count: int) -> list[dict[str, Any]]:
    """Wait until ``count`` callbacks of the run have ended and return them."""

    def ended() -> Any:
        rows = house.rows(
            "SELECT c.* FROM callback c JOIN dag_run r ON r.id = c.dag_run_id WHERE r.dag_id = ? AND r.run_id = ?"
            " ORDER BY c.id",
            dag_id,
            run_id,
        )
        return rows if len(rows) >= count and all(row["finished_at"] for row in rows) else None

    return wait_for(ended, lambda: f"{count} callbacks have ended\n{house.story(dag_id, run_id)}", 30)


def test_each_event_calls_its_callbacks_with_the_context_of_the_change(house: House) -> None:
    house.write_dag(
        JOURNAL
        + """
        from jupyter_flow import DAG, BashOperator, PythonOperator, FlowSkipException

        def told(event):
            def call(context):
                ti = context["ti"]
                error = context.get("exception")
                note(event, ti.task_id, ti.try_number, ti.state, type(error).__name__, str(error), context["run_id"])
            return call

        def run_told(event):
            def call(context):
                run = context["dag_run"]
                note(event, run.state, context["reason"], context["ti"].task_id, context["dag"].dag_id)
            return call

        def skip():
            raise FlowSkipException("nothing to do")

        def divide():
            return 1 / 0

        callbacks = {f"on_{event}_callback": told(event) for event in ("success", "failure", "retry", "skipped")}
        with DAG(
            "calls",
            default_args=callbacks,
            on_success_callback=run_told("dag_success"),
            on_failure_callback=[run_told("dag_failure"), run_told("dag_failure_2")],
        ):
            good = BashOperator(task_id="good", bash_command="true")
            bad = PythonOperator(task_id="bad", python_callable=divide, retries=1, retry_delay=0)
            none = PythonOperator(task_id="none", python_callable=skip)
            after = BashOperator(task_id="after", bash_command="true")
            bad >> after
        """,
        "calls.py",
    )
    run = house.run_dag("calls")
    assert run["state"] == "failed"
    rows = called(house, "calls", run["run_id"], 5)
    assert [row["outcome"] for row in rows] == ["success"] * 5
    import json

    lines = [json.loads(line) for line in (house.dags / "journal.txt").read_text().splitlines()]
    run_id = run["run_id"]
    division = ["ZeroDivisionError", "division by zero", run_id]
    nothing = ["NoneType", "None", run_id]
    assert sorted(lines) == sorted(
        [
            ["success", "good", 1, "success", *nothing],
            ["retry", "bad", 1, "up_for_retry", *division],
            ["failure", "bad", 2, "failed", *division],
            ["skipped", "none", 1, "skipped", *nothing],
            ["dag_failure", "failed", "task_failure", "bad", "calls"],
            ["dag_failure_2", "failed", "task_failure", "bad", "calls"],
        ]
    )
