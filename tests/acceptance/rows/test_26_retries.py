"""Row 26: retries: when the next try is due, what each try leaves behind, and policies by exception."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any

from support.houses import House, states_of, task_of


def attempts(house: House, dag_id: str, run_id: str, task_id: str) -> list[dict[str, Any]]:
    """Return the attempts of a task instance."""
    found: list[dict[str, Any]] = house.call("tasks.show", dag_id=dag_id, run_id=run_id, task_id=task_id)["attempts"]
    return found


def pause(earlier: dict[str, Any], later: dict[str, Any]) -> float:
    """Return the seconds between the end of one attempt and the claim of the next."""
    ended, claimed = (datetime.fromisoformat(text) for text in (earlier["end_date"], later["queued_at"]))
    return (claimed - ended).total_seconds()


def test_each_try_keeps_its_log_notebook_and_timings(house: House) -> None:
    house.write_notebook(
        [
            "from pathlib import Path\nseen = Path('tries.txt')",
            "number = len(seen.read_text()) if seen.exists() else 0",
            "seen.write_text('x' * (number + 1))\nprint('try', number + 1)\nassert number == 2, f'try {number + 1}'",
        ],
        "third.ipynb",
    )
    house.write_dag(
        """
        from jupyter_flow import DAG, NotebookOperator

        with DAG("tries"):
            NotebookOperator(task_id="book", notebook="third.ipynb", retries=2, retry_delay=0.2)
        """,
        "tries.py",
    )
    run = house.run_dag("tries")
    assert run["state"] == "success"
    assert (task_of(run, "book")["try_number"], task_of(run, "book")["max_tries"]) == (3, 3)
    found = attempts(house, "tries", run["run_id"], "book")
    assert [(item["try_number"], item["outcome"]) for item in found] == [(1, "failed"), (2, "failed"), (3, "success")]
    assert len({item["log_path"] for item in found}) == len({item["notebook_path"] for item in found}) == 3
    for number, item in enumerate(found, 1):
        assert item["duration"] > 0
        names = {"dag_id": "tries", "run_id": run["run_id"], "task_id": "book", "attempt": number}
        cells = house.call("tasks.notebook", **names)["notebook"]["cells"]
        texts = ["".join(output["text"]) for cell in cells for output in cell.get("outputs", ()) if "text" in output]
        assert "".join(texts) == f"try {number}\n"
        lines = house.call("tasks.log", **names)["lines"]
        assert lines[-1]["text"].startswith("success" if number == 3 else "failed: AssertionError in cell 3")
    for earlier, later in pairwise(found):
        assert pause(earlier, later) >= 0.2


def test_growing_delays_and_a_bound(house: House) -> None:
    house.write_dag(
        """
        from datetime import timedelta
        from jupyter_flow import DAG, BashOperator

        with DAG("delays", default_args={"retries": 2}):
            grows = BashOperator(
                task_id="grows", bash_command="false", retry_delay=timedelta(seconds=0.4),
                retry_exponential_backoff=True,
            )
            bounded = BashOperator(
                task_id="bounded", bash_command="false", retry_delay=300, retry_exponential_backoff=3.0,
                max_retry_delay=timedelta(seconds=0.3),
            )
        """,
        "delays.py",
    )
    run = house.run_dag("delays")
    assert states_of(run) == {"grows": "failed", "bounded": "failed"}
    one, two, three = attempts(house, "delays", run["run_id"], "grows")
    assert pause(one, two) >= 1.0, "whole seconds, at least one"
    assert pause(two, three) >= 1.0
    one, two, three = attempts(house, "delays", run["run_id"], "bounded")
    assert all(0.3 <= seconds < 30 for seconds in (pause(one, two), pause(two, three)))


def test_a_policy_decides_by_the_exception(house: House) -> None:
    house.write_notebook(["import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"], "dies.ipynb")
    house.write_notebook(["1 / 0"], "divides.ipynb")
    house.write_dag(
        """
        from datetime import timedelta
        from jupyter_flow import (
            DAG, ExceptionRetryPolicy, NotebookOperator, PythonOperator, RetryAction, RetryDecision, RetryPolicy,
            RetryRule,
        )

        class Busy(ConnectionError):
            pass

        def fail(error):
            raise error

        now = timedelta(seconds=0)
        policy = ExceptionRetryPolicy(
            rules=[
                RetryRule(exception=ConnectionError, action=RetryAction.RETRY, retry_delay=now, reason="busy"),
                RetryRule(exception=["builtins.ValueError", "ZeroDivisionError"], action=RetryAction.FAIL),
                RetryRule(exception="KernelDied", retry_delay=now),
                RetryRule(exception="Timeout", action=RetryAction.FAIL, reason="too slow"),
            ]
        )

        class Twice(RetryPolicy):
            def evaluate(self, exception, try_number, max_tries, context=None):
                assert context["ti"].task_id == "own" and max_tries == 4
                return RetryDecision.fail("twice is enough") if try_number == 2 else RetryDecision.retry(now)

        class Broken(RetryPolicy):
            def evaluate(self, exception, try_number, max_tries, context=None):
                raise RuntimeError("a bug")

        def sleep():
            import time
            time.sleep(30)

        with DAG("policies", default_args={"retries": 1, "retry_delay": 300, "retry_policy": policy}):
            PythonOperator(task_id="busy", python_callable=fail, op_args=[Busy("no room")])
            PythonOperator(task_id="value", python_callable=fail, op_args=[ValueError("wrong")])
            PythonOperator(task_id="slow", python_callable=sleep, execution_timeout=0.5)
            PythonOperator(task_id="own", python_callable=fail, op_args=[OSError("x")], retries=3, retry_policy=Twice())
            PythonOperator(
                task_id="broken", python_callable=fail, op_args=[OSError()], retry_delay=0, retry_policy=Broken()
            )
            NotebookOperator(task_id="dies", notebook="dies.ipynb")
            NotebookOperator(task_id="divides", notebook="divides.ipynb")
        """,
        "policies.py",
    )
    run = house.run_dag("policies")
    tries = {task["task_id"]: task["try_number"] for task in run["tasks"]}
    assert tries == {"busy": 2, "value": 1, "slow": 1, "own": 2, "broken": 2, "dies": 2, "divides": 1}
    assert set(states_of(run).values()) == {"failed"}

    def log(task_id: str) -> str:
        lines = house.call("tasks.log", dag_id="policies", run_id=run["run_id"], task_id=task_id, attempt=1)["lines"]
        return "\n".join(line["text"] for line in lines)

    assert "retry_policy: retry: busy" in log("busy")
    assert "retry_policy: fail: rule for ValueError" in log("value")
    assert "retry_policy: fail: too slow" in log("slow")
    assert "retry_policy: fail: rule for ZeroDivisionError" in log("divides")
    assert "retry_policy: retry: rule for KernelDied" in log("dies")
    assert "the retry_policy failed: the task's own retries count" in log("broken")


def test_a_lost_runner_costs_no_try(house: House) -> None:
    house.write_dag(
        """
        import os, signal
        from pathlib import Path
        from jupyter_flow import DAG, PythonOperator

        def lose():
            seen = Path(__file__).with_name("lost.txt")
            if not seen.exists():
                seen.touch()
                os.kill(os.getpid(), signal.SIGKILL)

        with DAG("losses"):
            PythonOperator(task_id="lose", python_callable=lose)
        """,
        "losses.py",
    )
    run = house.run_dag("losses")
    task = task_of(run, "lose")
    assert (task["state"], task["try_number"], task["attempt_number"]) == ("success", 1, 2)
    assert [item["outcome"] for item in attempts(house, "losses", run["run_id"], "lose")] == ["lost", "success"]
