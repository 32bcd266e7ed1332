"""Row 28: callbacks of tasks and DAGs, each run once, in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest
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


def test_a_callback_that_raises_is_recorded_and_changes_no_state(house: House) -> None:
    house.write_dag(
        JOURNAL
        + """
        from jupyter_flow import DAG, BashOperator

        def broken(context):
            print("about to fail for", context["ti"].task_id)
            raise KeyError("nothing there")

        def fine(context):
            note("fine after broken")

        with DAG("raises", on_success_callback=broken):
            BashOperator(task_id="one", bash_command="true", on_success_callback=[broken, fine])
        """,
        "raises.py",
    )
    run = house.run_dag("raises")
    assert run["state"] == "success"
    called(house, "raises", run["run_id"], 2)
    task, dag = house.cli_json("tasks", "callbacks", "raises", run["run_id"], "--log")
    assert (task["level"], task["event"], task["task_id"], task["state"]) == ("task", "success", "one", "failed")
    assert task["reason"]["text"] == "1 of 2 failed: broken: KeyError: 'nothing there'"
    assert (dag["level"], dag["task_id"], dag["state"]) == ("dag", None, "failed")
    assert dag["reason"]["text"] == "KeyError: 'nothing there'"
    text = "\n".join(line["text"] for line in task["log"])
    assert "about to fail for one" in text
    assert 'raise KeyError("nothing there")' in text
    assert "fine after broken" in (house.dags / "journal.txt").read_text()
    assert {item["state"] for item in house.run("raises", run["run_id"])["tasks"]} == {"success"}
    shown = house.cli("tasks", "callbacks", "raises", run["run_id"], "one")
    assert "1 of 2 failed" in shown.out


def test_what_people_and_rules_do_to_tasks(house: House) -> None:
    """A cancel and a timeout of the run call what had started; marks, skips by rules and failures upstream do not."""
    house.write_dag(
        """
        from jupyter_flow import DAG, BashOperator

        def told(context):
            print(context["ti"].state, type(context.get("exception")).__name__)

        names = ("success", "failure", "retry", "skipped")
        callbacks = {f"on_{name}_callback": told for name in names}
        for dag_id, more in (("stopped", {}), ("marked", {}), ("timed", {"dagrun_timeout": 2})):
            with DAG(dag_id, default_args=callbacks, on_failure_callback=told, on_success_callback=told, **more):
                long = BashOperator(task_id="long", bash_command="sleep 60")
                long >> BashOperator(task_id="after", bash_command="true")
        with DAG("upstream", default_args=callbacks):
            bad = BashOperator(task_id="bad", bash_command="exit 1", on_failure_callback=None)
            bad >> BashOperator(task_id="after", bash_command="true")
        """,
        "people.py",
    )

    def events(dag_id: str, run_id: str, count: int) -> list[tuple[str, str, str | None]]:
        if count:
            called(house, dag_id, run_id, count)
        rows = house.call("tasks.callbacks", dag_id=dag_id, run_id=run_id)["callbacks"]
        return sorted((row["level"], row["event"], row["task_id"] or "") for row in rows)

    runs = {dag_id: house.trigger(dag_id)["run_id"] for dag_id in ("stopped", "marked", "timed", "upstream")}
    for dag_id in ("stopped", "marked"):
        house.wait_for_task(dag_id, runs[dag_id], "long", "running")
    house.call("runs.cancel", dag_id="stopped", run_id=runs["stopped"])
    house.call("tasks.mark", dag_id="marked", run_id=runs["marked"], task_id="long", state="skipped")
    for dag_id, run_id in runs.items():
        house.wait_for_run(dag_id, run_id)
    assert events("stopped", runs["stopped"], 2) == [("dag", "failure", ""), ("task", "failure", "long")]
    assert events("timed", runs["timed"], 2) == [("dag", "failure", ""), ("task", "failure", "long")]
    assert events("marked", runs["marked"], 1) == [("dag", "success", "")]
    assert events("upstream", runs["upstream"], 0) == []
    done = house.call("runs.mark", dag_id="marked", run_id=runs["marked"], state="failed")
    assert done["state"] == "failed"
    house.run_dag("upstream")
    assert events("marked", runs["marked"], 1) == [("dag", "success", "")], "who marks a run knows of it"


class _Web(BaseHTTPRequestHandler):
    """Keeps what is posted; ``/refused`` is answered with 403."""

    received: ClassVar[list[tuple[str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.received.append((self.path, body))
        self.send_response(403 if self.path.startswith("/refused") else 200)
        self.end_headers()
        self.wfile.write(b"no_such_channel")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_notifiers_reach_slack_a_webhook_and_jupyterlab(house: House, web: int) -> None:
    house.call("variables.set", key="slack_webhook", value=f"http://127.0.0.1:{web}/services/T0")
    house.write_dag(
        f"""
        from jupyter_flow import (
            BaseNotifier, DAG, BashOperator, JupyterNotifier, SlackWebhookNotifier, WebhookNotifier,
        )

        class Shout(BaseNotifier):
            template_fields = ("words",)

            def __init__(self, words, **kwargs):
                super().__init__(**kwargs)
                self.words = words

            def notify(self, context):
                print(self.words.upper(), context["exception"])

        refused = WebhookNotifier("http://127.0.0.1:{web}/refused?secret=1", json={{}})
        with DAG("notified", on_failure_callback=refused):
            BashOperator(
                task_id="load",
                bash_command="exit 7",
                on_failure_callback=[
                    SlackWebhookNotifier(text="{{{{ ti.task_id }}}} of {{{{ run_id }}}} failed: {{{{ reason }}}}"),
                    WebhookNotifier("http://127.0.0.1:{web}/hook"),
                    JupyterNotifier("{{{{ ti.task_id }}}} failed", level="error"),
                    Shout("{{{{ dag_run.dag_id }}}}"),
                ],
            )
        """,
        "notified.py",
    )
    run = house.run_dag("notified")
    called(house, "notified", run["run_id"], 2)
    task, dag = house.call("tasks.callbacks", dag_id="notified", run_id=run["run_id"], log=True)["callbacks"]
    assert task["state"] == "success", task
    reason = "the command ended with exit code 7"
    received = dict(_Web.received)
    assert received["/refused?secret=1"] == {}
    assert received["/services/T0"] == {"text": f"load of {run['run_id']} failed: {reason}"}
    assert received["/hook"].pop("run_state") in ("running", "failed")
    assert received["/hook"] == {
        "dag_id": "notified",
        "run_id": run["run_id"],
        "task_id": "load",
        "map_index": -1,
        "state": "failed",
        "try_number": 1,
        "reason": reason,
    }
    assert dag["reason"]["text"] == f"FlowException: http://127.0.0.1:{web} answered 403 Forbidden: no_such_channel"
    assert any(line["text"].startswith("NOTIFIED the command ended with") for line in task["log"])
    (event,) = house.rows("SELECT * FROM event WHERE kind = 'notification' AND run_id = ?", run["run_id"])
    assert event["task_id"] == "load"
    assert json.loads(event["reason"])["args"] == {"message": "load failed", "level": "error"}


def test_callbacks_may_push_xcoms_and_tasks_may_notify(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, JupyterNotifier, PythonOperator, get_current_context

        def work():
            JupyterNotifier("{{ ti.task_id }} is at work", level="success")(get_current_context())
            return {"rows": 3}

        def told(context):
            context["ti"].xcom_push("seen", context["ti"].xcom_pull(task_ids="work")["rows"] + 1)

        with DAG("pushes"):
            PythonOperator(task_id="work", python_callable=work, on_success_callback=told)
        """,
        "pushes.py",
    )
    run = house.run_dag("pushes")
    (row,) = called(house, "pushes", run["run_id"], 1)
    assert row["outcome"] == "success", row
    assert house.cli_json("tasks", "xcom", "pushes", run["run_id"], "work", "--key", "seen")[0]["value"] == 4
    (event,) = house.rows("SELECT * FROM event WHERE kind = 'notification' AND run_id = ?", run["run_id"])
    assert json.loads(event["reason"])["args"] == {"message": "work is at work", "level": "success"}


