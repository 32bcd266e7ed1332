"""Row 27: mail when a task fails or is tried again, through a real conversation with a mail server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.houses import House
from support.mail import PASSWORD, MailServer, mail_server
from support.waiting import wait_for

BASE_URL = "https://lab.example.com/user/ada"


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with mail_server() as made:
        yield made


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, server: MailServer) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    made.start(*server.options, "--base-url", BASE_URL, env={"JUPYTER_FLOW_SMTP_PASSWORD": PASSWORD})
    try:
        yield made
    finally:
        made.close()


def test_a_failing_notebook_is_told_with_its_traceback_and_a_link(house: House, server: MailServer) -> None:
    house.write_notebook(["print('first')", "total = 10\ntotal / 0"], "report.ipynb")
    house.write_dag(
        """
        from jupyter_flow import DAG, NotebookOperator

        with DAG("reports", default_args={"email": ["ada@example.com", "bob@example.com"], "email_on_retry": False}):
            NotebookOperator(task_id="book", notebook="report.ipynb", retries=1, retry_delay=0)
        """,
        "reports.py",
    )
    run = house.run_dag("reports")
    (mail,) = server.to("ada@example.com")
    assert mail.sender == "flow@example.com"
    assert mail.recipients == ["ada@example.com", "bob@example.com"]
    assert mail.message["Subject"].startswith("Jupyter Flow: reports.book failed: ZeroDivisionError in cell 2")
    assert "2 of 2" in mail.text
    assert "total / 0" in mail.text
    assert "ZeroDivisionError: division by zero" in mail.text
    assert "\x1b" not in mail.text
    link = f"{BASE_URL}/lab?flow-dag=reports&flow-run={run['run_id'].replace(':', '%3A').replace('+', '%2B')}"
    assert link in mail.text
    assert link.replace("&", "&amp;") in mail.html
    assert set(server.logins) == {"flow in"}
    (call,) = house.cli_json("tasks", "callbacks", "reports", run["run_id"], "book", "--log")
    assert (call["level"], call["event"], call["state"]) == ("email", "failure", "success")
    assert any("mail to ada@example.com, bob@example.com" in line["text"] for line in call["log"])


def test_each_retry_and_the_end_are_told_and_the_log_stands_in_for_cells(house: House, server: MailServer) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, PythonOperator

        def fetch():
            print("asked the source")
            raise ConnectionError("the source is away <b>now</b>")

        with DAG("fetches"):
            PythonOperator(task_id="fetch", python_callable=fetch, retries=1, retry_delay=0, email="eve@example.com")
            PythonOperator(task_id="quiet", python_callable=fetch, email="quiet@example.com", email_on_failure=False)
        """,
        "fetches.py",
    )
    house.run_dag("fetches")
    retried, failed = server.to("eve@example.com", 2)
    assert "failed and is tried again: ConnectionError" in retried.message["Subject"]
    assert "fetches.fetch failed: ConnectionError" in failed.message["Subject"]
    assert "asked the source" in failed.text
    assert 'raise ConnectionError("the source is away <b>now</b>")' in failed.text
    assert "<b>now</b>" not in failed.html, "what a task says is no markup"
    assert not [mail for mail in server.received if "quiet@example.com" in mail.recipients]


def test_a_mail_that_cannot_be_sent_is_recorded_and_changes_nothing(house: House, server: MailServer) -> None:
    house.write_dag(
        f"""
        from jupyter_flow import DAG, BashOperator, SmtpNotifier

        plain = SmtpNotifier(to="ada@example.com", host="127.0.0.1", port={server.port})
        with DAG("refused", on_failure_callback=plain):
            BashOperator(task_id="bad", bash_command="exit 3", email="nobody@example.com")
        """,
        "refused.py",
    )
    run = house.run_dag("refused")
    assert run["state"] == "failed"

    def ended() -> Any:
        calls = house.call("tasks.callbacks", dag_id="refused", run_id=run["run_id"])["callbacks"]
        return calls if [call["state"] for call in calls] == ["failed", "failed"] else None

    mail, dag = wait_for(ended, "both mails are refused", 30)
    assert "no such mailbox" in mail["reason"]["text"]
    assert dag["reason"]["text"].startswith(
        f"FlowException: 127.0.0.1:{server.port} does not offer STARTTLS: set c.JupyterFlow.smtp_starttls = False"
    )


def test_a_notifier_mails_what_its_author_wrote(house: House, server: MailServer) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, EmptyOperator, SmtpNotifier

        done = SmtpNotifier(
            to="carl@example.com",
            subject="{{ dag_run.dag_id }} of {{ ds }} is {{ reason }}",
            html_content="<p>All <b>{{ params.n }}</b> rows.</p>",
        )
        with DAG("told", params={"n": 7}, on_success_callback=done):
            EmptyOperator(task_id="only")
        """,
        "told.py",
    )
    house.run_dag("told", logical_date="2026-03-01T00:00:00+00:00")
    (mail,) = server.to("carl@example.com")
    assert mail.message["Subject"] == "told of 2026-03-01 is success"
    assert mail.text.strip() == "All 7 rows."


def test_the_password_is_in_no_file_and_no_environment_of_tasks(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, BashOperator

        with DAG("looks"):
            BashOperator(task_id="look", bash_command="env; cat /proc/$PPID/environ | tr '\\\\0' '\\\\n'")
        """,
        "looks.py",
    )
    run = house.run_dag("looks")
    assert run["state"] == "success"
    for path in house.home.rglob("*"):
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes(), path


def test_without_a_mail_server_one_warning_says_that_no_mail_is_sent(
    house: House, tmp_path_factory: pytest.TempPathFactory
) -> None:
    alone = House(tmp_path_factory.mktemp("alone"))
    file = alone.write_dag(
        """
        from jupyter_flow import DAG, BashOperator

        with DAG("mute", default_args={"email": "ada@example.com"}):
            BashOperator(task_id="one", bash_command="false")
            BashOperator(task_id="two", bash_command="true")
        """,
        "mute.py",
    )
    found = alone.cli_json("dags", "errors")
    assert [(item["kind"], item["message"]) for item in found] == [
        (
            "warning",
            "DAG 'mute': email is set but smtp_host is not: no mail is sent (set c.JupyterFlow.smtp_host)",
        )
    ]
    run = alone.cli("run", str(file), "--json").json
    assert run["state"] == "failed"
    assert alone.rows("SELECT * FROM callback") == []
