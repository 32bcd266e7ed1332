"""Row 29: SLAs of tasks and deadlines of runs: noticed to the second, recorded once, told once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.houses import House
from support.mail import PASSWORD, MailServer, mail_server
from support.waiting import wait_for


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with mail_server() as made:
        yield made


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, server: MailServer) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    made.start(*server.options, env={"JUPYTER_FLOW_SMTP_PASSWORD": PASSWORD})
    try:
        yield made
    finally:
        made.close()


def journal(house: House, name: str, count: int = 1) -> list[Any]:
    """Wait for ``count`` lines of a journal that callbacks write and return them as JSON."""
    path = house.dags / name

    def lines() -> Any:
        found = path.read_text().splitlines() if path.exists() else []
        return found if len(found) >= count else None

    return [json.loads(line) for line in wait_for(lines, f"{count} lines of {name}", 30)]


def test_missed_slas_of_a_pass_are_told_by_one_mail_and_one_callback(house: House, server: MailServer) -> None:
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    soon = (now - midnight).total_seconds() + 5
    day = (midnight - timedelta(days=1)).date()
    house.write_dag(
        f"""
        import json
        from datetime import timedelta
        from pathlib import Path
        from jupyter_flow import DAG, BashOperator

        def late(dag, task_list, blocking_task_list, slas, blocking_tis):
            words = [dag.dag_id, task_list, [sla.task_id for sla in slas], [ti.task_id for ti in blocking_tis]]
            words.append(sorted({{str(sla.execution_date) for sla in slas}}))
            with Path(__file__).with_name("late.txt").open("a") as file:
                file.write(json.dumps(words) + "\\n")

        with DAG(
            "nightly", schedule="@daily", start_date="{day}", end_date="{day}", catchup=True,
            is_paused_upon_creation=False,
            default_args={{"sla": timedelta(seconds={soon}), "email": "ops@example.com"}}, sla_miss_callback=late,
        ):
            extract = BashOperator(task_id="extract", bash_command="true")
            load = BashOperator(task_id="load", bash_command="while ! test -e go; do sleep 0.1; done")
            report = BashOperator(task_id="report", bash_command="true", email="boss@example.com")
            free = BashOperator(task_id="free", bash_command="true", sla=None)
            extract >> load >> [report, free]
        """,
        "nightly.py",
    )
    (told,) = journal(house, "late.txt")
    date = str(midnight - timedelta(days=1))
    assert told == [
        "nightly",
        f"load on {date.replace(' ', 'T')}\nreport on {date.replace(' ', 'T')}",
        ["load", "report"],
        ["load", "report", "free"],
        [date],
    ]
    (mail,) = server.to("ops@example.com")
    assert mail.recipients == ["ops@example.com", "boss@example.com"]
    assert mail.message["Subject"] == "Jupyter Flow: SLA missed in DAG nightly"
    assert f"load on {date.replace(' ', 'T')}\nreport on" in mail.text
    answer = house.cli_json("slas", "list", "nightly")
    assert {item["task_id"] for item in answer["slas"]} == {"load", "report"}
    for item in answer["slas"]:
        late_by = datetime.fromisoformat(item["noticed_at"]) - datetime.fromisoformat(item["due_at"])
        assert timedelta(0) <= late_by < timedelta(seconds=5), "the host wakes for it"
        assert datetime.fromisoformat(item["due_at"]) == midnight + timedelta(seconds=soon)
    run_id = answer["slas"][0]["run_id"]
    noted = house.cli_json("slas", "note", "nightly", run_id, "load", "the source was slow")
    assert noted["note"] == "the source was slow"
    assert house.call("slas.list")["slas"][-1]["note"] == "the source was slow"
    (house.dags / "go").touch()
    assert house.wait_for_run("nightly", run_id)["state"] == "success"
    assert len(journal(house, "late.txt")) == 1
    calls = house.call("tasks.callbacks", dag_id="nightly", run_id=run_id)["callbacks"]
    assert sorted((call["level"], call["event"]) for call in calls) == [("email", "sla_miss"), ("sla", "sla_miss")]
    refused = house.cli("slas", "note", "nightly", run_id, "extract", "x")
    assert refused.code == 2
    assert refused.err.strip() == "error: task 'extract' has missed no SLA in this run"


def test_a_manual_run_has_no_sla(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, BashOperator

        with DAG("by_hand"):
            BashOperator(task_id="one", bash_command="sleep 0.2", sla=0.01)
        """,
        "by_hand.py",
    )
    assert house.run_dag("by_hand")["state"] == "success"
    assert house.call("slas.list", dag_id="by_hand")["slas"] == []