def test_a_dag_that_is_deleted_while_it_calls_holds_nothing_up(house: House) -> None:
    file = house.write_dag(
        JOURNAL
        + """
        import time
        from jupyter_flow import DAG, EmptyOperator

        def slow(context):
            note("slow begins")
            while not JOURNAL.with_name("deleted").exists():
                time.sleep(0.02)

        with DAG("gone", on_success_callback=slow):
            EmptyOperator(task_id="only")
        """,
        "gone.py",
    )
    house.run_dag("gone")
    wait_for(lambda: "slow begins" in (house.dags / "journal.txt").read_text(), "the callback has begun", 30)
    file.unlink()
    house.call("dags.delete", dag_id="gone")
    (house.dags / "deleted").touch()
    assert house.run_dag("calls")["state"] == "failed"
    assert house.call("host.status")["state"] == "healthy"


def test_wrong_callbacks_are_refused_in_one_line(house: House) -> None:
    wrong = {
        "number.py": ("on_failure_callback=3", "a function, a notifier or a list of them, not 3"),
        "class.py": ("on_retry_callback=SmtpNotifier", "is the class SmtpNotifier: give an object, SmtpNotifier(…)"),
        "few.py": (
            "on_success_callback=lambda: 1",
            "() cannot be called with (context): too many positional arguments",
        ),
        "name.py": (
            "on_failed_callback=print",
            "no argument 'on_failed_callback': did you mean 'on_failure_callback'?",
        ),
    }
    for name, (argument, _) in wrong.items():
        house.write_dag(
            f"""
            from jupyter_flow import DAG, EmptyOperator, SmtpNotifier

            with DAG("{name.removesuffix(".py")}"):
                EmptyOperator(task_id="only", {argument})
            """,
            name,
        )

    def refused() -> Any:
        found = {item["file"]: item for item in house.call("dags.errors") if item["kind"] == "error"}
        return found if found.keys() >= wrong.keys() else None

    found = wait_for(refused, "all four are refused", 30)
    for name, (_, words) in wrong.items():
        assert words in found[name]["message"], found[name]
        assert found[name]["line"] == 4


def test_mapped_task_instances_and_runs_in_the_foreground_call_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    text = (
        JOURNAL
        + """
        from jupyter_flow import DAG, BashOperator

        def told(context):
            ti = context["ti"]
            note(ti.task_id, ti.map_index, ti.state)

        def ended(context):
            failed = context["dag_run"].get_task_instances(state="failed")
            note(context["reason"], [ti.map_index for ti in failed])

        with DAG("mapped", on_failure_callback=ended):
            many = BashOperator.partial(task_id="many", on_success_callback=told, on_failure_callback=told)
            many.expand(bash_command=["true", "false", "true"])
        """
    )
    alone = House(tmp_path_factory.mktemp("alone"))
    file = alone.write_dag(text, "mapped.py")
    done = alone.cli("run", str(file), "--json")
    assert done.code == 1, str(done)
    lines = [json.loads(line) for line in (alone.dags / "journal.txt").read_text().splitlines()]
    assert sorted(lines, key=str) == sorted(
        [["many", 0, "success"], ["many", 1, "failed"], ["many", 2, "success"], ["task_failure", [1]]], key=str
    )
