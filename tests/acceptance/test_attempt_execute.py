"""What a runner does around ``execute``, with real processes: hooks, clean-ups, other ends than success and failure."""

from __future__ import annotations

from pathlib import Path

from support.attempts import Attempts
from support.waiting import wait_for

WAITS = """
import time
from jupyter_flow import DAG, BaseOperator, FlowTaskTimeout


class Waits(BaseOperator):
    def execute(self, context):
        print("waiting", flush=True)
        try:
            time.sleep(1000)
        except FlowTaskTimeout:
            print("time is up", flush=True)
            raise

    def on_kill(self):
        print("cleaning up", flush=True)


with DAG("example"):
    Waits(task_id="work")
"""


def test_an_operator_cleans_up_when_its_time_is_over(attempts: Attempts) -> None:
    (attempts.dags / "example.py").write_text(WAITS)
    for seconds in (1.0, 20.0):
        attempt = attempts.task(operator="Waits", needs_dag_file=True, execution_timeout=seconds)
        report = attempt.run()
        assert (report.outcome, report.reason.code) == ("failed", "timeout")
        if "waiting" in attempt.log_text("stdout"):  # else the machine was too slow to begin within the time
            break
    assert attempt.log_text("stdout").splitlines() == ["waiting", "time is up", "cleaning up"]


def test_an_operator_cleans_up_when_it_is_cancelled(attempts: Attempts) -> None:
    (attempts.dags / "example.py").write_text(WAITS)
    attempt = attempts.task(operator="Waits", needs_dag_file=True).start()
    wait_for(lambda: "waiting" in attempt.log_text("stdout"), "the task is at work")
    attempt.cancel()
    assert attempt.finish().outcome == "cancelled"
    assert attempt.log_text("stdout").splitlines() == ["waiting", "cleaning up"]


def test_hooks_callbacks_labels_and_what_a_branch_follows(attempts: Attempts) -> None:
    (attempts.dags / "example.py").write_text(
        """
from jupyter_flow import DAG, EmptyOperator, get_current_context, task


def say(word):
    return lambda context, *result: print(word, *result, flush=True)


with DAG("example"):

    @task.branch(
        task_id="work",
        pre_execute=say("before"),
        post_execute=say("after"),
        on_execute_callback=[say("called"), say("called too")],
        map_index_template="{{ town }}",
    )
    def work():
        get_current_context()["town"] = "Bonn"
        return ["left"]

    work() >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]
"""
    )
    attempt = attempts.task(operator="@task.branch", needs_dag_file=True, map_index_template="{{ town }}")
    report = attempt.run()
    assert report.outcome == "success", attempt.log_text()
    assert report.follow == {"branch": ["left"]}
    assert report.label == "Bonn"
    lines = attempt.log_text("stdout").splitlines()
    assert [line for line in lines if line.startswith(("before", "called", "after"))] == [
        "before",
        "called",
        "called too",
        "after ['left']",
    ]


def test_a_task_asks_to_be_started_again_later(attempts: Attempts) -> None:
    report = attempts.python(
        """
from datetime import datetime
from jupyter_flow import FlowRescheduleException
raise FlowRescheduleException(datetime(2026, 2, 1, 12))
"""
    ).run()
    assert (report.outcome, report.reschedule_at) == ("up_for_reschedule", "2026-02-01T12:00:00+00:00")
    assert report.follow is None


def test_a_retry_policy_decides_by_the_exception(attempts: Attempts) -> None:
    (attempts.dags / "example.py").write_text(
        """
from datetime import timedelta
from jupyter_flow import DAG, task


class Policy:
    def evaluate(self, exception, try_number, max_tries, context=None):
        from types import SimpleNamespace
        return SimpleNamespace(action="retry", retry_delay=timedelta(seconds=90), reason=type(exception).__name__)


with DAG("example"):

    @task(task_id="work", retries=1)
    def work():
        raise KeyError("x")

    made = work()
    made.operator.retry_policy = Policy()
"""
    )
    attempt = attempts.task(operator="PythonOperator", needs_dag_file=True)
    report = attempt.run()
    assert (report.outcome, report.no_retry, report.retry_delay) == ("failed", False, 90.0)
    assert "retry_policy: retry: KeyError" in attempt.log_text("stderr")


def test_a_working_folder_that_is_not_there_is_one_line(attempts: Attempts) -> None:
    attempt = attempts.bash("true", workload={"cwd": str(Path(attempts.base, "gone"))})
    report = attempt.run()
    assert str(report.reason) == f"working folder {attempts.base}/gone: No such file or directory"
    assert "Traceback" not in attempt.log_text()