def test_a_missed_deadline_calls_its_callback_and_a_met_one_is_recorded(house: House) -> None:
    house.write_dag(
        """
        import json
        from datetime import datetime, timedelta
        from pathlib import Path
        from jupyter_flow import (
            DAG, AsyncCallback, BaseNotifier, BashOperator, DeadlineAlert, DeadlineReference, SyncCallback,
        )

        def note(*words):
            with Path(__file__).with_name("deadlines.txt").open("a") as file:
                file.write(json.dumps(words) + "\\n")

        def too_late(context, who):
            note("sync", who, context["dag_run"].run_id, context["deadline"]["name"], "ti" in context)

        async def also(text):
            note("async", text)

        class Note(BaseNotifier):
            template_fields = ("text",)

            def __init__(self, text, **kwargs):
                super().__init__(**kwargs)
                self.text = text

            def notify(self, context):
                note("notifier", self.text)

        queued = DeadlineReference.DAGRUN_QUEUED_AT
        second = timedelta(seconds=1.5)
        with DAG(
            "bounded",
            deadline=[
                DeadlineAlert(queued, second, SyncCallback(too_late, {"who": "ops"}), name="quick"),
                DeadlineAlert(queued, timedelta(hours=1), SyncCallback(too_late, {"who": "boss"})),
                DeadlineAlert(queued, second, AsyncCallback(also, kwargs={"text": "hello"})),
                DeadlineAlert(queued, second, SyncCallback(Note, {"text": "{{ dag_run.dag_id }} is late"})),
                DeadlineAlert(DeadlineReference.FIXED_DATETIME(datetime(2020, 1, 1)), timedelta(0)),
            ],
        ):
            BashOperator(task_id="wait", bash_command="while ! test -e went; do sleep 0.1; done")
        """,
        "bounded.py",
    )
    run = house.trigger("bounded")
    told = journal(house, "deadlines.txt", 3)
    assert sorted(told) == [
        ["async", "hello"],
        ["notifier", "bounded is late"],
        ["sync", "ops", run["run_id"], "quick", False],
    ]
    (house.dags / "went").touch()
    assert house.wait_for_run("bounded", run["run_id"])["state"] == "success"
    found = {item["position"]: item for item in house.cli_json("deadlines", "list", "bounded")["deadlines"]}
    assert [found[number]["state"] for number in range(5)] == ["missed", "met", "missed", "missed", "missed"]
    quick = found[0]
    late_by = datetime.fromisoformat(quick["missed_at"]) - datetime.fromisoformat(quick["due_at"])
    assert timedelta(0) <= late_by < timedelta(seconds=5)
    noted = house.cli_json("deadlines", "note", "bounded", run["run_id"], "a slow disk", "--number", "0")
    assert noted["note"] == "a slow disk"


def test_wrong_deadlines_are_refused_in_one_line(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, DeadlineAlert, DeadlineReference

        DAG("wrong", deadline=DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, 60, print))
        """,
        "wrong.py",
    )
    errors = wait_for(
        lambda: [item for item in house.call("dags.errors") if item["file"] == "wrong.py"], "the file is refused", 30
    )
    assert errors[0]["message"] == (
        "DeadlineAlert: callback must be SyncCallback(…) or AsyncCallback(…), not <built-in function print>"
    )
    assert errors[0]["line"] == 3
